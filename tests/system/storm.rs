//! Many processes of many threads that spin: storm PROCESSES THREADS SECONDS

use std::time::{Duration, Instant};

extern "C" {
    fn fork() -> i32;
    fn setsid() -> i32;
}

fn spin(until: Instant) {
    while Instant::now() < until {
        std::hint::spin_loop();
    }
}

fn main() {
    let numbers: Vec<u64> = std::env::args().skip(1).map(|word| word.parse().unwrap()).collect();
    let [processes, threads, seconds] = numbers[..] else { panic!("three numbers") };
    let until = Instant::now() + Duration::from_secs(seconds);
    println!("storms");
    for _ in 0..processes {
        // SAFETY: this process has one thread.
        if unsafe { fork() } == 0 {
            // SAFETY: takes nothing.
            unsafe { setsid() };
            for _ in 1..threads {
                let _ = std::thread::Builder::new().stack_size(1 << 16).spawn(move || spin(until));
            }
            spin(until);
            return;
        }
    }
    std::thread::sleep(until - Instant::now());
}
