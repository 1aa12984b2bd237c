//! evolve-keeper FOLDER ORPHAN_SECONDS: starts agents on request, reaps them, and records how they
//! ended. It decides nothing, and outlives the process that started it.
//!
//! Exit codes: 0 nobody needs it any more, 1 it cannot work here, 2 usage, 3 the folder has one.
//! Other programs can use its boxes, too: `evolve-keeper box` and `evolve-keeper probe`.

mod births;
mod capture;
mod child;
mod children;
mod client;
mod compiled;
mod confine;
mod cost;
mod descendants;
mod filter;
mod handover;
mod journal;
mod keeper;
mod landlock;
mod limits;
mod metadata;
mod monitor;
mod mounts;
mod namespaces;
mod numbers;
mod privileges;
mod probe;
mod process;
mod requests;
mod seccomp;
mod share;
mod spawn;
mod starters;
mod status;
mod sys;
mod tree;
mod trial;
mod trial_box;
mod trial_filter;
mod trial_init;
mod trial_plain;
mod trial_program;
mod trial_report;
mod trial_run;
mod trial_server;
mod trial_watch;
mod trial_words;
mod watch;
mod wire;

use confine::Failure;
use journal::Journal;
use keeper::{Keeper, SOCKET};
use starters::Starters;
use std::env;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, IntoRawFd};
use std::os::unix::net::UnixListener;
use std::process::exit;
use std::time::Duration;
use sys::Exit;

const LOCK: &str = "keeper.lock";
const LOG: &str = "keeper.log";
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
const HELD: i32 = 3;

fn main() {
    let arguments: Vec<_> = env::args_os().collect();
    if arguments.first().is_some_and(|name| name == mounts::RUN) {
        trial_run::run(&arguments[1..])
    }
    match arguments.get(1).and_then(|word| word.to_str()) {
        Some("box") => run_box(&arguments[2..]),
        Some("trial") => trial::run(&arguments[2..]),
        Some("probe") => leave(probe::run(arguments[2..].to_vec()).map(Exit::Code)),
        _ => run_keeper(&arguments),
    }
}

fn run_box(words: &[OsString]) -> ! {
    match monitor::Command::from_words(words) {
        Ok(Some(command)) => command.run(),
        Ok(None) => eprintln!("usage: evolve-keeper box [OPTION VALUE]... -- FILE ARGV0 ARG..."),
        Err(text) => eprintln!("evolve-keeper: usage: {text}"),
    }
    exit(monitor::NOT_STARTED)
}

fn leave(done: Result<Exit, Failure>) -> ! {
    match done {
        Ok(exit) => process::end_as(exit),
        Err(failure) => {
            eprintln!("evolve-keeper: {failure}");
            exit(monitor::NOT_STARTED)
        }
    }
}

fn run_keeper(arguments: &[OsString]) {
    let seconds = arguments.get(2).and_then(|text| text.to_str()?.parse().ok());
    let (3, Some(seconds)) = (arguments.len(), seconds) else {
        eprintln!("usage: evolve-keeper FOLDER ORPHAN_SECONDS");
        exit(2);
    };
    let kept = env::set_current_dir(&arguments[1])
        .and_then(|()| detach())
        .and_then(|()| keep(Duration::from_secs(seconds)));
    if let Err(error) = kept {
        eprintln!("evolve-keeper: {error}");
        exit(1);
    }
}

/// Leave the terminal, session and open files of the process that started us.
fn detach() -> io::Result<()> {
    // This fails if we lead a session already, as we do when our client starts us.
    let _ = sys::start_session();
    sys::set_umask(0o022);
    sys::close_from(child::FRAMES_IN, None)?;
    let nothing = hold_what_agents_use()?;
    let log = OpenOptions::new().append(true).create(true).open(LOG)?;
    sys::duplicate(&nothing, 0)?;
    sys::duplicate(&nothing, 1)?;
    sys::duplicate(&log, 2)
}

/// Occupy the descriptors at which a child puts its pipes, so that no file of ours gets them.
fn hold_what_agents_use() -> io::Result<File> {
    loop {
        let nothing = OpenOptions::new().read(true).write(true).open("/dev/null")?;
        if nothing.as_raw_fd() > child::FRAMES_OUT {
            return Ok(nothing);
        }
        let _held_for_ever = nothing.into_raw_fd();
    }
}

fn keep(orphan_time: Duration) -> io::Result<()> {
    let lock = OpenOptions::new().write(true).create(true).truncate(false).open(LOCK)?;
    if !sys::lock(&lock)? {
        exit(HELD);
    }
    sys::become_subreaper()?;
    sys::ignore_too_large_files();
    let boot_id = fs::read_to_string(BOOT_ID)?.trim().to_owned();
    let deaths = sys::deaths(&[])?;
    let journal = Journal::open(&boot_id)?;
    // Their threads inherit that SIGCHLD is blocked.
    let starters = Starters::begin()?;
    // Listen last, so that a client that can connect is served at once.
    Keeper::new(boot_id, orphan_time, listen()?, deaths, journal, starters).serve()
}

fn listen() -> io::Result<UnixListener> {
    match fs::remove_file(SOCKET) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    sys::set_umask(0o177);
    let listener = UnixListener::bind(SOCKET);
    sys::set_umask(0o022);
    let listener = listener?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}
