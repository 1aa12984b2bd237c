//! The agent as a process: frames in on descriptor 3, frames out on descriptor 4.

use super::frame;
use super::life::{Gene, Life};
use super::message::{Hello, Message, Order, Percept};
use super::msgpack;
use super::mutation::mutate_file;
use super::value::Value;
use std::fs::File;
use std::io::Write;
use std::mem::ManuallyDrop;
use std::os::fd::{FromRawFd, RawFd};
use std::path::Path;
use std::process::exit;

const FROM_ORCHESTRATOR: RawFd = 3;
const TO_ORCHESTRATOR: RawFd = 4;
/// Until a hello says otherwise.
const ORPHAN_SECONDS: u32 = 600;

/// A block of C functions. Edition 2024 wants it `unsafe`, compilers before Rust 1.82 want it not to
/// be. Only from that edition on is `_` an expression to a macro.
macro_rules! foreign {
    ($since_2024:expr; $($inside:tt)*) => { unsafe extern "C" { $($inside)* } };
    (_; $($inside:tt)*) => { extern "C" { $($inside)* } };
}

foreign! { _;
    /// alarm(2): SIGALRM, whose default is the end, after so many seconds without a new call.
    fn alarm(seconds: u32) -> u32;
}

/// Lives until told to stop; exits with 0 then, with 1 on a broken frame.
pub fn live(genes: &[Gene]) -> ! {
    let (Some(input), Some(output)) = (pipe(FROM_ORCHESTRATOR), pipe(TO_ORCHESTRATOR)) else {
        note(
            "this program reads frames on file descriptor 3 and answers on 4; they are not open.\n\
             `evolve life-cycle` starts agents; docs/agent-protocol.md tells how.",
        );
        exit(2);
    };
    let mut body =
        Body { genes, input, output, life: None, epoch: 0, orphan: ORPHAN_SECONDS, leaving: false };
    let why = loop {
        match body.turn() {
            Ok(true) => {}
            Ok(false) => exit(0),
            Err(_) if body.leaving => exit(0),
            Err(why) => break why,
        }
    };
    note(&why);
    exit(1);
}

/// A line for the log. A full disk costs the line, not the life.
fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "agent: {text}");
}

/// An open descriptor as a file, never closed by us.
fn pipe(descriptor: RawFd) -> Option<ManuallyDrop<File>> {
    // SAFETY: nothing else in this process owns the descriptor. If it is not open, `metadata`
    // fails and, being in ManuallyDrop, the file is dropped without a close.
    let file = ManuallyDrop::new(unsafe { File::from_raw_fd(descriptor) });
    file.metadata().is_ok().then_some(file)
}

struct Body<'a> {
    genes: &'a [Gene],
    input: ManuallyDrop<File>,
    output: ManuallyDrop<File>,
    life: Option<(String, Life)>,
    epoch: i128,
    orphan: u32,
    leaving: bool,
}

impl Body<'_> {
    /// Hears one frame and answers it; false when that was the last.
    ///
    /// A `bye` that nobody has read is lost with the process, so we wait for a second `stop`: it
    /// says that the memory is on record. Whoever greets us instead has taken over.
    fn turn(&mut self) -> Result<bool, String> {
        // SAFETY: alarm(2) takes a number and touches no memory of ours.
        unsafe { alarm(self.orphan) };
        let Message { epoch, tick, order } = Message::decode(&frame::read(&mut *self.input)?)?;
        match order {
            Order::Hello(hello) => {
                (self.epoch, self.leaving) = (epoch, false);
                self.meet(*hello)?;
                self.send("ready", tick, Value::map());
            }
            Order::Ping => self.send("ready", tick, Value::map()),
            Order::Percept(percept) => self.answer(tick, percept)?,
            Order::Stop if self.leaving => return Ok(false),
            Order::Stop => {
                let state = self.life.as_ref().map(|(_, life)| Value::Bin(life.save()));
                self.leaving = true;
                self.send("bye", tick, Value::map().with("state", state));
            }
        }
        Ok(true)
    }

    /// Begins a life, or goes on with it when another orchestrator has taken over.
    fn meet(&mut self, hello: Hello) -> Result<(), String> {
        self.orphan = hello.orphan_seconds;
        if let Some((id, life)) = &mut self.life {
            life.pool = hello.pool;
            return match *id == hello.id {
                true => Ok(()),
                false => Err(format!("hello for {}, but this is {id}", hello.id)),
            };
        }
        let mut life = Life::new(self.genes, &hello.genome, hello.seed, hello.pool);
        if let Some(state) = hello.state {
            if let Err(why) = life.restore(&state) {
                note(&format!("remembered state is unreadable, starting afresh: {why}"));
            }
        }
        self.life = Some((hello.id, life));
        Ok(())
    }

    fn answer(&mut self, tick: i128, percept: Percept) -> Result<(), String> {
        let (_, life) = self.life.as_mut().ok_or("a percept before any hello")?;
        if let Some(pool) = percept.pool.clone() {
            life.pool = pool;
        }
        let act = life.tick(tick, &percept, |rng, pool| {
            mutate_file(Path::new("."), rng, pool).unwrap_or_else(|why| {
                note(&format!("the genome is left as it is: {why}"));
                None
            })
        });
        self.send("act", tick, act.to_value());
        Ok(())
    }

    /// Sends a frame. If nobody is there to read it, that is no fault of ours: the next
    /// orchestrator asks again.
    fn send(&mut self, kind: &str, tick: i128, mut body: Value) {
        if let Value::Map(entries) = &mut body {
            let head = [("kind", kind.into()), ("epoch", Value::Int(self.epoch))];
            let head = head.into_iter().chain([("tick", Value::Int(tick))]);
            entries.splice(0..0, head.map(|(key, value)| (key.to_string(), value)));
        }
        let frame = frame::pack(&msgpack::encode(&body));
        if let Err(error) = self.output.write_all(&frame) {
            note(&format!("{kind} of tick {tick} was not heard: {error}"));
        }
    }
}
