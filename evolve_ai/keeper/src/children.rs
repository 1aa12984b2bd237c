//! Tells our children apart: agents, and strays (orphaned descendants that the kernel gave to us).

use crate::journal::{self, Process};
use crate::sys::{self, Exit, Found};
use std::collections::BTreeMap;
use std::fs;
use std::io;

/// The agents among our children, by pid.
#[derive(Default)]
pub struct Children {
    agents: BTreeMap<i32, (String, u64)>,
    /// Those that ended before their starter told of them, if they were no strays, by pid.
    early: BTreeMap<i32, (u64, Exit)>,
}

/// An agent that has ended.
pub struct Death {
    pub id: String,
    pub process: Process,
    pub exit: Exit,
}

impl Children {
    /// Returns its death if it has ended already.
    pub fn add(&mut self, id: String, process: Process) -> Option<Death> {
        match self.early.remove(&process.pid) {
            // A starter knows no time if its child was killed before that told it.
            Some((start_time, exit)) if [start_time, 0].contains(&process.start_time) => {
                return Some(Death { id, process, exit });
            }
            _ => {}
        }
        self.agents.insert(process.pid, (id, process.start_time));
        None
    }

    /// When no start is under way, whoever ended early was a stray, or no agent yet.
    pub fn forget_early(&mut self) {
        self.early.clear();
    }

    pub fn is_agent(&self, process: Process) -> bool {
        self.agents.get(&process.pid).is_some_and(|(_, start)| *start == process.start_time)
    }

    pub fn has_agents(&self) -> bool {
        !self.agents.is_empty()
    }

    /// Reap an ended child: Some(None) for a stray, None when no child has ended. While starts are
    /// under way, it may be an agent that `add` is still to tell of.
    pub fn next_death(&mut self, are_starting: bool) -> io::Result<Option<Option<Death>>> {
        let Found::Ended(pid, exit) = sys::ended_child()? else { return Ok(None) };
        let agent = self.agents.remove(&pid);
        if agent.is_some() || are_starting {
            // While its leader is a zombie, no other group can get this number.
            sys::end_group(pid);
        }
        if agent.is_none() && are_starting {
            let start_time = journal::start_time(&pid.to_string()).unwrap_or(0);
            self.early.insert(pid, (start_time, exit));
        }
        sys::reap(pid);
        Ok(Some(agent.map(|(id, start_time)| Death {
            id,
            process: Process { pid, start_time },
            exit,
        })))
    }

    /// End all children that are no agents (where the kernel lists children, proc(5)). The kernel
    /// gives orphans to our first thread, and agents are children of other threads: so one that is
    /// about to become an agent is not listed here.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn after_early(pid: i32, start_time: u64) -> Option<Death> {
        let mut children = Children::default();
        children.early.insert(7, (70, Exit::Code(3)));
        children.add("a".to_owned(), Process { pid, start_time })
    }

    #[test]
    fn agent_that_ended_before_it_was_told_of_has_ended() {
        for start_time in [70, 0] {
            let death = after_early(7, start_time).unwrap();
            assert_eq!((&*death.id, death.exit), ("a", Exit::Code(3)));
        }
    }

    #[test]
    fn stray_that_ended_before_is_no_agent() {
        assert!(after_early(8, 70).is_none());
        assert!(after_early(7, 71).is_none());
    }
}
