//! Rules for changing modes, owners, times and attributes of files, which Landlock does not cover
//! (landlock(7)).

use crate::confine::{Confinement, Protection};
use crate::filter::{self, allow, argument, masked, refuse, Program};
use crate::numbers as calls;
use crate::seccomp::Rules;
use crate::sys::{self, EOPNOTSUPP, EPERM};

const S_ISUID: u32 = 0o4000;
const S_ISGID: u32 = 0o2000;
const ALL_OF_A_MODE: u32 = 0o7777;
/// GNU ld makes its output executable by path, with all permissions that the umask allows.
const OF_LINKERS: u32 = 0o700;

/// Linkers in a build need `OF_LINKERS` and no other mode: so a build cannot open a file to other
/// accounts by its path.
pub fn set_umask(confinement: &Confinement) {
    if confinement.processes.is_some() && confinement.holds(Protection::Metadata) {
        sys::set_umask(!OF_LINKERS & 0o777);
    }
}

/// Allows a call unless the mode in this argument has the setuid or setgid bit.
pub fn without_set_id(mode: u32) -> Program {
    [argument(mode), filter::if_any_bit(S_ISUID | S_ISGID, refuse(EPERM), allow())].concat()
}

impl Rules<'_> {
    /// Agents need none of these calls. Compilers need `OF_LINKERS`, and build scripts copy files
    /// by descriptor, which they cannot have for files that they must not read. mkdir(2) drops both
    /// bits.
    pub fn metadata(&mut self) {
        self.of(Protection::Metadata, calls::METADATA, refuse(EPERM));
        self.of(Protection::Metadata, calls::ATTRIBUTES, refuse(EPERM));
        self.of(Protection::Metadata, calls::LINKING, refuse(EPERM));
        self.of(Protection::Metadata, &[calls::CREAT], without_set_id(1));
        if !self.is_build() {
            return;
        }
        self.of(Protection::Metadata, calls::LINKING, allow());
        for (number, mode) in [(calls::MKNOD, 1), (calls::MKNODAT, 2), (calls::FCHMOD, 1)] {
            self.of(Protection::Metadata, &[number], without_set_id(mode));
        }
        for (number, mode) in [(calls::CHMOD, 1), (calls::FCHMODAT, 2), (calls::FCHMODAT2, 2)] {
            let executable = filter::if_equal(OF_LINKERS, allow(), refuse(EPERM));
            let executable = [masked(mode, ALL_OF_A_MODE), executable].concat();
            self.of(Protection::Metadata, &[number], executable);
        }
        // Programs that copy files take this error for a file system without attributes, and go on.
        self.of(Protection::Metadata, calls::ATTRIBUTES, refuse(EOPNOTSUPP));
        let by_descriptor = filter::if_null(1, allow(), refuse(EPERM));
        self.of(Protection::Metadata, &[calls::UTIMENSAT], by_descriptor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::tests::run;
    use crate::seccomp::{program, Subject};

    const ALLOWED: u32 = 0x7fff_0000;
    const REFUSED: u32 = 0x0005_0000 | EPERM as u32;
    const NAMELESS: u64 = 0o20_000_000;

    fn told(confinement: &Confinement, number: u32, arguments: [u64; 4]) -> u32 {
        let subject = Subject { pid: 77, program: None, signals_stay: true };
        let [a, b, c, d] = arguments;
        run(&program(confinement, &subject).unwrap(), number, [a, b, c, d, 0, 0])
    }

    fn agent() -> Confinement {
        Confinement { threads: 1, ..Confinement::default() }
    }

    fn build() -> Confinement {
        Confinement { processes: Some(9), ..agent() }
    }

    #[test]
    fn build_makes_programs_executable_by_path_and_nothing_else() {
        for (number, mode) in [(calls::FCHMODAT, 2), (calls::FCHMODAT2, 2), (calls::CHMOD, 1)] {
            let with = |value| {
                let mut arguments = [1, 1, 1, 0];
                arguments[mode] = value;
                told(&build(), number, arguments)
            };
            if number != calls::NONE {
                assert_eq!([0o700, 0o100_700].map(with), [ALLOWED; 2]);
                assert_eq!(
                    [0, 0o600, 0o644, 0o755, 0o4700, 0o2700, 0o1700].map(with),
                    [REFUSED; 7]
                );
            }
        }
    }

    #[test]
    fn build_sets_no_id_bit_by_a_descriptor_nor_on_what_it_makes() {
        let by_handle = |mode| told(&build(), calls::FCHMOD, [3, mode, 0, 0]);
        assert_eq!([0o644, 0o755, 0, 0o1777].map(by_handle), [ALLOWED; 4]);
        assert_eq!([0o4755, 0o2755, 0o104_600].map(by_handle), [REFUSED; 3]);
        let node = |mode| told(&build(), calls::MKNODAT, [0, 1, mode, 0]);
        assert_eq!((node(0o10_644), node(0o104_644)), (ALLOWED, REFUSED));
        assert_eq!(told(&agent(), calls::MKNODAT, [0, 1, 0o10_644, 0]), REFUSED);
    }

    #[test]
    fn nobody_makes_a_file_with_an_id_bit() {
        for confinement in [agent(), build()] {
            let made = |flags, mode| told(&confinement, calls::OPENAT, [0, 1, flags, mode]);
            assert_eq!([0o666, 0o777].map(|mode| made(0o101, mode)), [ALLOWED; 2]);
            assert_eq!([0o4755, 0o2755].map(|mode| made(0o101, mode)), [REFUSED; 2]);
            if calls::CREAT != calls::NONE {
                assert_eq!(told(&confinement, calls::CREAT, [1, 0o666, 0, 0]), ALLOWED);
                assert_eq!(told(&confinement, calls::CREAT, [1, 0o4755, 0, 0]), REFUSED);
            }
            // Without O_CREAT the mode argument means nothing, and may have any value.
            assert_eq!(made(0o1, 0o4755), ALLOWED);
        }
    }

    #[test]
    fn nobody_makes_a_file_without_a_name() {
        let refused = 0x0005_0000 | EOPNOTSUPP as u32;
        for confinement in [agent(), build()] {
            let made = |flags| told(&confinement, calls::OPENAT, [0, 1, flags, 0o600]);
            assert_eq!(
                [0o2, 0o200_002, 0o40_002].map(|flags| made(flags | NAMELESS)),
                [refused; 3]
            );
            assert_eq!(made(0o200_000), ALLOWED);
        }
        let lifted = Confinement { lifted: vec![Protection::Disk], ..agent() };
        let nameless = |mode| told(&lifted, calls::OPENAT, [0, 1, 0o200_002 | NAMELESS, mode]);
        assert_eq!((nameless(0o600), nameless(0o4600)), (ALLOWED, REFUSED));
    }

    #[test]
    fn build_sets_times_by_a_descriptor_alone() {
        let times = |path| told(&build(), calls::UTIMENSAT, [3, path, 1, 0]);
        assert_eq!((times(0), times(1), times(1 << 40)), (ALLOWED, REFUSED, REFUSED));
        assert_eq!(told(&agent(), calls::UTIMENSAT, [3, 0, 1, 0]), REFUSED);
    }

    #[test]
    fn build_sets_neither_owners_nor_attributes() {
        for number in [calls::FCHOWN, calls::FCHOWNAT, calls::FILE_SETATTR] {
            assert_eq!(told(&build(), number, [3, 1, 1, 1]), REFUSED);
        }
        let unknown = 0x0005_0000 | EOPNOTSUPP as u32;
        for &number in calls::ATTRIBUTES {
            assert_eq!(told(&build(), number, [3, 1, 1, 1]), unknown);
            assert_eq!(told(&agent(), number, [3, 1, 1, 1]), REFUSED);
        }
    }
}
