//! Filters that are compiled once and then installed in many processes.

use crate::confine::{Confinement, Protection};
use crate::filter::{self, Program};
use crate::seccomp::{self, Subject};
use crate::sys::ENOSYS;
use std::io;
use std::os::fd::RawFd;

/// They stand in a compiled filter for the two numbers that differ from process to process. No
/// pid, no descriptor and no argument that a rule names is as large.
const ANY_PID: i32 = 0x7fff_0001;
const ANY_PROGRAM: RawFd = 0x7fff_0002;
const MOST_KEPT: usize = 8;

/// The filter of a box of one process.
pub struct Compiled {
    program: Program,
    pids: Vec<usize>,
    programs: Vec<usize>,
}

impl Compiled {
    fn of(confinement: &Confinement, signals_stay: bool) -> io::Result<Compiled> {
        let subject = Subject { pid: ANY_PID, program: Some(ANY_PROGRAM), signals_stay };
        let program = seccomp::program(confinement, &subject);
        let program = program.ok_or(io::Error::from_raw_os_error(ENOSYS))?;
        let pids = filter::comparisons(&program, ANY_PID as u32);
        let programs = filter::comparisons(&program, ANY_PROGRAM as u32);
        Ok(Compiled { program, pids, programs })
    }

    /// From here on this process has only the calls of the box. Allocates nothing.
    pub fn enter(&mut self, pid: i32, program: RawFd) -> io::Result<()> {
        for (places, value) in [(&self.pids, pid), (&self.programs, program)] {
            filter::compare_with(&mut self.program, places, value as u32);
        }
        seccomp::install(&self.program, 0).map(drop)
    }
}

/// What a filter depends on.
#[derive(PartialEq)]
struct Key {
    one_thread: bool,
    lifted: Vec<Protection>,
    signals_stay: bool,
}

/// The filters of the boxes that were entered last.
#[derive(Default)]
pub struct Filters(Vec<(Key, Compiled)>);

impl Filters {
    /// None if the box has no filter. The box must be one for one process.
    pub fn filter_of(
        &mut self,
        confinement: &Confinement,
        signals_stay: bool,
    ) -> io::Result<Option<&mut Compiled>> {
        if !seccomp::is_needed(confinement) {
            return Ok(None);
        }
        let (one_thread, lifted) = (confinement.threads <= 1, confinement.lifted.clone());
        let key = Key { one_thread, lifted, signals_stay };
        let known = self.0.iter().position(|(known, _)| *known == key);
        let at = match known {
            Some(at) => at,
            None => {
                self.0.truncate(MOST_KEPT - 1);
                self.0.insert(0, (key, Compiled::of(confinement, signals_stay)?));
                0
            }
        };
        Ok(Some(&mut self.0[at].1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent(threads: u64, lifted: &[Protection]) -> Confinement {
        Confinement { threads, lifted: lifted.to_vec(), ..Confinement::default() }
    }

    /// The filter with these numbers in it.
    fn filled(filters: &mut Filters, box_of: &Confinement, pid: i32, program: RawFd) -> Program {
        let compiled = filters.filter_of(box_of, false).unwrap().unwrap();
        filter::compare_with(&mut compiled.program, &compiled.pids, pid as u32);
        filter::compare_with(&mut compiled.program, &compiled.programs, program as u32);
        compiled.program.clone()
    }

    #[test]
    fn filled_in_filter_is_the_one_that_is_made_for_the_process() {
        let mut filters = Filters::default();
        for lifted in [&[][..], &[Protection::Signals], &[Protection::Processes]] {
            for threads in [1, 2] {
                for (pid, program) in [(77, 64), (78, 65)] {
                    let confinement = agent(threads, lifted);
                    let subject = Subject { pid, program: Some(program), signals_stay: false };
                    let own = seccomp::program(&confinement, &subject).unwrap();
                    assert_eq!(filled(&mut filters, &confinement, pid, program), own);
                }
            }
        }
        assert_eq!(filters.0.len(), 6);
    }

    #[test]
    fn only_the_latest_filters_are_kept() {
        let mut filters = Filters::default();
        for threads in [1, 2] {
            for signals_stay in [false, true] {
                for lifted in [Protection::Files, Protection::Network, Protection::Disk] {
                    filters.filter_of(&agent(threads, &[lifted]), signals_stay).unwrap();
                }
            }
        }
        assert_eq!(filters.0.len(), MOST_KEPT);
    }
}
