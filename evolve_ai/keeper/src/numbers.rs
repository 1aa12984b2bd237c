//! The numbers of system calls on x86_64 and aarch64, grouped by how a box treats them.
//! From asm/unistd_64.h and asm-generic/unistd.h of Linux 6.18; -1: there is no call of that name.

/// No system call has this number.
pub const NONE: u32 = u32::MAX;

const fn here(x86_64: i32, aarch64: i32) -> u32 {
    if cfg!(target_arch = "x86_64") {
        x86_64 as u32
    } else if cfg!(target_arch = "aarch64") {
        aarch64 as u32
    } else {
        NONE
    }
}

macro_rules! calls {
    ($($(#[$text:meta])* $group:ident { $($name:ident $x86_64:literal $aarch64:literal,)* })*) => {
        $(
            $(pub const $name: u32 = here($x86_64, $aarch64);)*
            $(#[$text])*
            pub const $group: &[u32] = &[$($name),*];
        )*
    };
}

calls! {
    /// Programs use these on their own memory, time and descriptors, and on files as far as
    /// Landlock allows.
    ORDINARY {
        READ 0 63,
        WRITE 1 64,
        READV 19 65,
        WRITEV 20 66,
        PREAD64 17 67,
        PWRITE64 18 68,
        PREADV 295 69,
        PWRITEV 296 70,
        PREADV2 327 286,
        PWRITEV2 328 287,
        CLOSE 3 57,
        CLOSE_RANGE 436 436,
        CREAT 85 -1,
        LSEEK 8 62,
        STAT 4 -1,
        FSTAT 5 80,
        LSTAT 6 -1,
        NEWFSTATAT 262 79,
        STATX 332 291,
        STATFS 137 43,
        FSTATFS 138 44,
        ACCESS 21 -1,
        FACCESSAT 269 48,
        FACCESSAT2 439 439,
        READLINK 89 -1,
        READLINKAT 267 78,
        GETCWD 79 17,
        MKDIR 83 -1,
        MKDIRAT 258 34,
        RMDIR 84 -1,
        UNLINK 87 -1,
        UNLINKAT 263 35,
        RENAME 82 -1,
        RENAMEAT 264 38,
        RENAMEAT2 316 276,
        GETDENTS 78 -1,
        GETDENTS64 217 61,
        FSYNC 74 82,
        FDATASYNC 75 83,
        SYNC_FILE_RANGE 277 84,
        FTRUNCATE 77 46,
        FADVISE64 221 223,
        UMASK 95 166,
        COPY_FILE_RANGE 326 285,
        SENDFILE 40 71,
        SPLICE 275 76,
        TEE 276 77,
        READAHEAD 187 213,
        DUP 32 23,
        DUP2 33 -1,
        DUP3 292 24,
        POLL 7 -1,
        PPOLL 271 73,
        SELECT 23 -1,
        PSELECT6 270 72,
        EPOLL_CTL 233 21,
        EPOLL_WAIT 232 -1,
        EPOLL_PWAIT 281 22,
        EPOLL_PWAIT2 441 441,
        EPOLL_CTL_OLD 214 -1,
        EPOLL_WAIT_OLD 215 -1,
        EVENTFD 284 -1,
        EVENTFD2 290 19,
        TIMERFD_CREATE 283 85,
        TIMERFD_SETTIME 286 86,
        TIMERFD_GETTIME 287 87,
        SIGNALFD 282 -1,
        SIGNALFD4 289 74,
        MUNMAP 11 215,
        MPROTECT 10 226,
        MREMAP 25 216,
        MADVISE 28 233,
        MINCORE 27 232,
        MSYNC 26 227,
        BRK 12 214,
        MEMBARRIER 324 283,
        PKEY_ALLOC 330 289,
        PKEY_FREE 331 290,
        PKEY_MPROTECT 329 288,
        RSEQ 334 293,
        SET_ROBUST_LIST 273 99,
        SET_TID_ADDRESS 218 96,
        FUTEX 202 98,
        FUTEX_WAITV 449 449,
        FUTEX_WAKE 454 454,
        FUTEX_WAIT 455 455,
        FUTEX_REQUEUE 456 456,
        ARCH_PRCTL 158 -1,
        EXIT 60 93,
        EXIT_GROUP 231 94,
        RT_SIGACTION 13 134,
        RT_SIGPROCMASK 14 135,
        RT_SIGRETURN 15 139,
        RT_SIGSUSPEND 130 133,
        RT_SIGPENDING 127 136,
        RT_SIGTIMEDWAIT 128 137,
        SIGALTSTACK 131 132,
        RESTART_SYSCALL 219 128,
        PAUSE 34 -1,
        NANOSLEEP 35 101,
        CLOCK_NANOSLEEP 230 115,
        CLOCK_GETTIME 228 113,
        CLOCK_GETRES 229 114,
        GETTIMEOFDAY 96 169,
        TIME 201 -1,
        TIMES 100 153,
        ALARM 37 -1,
        GETITIMER 36 102,
        SETITIMER 38 103,
        TIMER_SETTIME 223 110,
        TIMER_GETTIME 224 108,
        TIMER_GETOVERRUN 225 109,
        TIMER_DELETE 226 111,
        GETRANDOM 318 278,
        UNAME 63 160,
        SYSINFO 99 179,
        GETCPU 309 168,
        GETRUSAGE 98 165,
        GETRLIMIT 97 163,
        GETPID 39 172,
        GETTID 186 178,
        GETPPID 110 173,
        GETPGRP 111 -1,
        GETPGID 121 155,
        GETSID 124 156,
        GETUID 102 174,
        GETEUID 107 175,
        GETGID 104 176,
        GETEGID 108 177,
        GETRESUID 118 148,
        GETRESGID 120 150,
        GETGROUPS 115 158,
        CAPGET 125 90,
        GETPRIORITY 140 141,
        SCHED_YIELD 24 124,
        SCHED_GETAFFINITY 204 123,
        SCHED_GETPARAM 143 121,
        SCHED_GETSCHEDULER 145 120,
        SCHED_GET_PRIORITY_MAX 146 125,
        SCHED_GET_PRIORITY_MIN 147 126,
        WAIT4 61 260,
        WAITID 247 95,
    }
    NETWORK {
        SOCKET 41 198,
        SOCKETPAIR 53 199,
        CONNECT 42 203,
        BIND 49 200,
        LISTEN 50 201,
        ACCEPT 43 202,
        ACCEPT4 288 242,
        SENDTO 44 206,
        RECVFROM 45 207,
        SENDMSG 46 211,
        RECVMSG 47 212,
        SENDMMSG 307 269,
        RECVMMSG 299 243,
        SHUTDOWN 48 210,
        GETSOCKNAME 51 204,
        GETPEERNAME 52 205,
        SETSOCKOPT 54 208,
        GETSOCKOPT 55 209,
    }
    FORKING {
        FORK 57 -1,
        VFORK 58 -1,
    }
    EXECUTING {
        EXECVE 59 221,
    }
    /// Their first argument is a process, which may be the calling one itself.
    SIGNALLING_OWN {
        KILL 62 129,
        TKILL 200 130,
        RT_SIGQUEUEINFO 129 138,
    }
    SIGNALLING_OWN_THREAD {
        TGKILL 234 131,
        RT_TGSIGQUEUEINFO 297 240,
    }
    SIGNALLING {
        PIDFD_SEND_SIGNAL 424 424,
    }
    TRACING {
        PTRACE 101 117,
        PROCESS_VM_READV 310 270,
        PROCESS_VM_WRITEV 311 271,
        PROCESS_MADVISE 440 440,
        PIDFD_GETFD 438 438,
        KCMP 312 272,
    }
    /// No honest program needs these.
    KERNEL {
        MOUNT 165 40,
        UMOUNT2 166 39,
        PIVOT_ROOT 155 41,
        CHROOT 161 51,
        OPEN_TREE 428 428,
        OPEN_TREE_ATTR 467 467,
        MOVE_MOUNT 429 429,
        FSOPEN 430 430,
        FSCONFIG 431 431,
        FSMOUNT 432 432,
        FSPICK 433 433,
        MOUNT_SETATTR 442 442,
        UNSHARE 272 97,
        SETNS 308 268,
        SWAPON 167 224,
        SWAPOFF 168 225,
        REBOOT 169 142,
        KEXEC_LOAD 246 104,
        KEXEC_FILE_LOAD 320 294,
        INIT_MODULE 175 105,
        FINIT_MODULE 313 273,
        DELETE_MODULE 176 106,
        CREATE_MODULE 174 -1,
        BPF 321 280,
        PERF_EVENT_OPEN 298 241,
        USERFAULTFD 323 282,
        IO_URING_SETUP 425 425,
        IO_URING_ENTER 426 426,
        IO_URING_REGISTER 427 427,
        ADD_KEY 248 217,
        REQUEST_KEY 249 218,
        KEYCTL 250 219,
        PERSONALITY 135 92,
        QUOTACTL 179 60,
        QUOTACTL_FD 443 443,
        ACCT 163 89,
        SETTIMEOFDAY 164 170,
        CLOCK_SETTIME 227 112,
        CLOCK_ADJTIME 305 266,
        ADJTIMEX 159 171,
        SETHOSTNAME 170 161,
        SETDOMAINNAME 171 162,
        IOPL 172 -1,
        IOPERM 173 -1,
        MODIFY_LDT 154 -1,
        SYSLOG 103 116,
        VHANGUP 153 58,
        NFSSERVCTL 180 42,
        USELIB 134 -1,
        OPEN_BY_HANDLE_AT 304 265,
        FANOTIFY_INIT 300 262,
        FANOTIFY_MARK 301 263,
    }
    /// Programs try these but can do without them: their effects are visible to other processes, or
    /// outlive the program.
    SHARED {
        SHMGET 29 194,
        SHMAT 30 196,
        SHMDT 67 197,
        SHMCTL 31 195,
        SEMGET 64 190,
        SEMOP 65 193,
        SEMCTL 66 191,
        SEMTIMEDOP 220 192,
        MSGGET 68 186,
        MSGSND 69 189,
        MSGRCV 70 188,
        MSGCTL 71 187,
        MQ_OPEN 240 180,
        MQ_UNLINK 241 181,
        MQ_TIMEDSEND 242 182,
        MQ_TIMEDRECEIVE 243 183,
        MQ_NOTIFY 244 184,
        MQ_GETSETATTR 245 185,
        MEMFD_CREATE 319 279,
        INOTIFY_INIT 253 -1,
        INOTIFY_INIT1 294 26,
        INOTIFY_ADD_WATCH 254 27,
        INOTIFY_RM_WATCH 255 28,
        NAME_TO_HANDLE_AT 303 264,
        SCHED_SETAFFINITY 203 122,
        SCHED_SETATTR 314 274,
        SCHED_SETPARAM 142 118,
        SCHED_SETSCHEDULER 144 119,
        SETPRIORITY 141 140,
        IOPRIO_SET 251 30,
    }
    METADATA {
        CHMOD 90 -1,
        FCHMOD 91 52,
        FCHMODAT 268 53,
        FCHMODAT2 452 452,
        CHOWN 92 -1,
        LCHOWN 94 -1,
        FCHOWN 93 55,
        FCHOWNAT 260 54,
        UTIME 132 -1,
        UTIMES 235 -1,
        FUTIMESAT 261 -1,
        UTIMENSAT 280 88,
        FILE_SETATTR 469 469,
    }
    ATTRIBUTES {
        SETXATTR 188 5,
        LSETXATTR 189 6,
        FSETXATTR 190 7,
        SETXATTRAT 463 463,
        REMOVEXATTR 197 14,
        LREMOVEXATTR 198 15,
        FREMOVEXATTR 199 16,
        REMOVEXATTRAT 466 466,
    }
    LINKING {
        LINK 86 -1,
        LINKAT 265 37,
        SYMLINK 88 -1,
        SYMLINKAT 266 36,
        MKNOD 133 -1,
        MKNODAT 259 33,
    }
    /// The kernel counts their use for all processes of a user together.
    WAITING {
        EPOLL_CREATE 213 -1,
        EPOLL_CREATE1 291 20,
    }
    PIPES {
        PIPE 22 -1,
        PIPE2 293 59,
    }
    /// By these a process would leave the group that is ended as a whole.
    PARTING {
        SETSID 112 157,
        SETPGID 109 154,
    }
    LEAVING {
        CHDIR 80 49,
        FCHDIR 81 50,
    }
    IDENTITIES {
        SETUID 105 146,
        SETGID 106 144,
        SETREUID 113 145,
        SETREGID 114 143,
        SETRESUID 117 147,
        SETRESGID 119 149,
        SETFSUID 122 151,
        SETFSGID 123 152,
        SETGROUPS 116 159,
        CAPSET 126 91,
    }
    /// Libraries try these first, and then fall back to calls whose arguments a filter can read.
    LATER {
        CLONE3 435 435,
        OPENAT2 437 437,
    }
}

// Calls about which their arguments decide.
pub const OPEN: u32 = here(2, -1);
pub const OPENAT: u32 = here(257, 56);
pub const CLONE: u32 = here(56, 220);
pub const EXECVEAT: u32 = here(322, 281);
pub const FCNTL: u32 = here(72, 25);
pub const IOCTL: u32 = here(16, 29);
pub const FALLOCATE: u32 = here(285, 47);
pub const FLOCK: u32 = here(73, 32);
pub const MMAP: u32 = here(9, 222);
pub const PRCTL: u32 = here(157, 167);
pub const SETRLIMIT: u32 = here(160, 164);
pub const PRLIMIT64: u32 = here(302, 261);
pub const TRUNCATE: u32 = here(76, 45);
pub const SECCOMP: u32 = here(317, 277);
pub const TIMER_CREATE: u32 = here(222, 107);
