//! The threads that start agents. Each waits until its child has become a program, so that several
//! starts are under way at a time.

use crate::spawn::{Job, Started, Starter};
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{channel, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;

/// More threads gain nothing: two start agents as fast as a client can prepare them.
const THREADS: usize = 2;
/// While so many starts are under way, no more requests are read: a new client waits for them.
const MANY: usize = 64;

pub struct Starters {
    jobs: Sender<Job>,
    started: Receiver<Started>,
    bell: UnixStream,
    under_way: usize,
}

impl AsRawFd for Starters {
    /// Readable when a start has come to its end.
    fn as_raw_fd(&self) -> RawFd {
        self.bell.as_raw_fd()
    }
}

impl Starters {
    pub fn begin() -> io::Result<Starters> {
        let (jobs, queue) = channel();
        let (teller, started) = channel();
        let (bell, ringer) = UnixStream::pair()?;
        bell.set_nonblocking(true)?;
        ringer.set_nonblocking(true)?;
        let (queue, ringer) = (Arc::new(Mutex::new(queue)), Arc::new(ringer));
        for _ in 0..THREADS {
            let (queue, teller, ringer) = (queue.clone(), teller.clone(), ringer.clone());
            thread::Builder::new().spawn(move || serve(&queue, &teller, &ringer))?;
        }
        Ok(Starters { jobs, started, bell, under_way: 0 })
    }

    pub fn add(&mut self, job: Job) {
        // The threads live as long as this process.
        if self.jobs.send(job).is_ok() {
            self.under_way += 1;
        }
    }

    pub fn are_busy(&self) -> bool {
        self.under_way > 0
    }

    pub fn have_enough(&self) -> bool {
        self.under_way >= MANY
    }

    /// A start that has come to its end; None if there is no other one yet.
    pub fn next(&mut self) -> Option<Started> {
        // Before the look: so a bell that rings after it is heard.
        let _ = self.bell.read(&mut [0; 256]);
        let started = self.started.try_recv().ok()?;
        self.under_way -= 1;
        Some(started)
    }

    /// The next start that comes to its end; None if none is under way.
    pub fn wait(&mut self) -> Option<Started> {
        if !self.are_busy() {
            return None;
        }
        let started = self.started.recv().ok()?;
        self.under_way -= 1;
        Some(started)
    }
}

fn serve(queue: &Mutex<Receiver<Job>>, teller: &Sender<Started>, mut ringer: &UnixStream) {
    let mut starter = Starter::new();
    loop {
        let Ok(Ok(job)) = queue.lock().map(|queue| queue.recv()) else { return };
        if teller.send(starter.start(job)).is_err() {
            return;
        }
        // If that is full, it rings already.
        let _ = ringer.write(&[1]);
    }
}
