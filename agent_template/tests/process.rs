//! The agent as a real process on real pipes.

mod common;

use agent::kernel::frame;
use agent::kernel::msgpack::{decode, encode};
use agent::kernel::value::Value;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const BINARY: &str = env!("CARGO_BIN_EXE_agent-template");

/// An agent in a folder of its own, started with pipes on descriptors 3 and 4.
struct Started {
    child: Child,
    to: File,
    from: File,
}

fn pipes(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder");
    let made = Command::new("mkfifo").arg(folder.join("to")).arg(folder.join("from")).status();
    assert!(made.expect("mkfifo").success());
    folder
}

fn open(path: &Path) -> File {
    // Both ways, so that no side waits for the other to open its end.
    File::options().read(true).write(true).open(path).expect("a pipe")
}

fn start(folder: &Path) -> Started {
    let (to, from) = (open(&folder.join("to")), open(&folder.join("from")));
    let child = Command::new("sh")
        .args(["-c", "exec \"$0\" 3<to 4>from", BINARY])
        .current_dir(folder)
        .stderr(Stdio::piped())
        .spawn();
    Started { child: child.expect("a shell"), to, from }
}

impl Started {
    fn tell(&mut self, kind: &str, tick: i64, more: Value) {
        let mut body = Value::map().with("kind", kind).with("epoch", 9i64).with("tick", tick);
        more.as_map().into_iter().flatten().for_each(|(key, value)| body.set(key, value.clone()));
        self.to.write_all(&frame::pack(&encode(&body))).expect("told");
    }

    fn ask(&mut self, kind: &str, tick: i64, more: Value) -> Value {
        self.tell(kind, tick, more);
        let answer = decode(&frame::read(&mut self.from).expect("a frame")).expect("msgpack");
        assert_eq!(answer.get("epoch"), Some(&Value::Int(9)));
        assert_eq!(answer.get("tick"), Some(&Value::from(tick)));
        answer
    }

    fn exit_code(mut self) -> Option<i32> {
        self.child.wait().expect("an end").code()
    }
}

fn hello(state: Option<Value>) -> Value {
    Value::map()
        .with("id", common::ID)
        .with("seed", 5u64)
        .with("genome", Value::Bin(common::genome(&[("mutation_rate", 1.0)]).encode()))
        .with("state", state)
        .with("orphan_seconds", 60i64)
        .with("pool", Vec::<Value>::new())
}

fn percept(cycle: i64, steps: Vec<f64>) -> Value {
    let heard = vec![Value::Nil; 4];
    Value::map()
        .with("cycle", cycle)
        .with("steps", steps)
        .with("heard", heard)
        .with("energy", 46_000i64)
}

fn kind(answer: &Value) -> &str {
    answer.get("kind").and_then(Value::as_str).expect("a kind")
}

#[test]
fn agent_lives_mutates_its_genome_and_says_goodbye() {
    let folder = pipes("whole_life");
    let traits = Value::map().with("mutation_rate", 1.0);
    fs::write(folder.join("genome.bin"), encode(&common::genome_value(traits))).expect("written");
    let mut agent = start(&folder);
    assert_eq!(kind(&agent.ask("hello", 0, hello(None))), "ready");
    assert_eq!(kind(&agent.ask("ping", 0, Value::map())), "ready");
    let mut mutations = 0;
    for tick in 0..60 {
        let act = agent.ask("percept", tick, percept(tick, vec![tick as f64]));
        assert_eq!(kind(&act), "act");
        assert_eq!(agent.ask("percept", tick, percept(tick, vec![tick as f64])), act);
        mutations += i128::from(act.get("mutated") != Some(&Value::Nil));
    }
    let genome = decode(&fs::read(folder.join("state/genome.bin")).expect("offered"));
    let genome = genome.expect("msgpack");
    let counts = genome.get("mutations").and_then(Value::as_map).expect("some");
    let counted: i128 = counts.iter().filter_map(|(_, count)| count.as_int()).sum();
    assert!(mutations > 0);
    assert_eq!(counted, mutations);
    let bye = agent.ask("stop", 60, Value::map());
    assert_eq!(kind(&bye), "bye");
    agent.tell("stop", 60, Value::map());
    assert_eq!(agent.exit_code(), Some(0));
    let mut resumed = start(&folder);
    resumed.ask("hello", 61, hello(bye.get("state").cloned()));
    assert_eq!(resumed.ask("stop", 61, Value::map()).get("state"), bye.get("state"));
    resumed.tell("stop", 61, Value::map());
    assert_eq!(resumed.exit_code(), Some(0));
}

#[test]
fn broken_frame_ends_the_agent_with_exit_code_one() {
    let mut agent = start(&pipes("broken_frame"));
    agent.to.write_all(&[4, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]).expect("told");
    assert_eq!(agent.exit_code(), Some(1));
}

#[test]
fn percept_before_hello_ends_the_agent_with_exit_code_one() {
    let mut agent = start(&pipes("no_hello"));
    agent.tell("percept", 0, percept(0, vec![1.0]));
    assert_eq!(agent.exit_code(), Some(1));
}

#[test]
fn agent_without_pipes_says_so_and_exits_with_two() {
    let output = Command::new("sh").args(["-c", "exec \"$0\" 3<&- 4>&-", BINARY]).output();
    let output = output.expect("a shell");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("evolve life-cycle"));
}

#[test]
fn agent_that_hears_nothing_for_the_orphan_time_ends() {
    let mut agent = start(&pipes("orphan"));
    agent.ask("hello", 0, hello(None).with("orphan_seconds", 1i64));
    assert_eq!(agent.exit_code(), None);
}

#[test]
fn end_of_the_pipe_is_waited_out_and_half_a_frame_dropped() {
    let folder = pipes("two_writers");
    let from = open(&folder.join("from"));
    let child = Command::new("sh")
        .args(["-c", "exec \"$0\" 3<to 4>from", BINARY])
        .current_dir(&folder)
        .spawn()
        .expect("a shell");
    let write_only = || File::options().write(true).open(folder.join("to")).expect("a pipe");
    write_only().write_all(&[200, 0, 0, 0, 1]).expect("told half");
    std::thread::sleep(std::time::Duration::from_millis(300));
    let mut agent = Started { child, to: write_only(), from };
    assert_eq!(kind(&agent.ask("hello", 0, hello(None))), "ready");
    assert_eq!(kind(&agent.ask("stop", 0, Value::map())), "bye");
    agent.tell("stop", 0, Value::map());
    assert_eq!(agent.exit_code(), Some(0));
}
