//! Tells our children apart: agents, and strays (orphaned descendants that the kernel gave to us).

use crate::journal::Process;
use crate::sys::{self, Exit, Found};
use std::collections::BTreeMap;
use std::fs;
use std::io;

/// The agents among our children, by pid.
#[derive(Default)]
pub struct Children {
    agents: BTreeMap<i32, (String, u64)>,
}

/// An agent that has ended.
pub struct Death {
    pub id: String,
    pub process: Process,
    pub exit: Exit,
}

impl Children {
    pub fn add(&mut self, id: String, process: Process) {
        self.agents.insert(process.pid, (id, process.start_time));
    }

    pub fn is_agent(&self, process: Process) -> bool {
        self.agents.get(&process.pid).is_some_and(|(_, start)| *start == process.start_time)
    }

    pub fn has_agents(&self) -> bool {
        !self.agents.is_empty()
    }

    /// Reap an ended child: Some(None) for a stray, None when no child has ended.
    pub fn next_death(&mut self) -> io::Result<Option<Option<Death>>> {
        let Found::Ended(pid, exit) = sys::ended_child()? else { return Ok(None) };
        let agent = self.agents.remove(&pid);
        if agent.is_some() {
            // While its leader is a zombie, no other group can get this number.
            sys::end_group(pid);
        }
        sys::reap(pid);
        Ok(Some(agent.map(|(id, start_time)| Death {
            id,
            process: Process { pid, start_time },
            exit,
        })))
    }

    /// End all children that are no agents (where the kernel lists children, proc(5)).
    pub fn end_strays(&self) {
        let pid = std::process::id();
        let listed = fs::read_to_string(format!("/proc/self/task/{pid}/children"));
        for child in listed.unwrap_or_default().split_ascii_whitespace() {
            if let Ok(child) = child.parse() {
                if !self.agents.contains_key(&child) {
                    sys::end(child);
                }
            }
        }
    }

    /// Whether we have no child at all: no agent, no stray, no zombie.
    pub fn are_none(&self) -> io::Result<bool> {
        Ok(!self.has_agents() && matches!(sys::ended_child()?, Found::NoChild))
    }
}
