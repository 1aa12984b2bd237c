//! The child of every supervisor that is measured: `child MARK` is an agent that speaks the protocol
//! on descriptors 3 and 4, `child MARK blocks` just sleeps. Both write a line when they get SIGUSR1.
//! None outlives two hours, whatever becomes of the benchmark.

#[path = "../tests/fake_agents/echo.rs"]
mod echo;

const SIGUSR1: i32 = 10;
const SIGPIPE: i32 = 13;
const DEFAULT: usize = 0;
const LONGEST_SECONDS: u32 = 7200;
const LINE: &[u8] = b"alive\n";

extern "C" {
    fn alarm(seconds: u32) -> u32;
    fn pause() -> i32;
    fn signal(number: i32, handler: usize) -> usize;
    fn write(descriptor: i32, data: *const u8, size: usize) -> isize;
}

extern "C" fn speak(_: i32) {
    // SAFETY: write(2) may be called in a signal handler, and the line lives for ever.
    unsafe { write(1, LINE.as_ptr(), LINE.len()) };
}

fn main() {
    // SAFETY: none of these calls touches memory of ours, and the handler only calls write(2).
    // Rust ignores SIGPIPE; most programs do not, and those of Rust panic when they cannot print.
    unsafe {
        alarm(LONGEST_SECONDS);
        signal(SIGPIPE, DEFAULT);
        signal(SIGUSR1, speak as extern "C" fn(i32) as usize);
    }
    if std::env::args().nth(2).as_deref() != Some("blocks") {
        return echo::main();
    }
    loop {
        // SAFETY: pause(2) has no arguments.
        unsafe { pause() };
    }
}
