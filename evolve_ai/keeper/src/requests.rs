//! Owns calls that a filter judges by their arguments, and those that use up what all share.

use crate::confine::Protection;
use crate::filter::{self, allow, argument, masked, refuse, Program};
use crate::metadata;
use crate::numbers as calls;
use crate::seccomp::Rules;
use crate::sys::{EINVAL, ENOLCK, ENOMEM, ENOSYS, ENOTTY, EOPNOTSUPP, EPERM};

const O_ACCMODE: u32 = 3;
const O_TRUNC: u32 = 0o1000;
const O_RDONLY: u32 = 0;
const O_CREAT: u32 = 0o100;
/// The bit that says so: in fcntl.h it stands together with O_DIRECTORY.
const O_TMPFILE: u32 = 0o20_000_000;
const MAP_HUGETLB: u32 = 0x4_0000;

/// Without those by which another process is sent signals: F_SETOWN, F_SETSIG, F_NOTIFY, ...
/// From F_DUPFD to F_SETLKW; F_OFD_*; F_DUPFD_CLOEXEC; F_GETPIPE_SZ; F_GET_SEALS.
const FCNTL: &[u32] = &[0, 1, 2, 3, 4, 5, 6, 7, 36, 37, 38, 1030, 1032, 1034];
/// Each locked byte is memory of the kernel that nobody counts; leases stop others.
/// F_SETLK, F_SETLKW, F_OFD_SETLK, F_OFD_SETLKW, F_SETLEASE.
const LOCKS: &[u32] = &[6, 7, 37, 38, 1024];
/// F_NOTIFY watches a folder, F_SETPIPE_SZ makes a pipe larger.
const OF_THE_USER: &[u32] = &[1026, 1031];
/// TCGETS, TCGETS2 and TIOCGWINSZ (isatty), FIONREAD, FIONBIO, FIONCLEX, FIOCLEX.
const IOCTL: &[u32] = &[0x5401, 0x802c_542a, 0x5413, 0x541b, 0x5421, 0x5450, 0x5451];
/// Without PR_SET_DUMPABLE, which hides its folder and its program from whoever is not root.
/// PR_GET_DUMPABLE, PR_SET_NAME, PR_GET_NAME, PR_GET_SECCOMP, PR_CAPBSET_READ, PR_SET_TIMERSLACK,
/// PR_GET_TIMERSLACK, PR_SET_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS, PR_SET_VMA.
const PRCTL: &[u32] = &[3, 15, 16, 21, 23, 29, 30, 38, 39, 0x5356_4d41];

impl Rules<'_> {
    pub fn files(&mut self) {
        for (number, flags) in [(calls::OPEN, 1), (calls::OPENAT, 2)] {
            let opened = self.opening(flags);
            self.set(&[number], opened);
        }
        self.of(Protection::Files, &[calls::TRUNCATE], refuse(EPERM));
        // In any other mode it takes room on the disk that no size of a file tells of, and no limit.
        let plain = filter::if_equal(0, allow(), refuse(EOPNOTSUPP));
        self.of(Protection::Disk, &[calls::FALLOCATE], [argument(1), plain].concat());
    }

    /// The mode is the argument after the flags.
    fn opening(&self, flags: u32) -> Program {
        let mut opened = allow();
        if self.holds(Protection::Metadata) {
            let made = metadata::without_set_id(flags + 1);
            opened = filter::if_any_bit(O_CREAT | O_TMPFILE, made, opened);
        }
        // A file without a name changes no folder: nobody would look for what it holds.
        if self.holds(Protection::Disk) {
            opened = filter::if_any_bit(O_TMPFILE, refuse(EOPNOTSUPP), opened);
        }
        opened = [argument(flags), opened].concat();
        if !self.holds(Protection::Files) {
            return opened;
        }
        // Before its third version Landlock did not see that a file is emptied, and it never sees
        // one that is opened neither to read nor to write.
        let emptied = filter::if_equal(O_TRUNC | O_RDONLY, refuse(EPERM), opened);
        let emptied = [masked(flags, O_TRUNC | O_ACCMODE), emptied].concat();
        let neither = filter::if_equal(O_ACCMODE, refuse(EPERM), emptied);
        [masked(flags, O_ACCMODE), neither].concat()
    }

    /// What is counted for all processes of a user together, or for the whole machine: not to be
    /// had where there is no need of it. What is limited besides: limits.rs.
    pub fn shared(&mut self) {
        let huge = filter::if_any_bit(MAP_HUGETLB, refuse(ENOMEM), allow());
        self.of(Protection::Shared, &[calls::MMAP], [argument(3), huge].concat());
        self.of(Protection::Shared, calls::WAITING, refuse(ENOSYS));
        let by_compilers = |program: Program| if self.is_build() { allow() } else { program };
        let [pipes, lock] = [EPERM, ENOLCK].map(|errno| by_compilers(refuse(errno)));
        self.of(Protection::Shared, calls::PIPES, pipes);
        self.of(Protection::Shared, &[calls::FLOCK], lock);
    }

    /// Calls that are many in one, and limits, which may be read.
    pub fn requests(&mut self) {
        let among = |values: &[u32], index: u32, errno: i32| {
            [argument(index), filter::if_any_of(values, allow(), refuse(errno))].concat()
        };
        self.set(&[calls::FCNTL], self.requests_of_files());
        self.of(Protection::Kernel, &[calls::IOCTL], among(IOCTL, 1, ENOTTY));
        self.of(Protection::Kernel, &[calls::PRCTL], among(PRCTL, 0, EINVAL));
        self.of(Protection::Limits, &[calls::SETRLIMIT], refuse(EPERM));
        let prlimit = filter::if_null(2, allow(), refuse(EPERM));
        self.of(Protection::Limits, &[calls::PRLIMIT64], prlimit);
    }

    fn requests_of_files(&self) -> Program {
        let others = match self.holds(Protection::Signals) {
            true => filter::if_any_of(FCNTL, allow(), refuse(EPERM)),
            false => allow(),
        };
        let judged = match self.holds(Protection::Shared) {
            true => {
                let larger = filter::if_any_of(OF_THE_USER, refuse(EPERM), others);
                filter::if_any_of(LOCKS, refuse(ENOLCK), larger)
            }
            false => others,
        };
        [argument(1), judged].concat()
    }
}
