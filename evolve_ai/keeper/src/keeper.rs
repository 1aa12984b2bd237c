//! The main loop: carries out requests, and records and reports deaths.

use crate::children::{Children, Death};
use crate::client::{Client, Gone};
use crate::journal::{self, Journal};
use crate::spawn::{Job, Started};
use crate::starters::Starters;
use crate::sys::{self, Watched};
use crate::wire::{Launch, Request};
use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub const SOCKET: &str = "keeper.sock";
const PROTOCOL: &str = "2";
/// Time between two looks for strays, and between two attempts to write to a full disk.
const LOOK: Duration = Duration::from_secs(2);
const NO_DESCRIPTOR_PAUSE: Duration = Duration::from_millis(50);

pub struct Keeper {
    boot_id: String,
    orphan_time: Duration,
    listener: UnixListener,
    deaths: File,
    journal: Journal,
    children: Children,
    starters: Starters,
    client: Option<Client>,
    /// Programs that this client has sent, by the names that it gave them.
    programs: BTreeMap<String, Arc<File>>,
    unwritten: VecDeque<String>,
    is_leaving: bool,
    alone_since: Instant,
    looked_at: Instant,
}

impl Keeper {
    pub fn new(
        boot_id: String,
        orphan_time: Duration,
        listener: UnixListener,
        deaths: File,
        journal: Journal,
        starters: Starters,
    ) -> Keeper {
        Keeper {
            boot_id,
            orphan_time,
            listener,
            deaths,
            journal,
            children: Children::default(),
            starters,
            client: None,
            programs: BTreeMap::new(),
            unwritten: VecDeque::new(),
            is_leaving: false,
            alone_since: Instant::now(),
            looked_at: Instant::now(),
        }
    }

    /// Serve until nobody needs this keeper.
    pub fn serve(mut self) -> io::Result<()> {
        while !self.is_done()? {
            let (somebody_died, somebody_calls, client_speaks) = self.wait()?;
            // The kernel looks at all children each time: so not each time a start is heard of.
            if somebody_died || self.looked_at.elapsed() >= LOOK {
                self.reap()?;
            }
            self.hear_starters();
            if somebody_calls {
                self.welcome();
            } else if client_speaks {
                self.attend();
            }
            if self.looked_at.elapsed() >= LOOK {
                self.children.end_strays();
                self.looked_at = Instant::now();
            }
            self.write_what_waits();
            self.send();
        }
        fs::remove_file(SOCKET)
    }

    fn is_done(&self) -> io::Result<bool> {
        let is_orphan = self.client.is_none() && self.alone_since.elapsed() >= self.orphan_time;
        let is_over = self.is_leaving || is_orphan;
        Ok(is_over && !self.starters.are_busy() && self.children.are_none()?)
    }

    /// Whether a child has ended, whether a new client wants to connect, and whether the present one
    /// has written.
    fn wait(&mut self) -> io::Result<(bool, bool, bool)> {
        let mut watched = vec![
            Watched::new(&self.listener, sys::POLLIN),
            Watched::new(&self.deaths, sys::POLLIN),
            Watched::new(&self.starters, sys::POLLIN),
        ];
        if let Some(client) = &self.client {
            let out = if client.has_more_to_hear() { sys::POLLOUT } else { 0 };
            let into = if self.starters.have_enough() { 0 } else { sys::POLLIN };
            watched.push(Watched::new(client, into | out));
        }
        sys::wait(&mut watched, self.patience())?;
        if watched[1].is_ready() {
            // The number of signals does not matter: we look for all ended children anyway.
            let _ = self.deaths.read(&mut [0; 4096]);
        }
        let [caller, death] = [&watched[0], &watched[1]].map(Watched::is_ready);
        Ok((death, caller, watched.get(3).is_some_and(Watched::is_ready)))
    }

    fn patience(&self) -> Option<Duration> {
        if self.is_leaving || self.children.has_agents() || !self.unwritten.is_empty() {
            return Some(LOOK.saturating_sub(self.looked_at.elapsed()));
        }
        let left = self.orphan_time.saturating_sub(self.alone_since.elapsed());
        // When the time is up, strays may still be left: go on looking for them.
        self.client.is_none().then_some(if left.is_zero() { LOOK } else { left })
    }

    fn reap(&mut self) -> io::Result<()> {
        let mut died = false;
        while let Some(death) = self.children.next_death(self.starters.are_busy())? {
            died = true;
            if let Some(death) = death {
                self.mourn(&death);
            }
        }
        if died {
            self.children.end_strays();
        }
        Ok(())
    }

