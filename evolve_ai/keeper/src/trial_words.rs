//! What is asked of the box of an evaluation, read from a command line.

use std::ffi::{CString, OsStr, OsString};
use std::os::fd::RawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

/// All that one process tree may use together.
#[derive(Clone, Debug, PartialEq)]
pub struct Most {
    pub seconds: Duration,
    pub silence: Duration,
    pub cpu: Duration,
    pub memory: u64,
    pub output: u64,
    pub processes: u64,
    pub disk: u64,
    pub inodes: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// An empty folder on which the new root is mounted. Without one there are no namespaces.
    pub root: Option<PathBuf>,
    pub task: PathBuf,
    /// Without namespaces: the folder to write in.
    pub scratch: PathBuf,
    /// Programs and libraries, at the same place inside.
    pub readable: Vec<PathBuf>,
    pub devices: Vec<PathBuf>,
    pub harness: Option<PathBuf>,
    /// Files of the program, relative to the task, for those that `$EVOLVE_RUN` runs.
    pub program: Vec<OsString>,
    /// Without namespaces: protections that are lifted (confine.rs).
    pub lifted: Vec<OsString>,
    pub cost: String,
    pub collect: Vec<OsString>,
    /// Bytes of each output that are reported.
    pub kept: usize,
    pub network: bool,
    /// The command is a server: see evolve_ai/runners/server.py.
    pub is_warm: bool,
    pub status: RawFd,
    pub control: Option<RawFd>,
    pub most: Most,
    pub file: OsString,
    pub arguments: Vec<CString>,
}

impl Asked {
    /// An error names a word that is unknown or lacks its value.
    pub fn from_words(words: &[OsString]) -> Result<Asked, String> {
        let end = words.iter().position(|word| word == "--").ok_or("no command")?;
        let [_, file, arguments @ ..] = &words[end..] else { return Err("no command".into()) };
        let arguments = arguments.iter().map(|word| text(word)).collect();
        let mut asked = Asked { file: file.clone(), arguments, ..Asked::default() };
        let mut options = words[..end].iter();
        while let Some(name) = options.next() {
            let value = options.next().ok_or(format!("{name:?} has no value"))?;
            let name = name.to_string_lossy();
            asked.set(&name, value).ok_or(format!("{name} {value:?} means nothing"))?;
        }
        if asked.status <= 2 {
            return Err("--status is missing".into());
        }
        Ok(asked)
    }

    fn set(&mut self, name: &str, value: &OsStr) -> Option<()> {
        let path = || PathBuf::from(value);
        match name {
            "--root" => self.root = Some(path()),
            "--task" => self.task = path(),
            "--scratch" => self.scratch = path(),
            "--read" => self.readable.push(path()),
            "--device" => self.devices.push(path()),
            "--harness" => self.harness = Some(path()),
            "--program" => self.program.push(value.into()),
            "--collect" => self.collect.push(value.into()),
            "--lift" => self.lifted.push(value.into()),
            "--cost" => self.cost = value.to_str()?.into(),
            "--network" => self.network = number(value)? != 0,
            "--warm" => self.is_warm = number(value)? != 0,
            "--status" => self.status = number(value)? as RawFd,
            "--control" => self.control = Some(number(value)? as RawFd),
            "--kept" => self.kept = number(value)? as usize,
            _ => return self.most.set(name, value),
        }
        Some(())
    }
}

impl Most {
    fn set(&mut self, name: &str, value: &OsStr) -> Option<()> {
        match name {
            "--seconds" => self.seconds = seconds(value)?,
            "--silence" => self.silence = seconds(value)?,
            "--cpu" => self.cpu = seconds(value)?,
            "--memory" => self.memory = number(value)?,
            "--output" => self.output = number(value)?,
            "--processes" => self.processes = number(value)?,
            "--disk" => self.disk = number(value)?,
            "--inodes" => self.inodes = number(value)?,
            _ => return None,
        }
        Some(())
    }
}

impl Default for Asked {
    fn default() -> Asked {
        let minute = Duration::from_secs(60);
        Asked {
            root: None,
            task: "/".into(),
            scratch: "/".into(),
            readable: vec![],
            devices: vec![],
            harness: None,
            program: vec![],
            lifted: vec![],
            cost: String::new(),
            collect: vec![],
            kept: 65536,
            network: false,
            is_warm: false,
            status: -1,
            control: None,
            most: Most {
                seconds: minute,
                silence: minute,
                cpu: minute,
                memory: 1 << 31,
                output: 1 << 24,
                processes: 256,
                disk: 1 << 29,
                inodes: 65536,
            },
            file: OsString::new(),
            arguments: vec![],
        }
    }
}

fn number(value: &OsStr) -> Option<u64> {
    value.to_str()?.parse().ok()
}

fn seconds(value: &OsStr) -> Option<Duration> {
    let seconds: f64 = value.to_str()?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// Words of a command line or of the environment contain no NUL.
pub fn text(word: &OsStr) -> CString {
    CString::new(word.as_bytes()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(words: &[&str]) -> Result<Asked, String> {
        Asked::from_words(&words.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn words_are_read_as_they_are_meant() {
        let words = ["--status", "7", "--read", "/a", "--read", "/b", "--seconds", "0.5"];
        let asked = told(&[&words[..], &["--memory", "9", "--", "/x", "x", "y"]].concat()).unwrap();
        assert_eq!(asked.readable, [PathBuf::from("/a"), "/b".into()]);
        assert_eq!((asked.status, asked.most.memory), (7, 9));
        assert_eq!(asked.most.seconds, Duration::from_millis(500));
        assert_eq!((asked.file, asked.arguments.len()), ("/x".into(), 2));
    }

    #[test]
    fn what_nobody_understands_is_refused() {
        for words in [
            &["--status", "7"][..],
            &["--", "/x"],
            &["--status", "7", "--reads", "/a", "--", "/x"],
            &["--status", "7", "--memory", "-1", "--", "/x"],
            &["--status", "7", "--memory", "--", "/x"],
        ] {
            assert!(told(words).is_err(), "{words:?}");
        }
    }
}