    fn mourn(&mut self, death: &Death) {
        let Death { id, process, exit } = death;
        self.write(journal::end_line(id, *process, *exit));
        let (kind, number) = journal::told(*exit);
        let [pid, start] = [process.pid.to_string(), process.start_time.to_string()];
        self.tell(&["ended", id, &pid, &start, kind, &number.to_string()]);
    }

    fn hear_starters(&mut self) {
        while let Some(started) = self.starters.next() {
            self.take_in(started);
        }
    }

    /// So that the journal has all that was requested so far.
    fn finish_starts(&mut self) {
        while let Some(started) = self.starters.wait() {
            self.take_in(started);
        }
    }

    fn welcome(&mut self) {
        // A new client must find in the journal whatever the last one has requested.
        self.finish_starts();
        match self.listener.accept().and_then(|(stream, _)| Client::new(stream)) {
            Ok(mut client) => {
                let pid = std::process::id().to_string();
                client.tell(&["keeper", PROTOCOL, &pid, &self.boot_id]);
                self.client = Some(client);
                self.programs.clear();
                self.is_leaving = false;
            }
            // The client goes on trying: without a pause we would only refuse it again and again.
            Err(_) => std::thread::sleep(NO_DESCRIPTOR_PAUSE),
        }
    }

    fn attend(&mut self) {
        let Some(client) = &mut self.client else { return };
        match client.listen() {
            Ok(requests) => requests.into_iter().for_each(|request| self.carry_out(request)),
            Err(Gone) => self.hang_up(),
        }
    }

    fn carry_out(&mut self, request: Request) {
        match request {
            Request::Spawn(launch) => self.spawn(*launch),
            Request::Program(name) => {
                let file = self.client.as_mut().and_then(Client::next_file);
                self.programs.extend(file.map(|file| (name, Arc::new(file))));
            }
            Request::Forget(name) => drop(self.programs.remove(&name)),
            Request::Compact(offset) => self.compact(offset),
            Request::Leave => self.is_leaving = true,
        }
    }

    fn spawn(&mut self, launch: Launch) {
        let program = self.programs.get(&launch.program).cloned();
        self.starters.add(Job { launch, program, journal: self.journal.share() });
    }

    fn take_in(&mut self, started: Started) {
        let Started { serial, id, note, process, is_on_record } = started;
        let serial = serial.to_string();
        match process {
            Ok(process) => {
                let [pid, start] = [process.pid.to_string(), process.start_time.to_string()];
                self.tell(&["started", &serial, &pid, &start]);
                if let Some(death) = self.children.add(id, process) {
                    self.mourn(&death);
                }
            }
            Err(failure) => {
                let errno = failure.error.raw_os_error().unwrap_or(sys::EINVAL);
                if is_on_record {
                    self.write(journal::failure_line(&id, &note, errno));
                }
                self.tell(&["refused", &serial, &errno.to_string(), &failure.to_string()]);
            }
        }
        if !self.starters.are_busy() {
            self.children.forget_early();
        }
    }

    fn compact(&mut self, offset: u64) {
        // Agents-to-be write to the file as it is now.
        self.finish_starts();
        let children = &self.children;
        // Agents of an earlier keeper are not our children, but may be alive.
        let lives = |process| {
            children.is_agent(process)
                || journal::start_time(&process.pid.to_string()) == Some(process.start_time)
        };
        let done = self.journal.compact(offset, lives);
        let errno = done.map_or_else(|error| error.raw_os_error().unwrap_or(sys::EINVAL), |()| 0);
        self.tell(&["compacted", &errno.to_string()]);
    }

    /// Write a line now or, if the disk is full, as soon as there is room.
    fn write(&mut self, line: String) {
        self.unwritten.push_back(line);
        self.write_what_waits();
    }

    fn write_what_waits(&mut self) {
        while let Some(line) = self.unwritten.front() {
            if self.journal.append(line).is_err() {
                break;
            }
            self.unwritten.pop_front();
        }
    }

    fn tell(&mut self, fields: &[&str]) {
        if let Some(client) = &mut self.client {
            client.tell(fields);
        }
    }

    fn send(&mut self) {
        if let Some(Err(Gone)) = self.client.as_mut().map(Client::send) {
            self.hang_up();
        }
    }

    fn hang_up(&mut self) {
        self.client = None;
        self.alone_since = Instant::now();
    }
}
