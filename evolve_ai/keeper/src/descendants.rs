//! Finds and ends all descendants of this process. It must be a subreaper, so that orphaned
//! descendants become its children.

use crate::{process, sys};
use std::collections::BTreeMap;
use std::fs;

/// A living descendant or a zombie: its pid, its parent, and how many threads it has.
#[derive(Debug, PartialEq)]
pub struct Descendant {
    pub pid: i32,
    pub parent: i32,
    pub threads: usize,
}

pub fn all() -> Vec<Descendant> {
    let ours = std::process::id() as i32;
    let mut found = Vec::new();
    let mut unasked = vec![ours];
    let mut everybody = None;
    while let Some(parent) = unasked.pop() {
        for pid in children(parent, &mut everybody) {
            found.push(Descendant { pid, parent, threads: tasks(pid).len() });
            unasked.push(pid);
        }
    }
    found
}

/// Ends all descendants that there are now; those forked meanwhile are found by the next call. Each
/// is ended as soon as it is found, together with its process group if that is not one of ours.
pub fn end_all() {
    let ours = std::process::id() as i32;
    let session = standing_of(ours).map(|standing| standing.session);
    let (mut unasked, mut everybody) = (vec![(ours, None)], None);
    while let Some((pid, parent)) = unasked.pop() {
        let below = children(pid, &mut everybody);
        if let Some(parent) = parent {
            end_one(pid, parent, session);
        }
        unasked.extend(below.into_iter().map(|child| (child, Some(pid))));
    }
}

fn end_one(pid: i32, parent: i32, our_session: Option<i32>) {
    let is_it = || standing_of(pid).is_some_and(|standing| standing.parent == parent);
    if let Some(standing) = standing_of(pid) {
        // A session below us contains only descendants of its leader.
        let is_apart = standing.parent == parent && Some(standing.session) != our_session;
        if is_apart && our_session.is_some() && standing.group > 1 {
            sys::end_group(standing.group);
        }
    }
    if parent == std::process::id() as i32 {
        sys::end(pid); // only we reap it, so no other process can have this pid
    } else {
        process::end_other(pid, is_it);
    }
}

/// Listed by the kernel (proc(5)) or, where it does not do that, by looking at all processes once.
fn children(parent: i32, everybody: &mut Option<BTreeMap<i32, Vec<i32>>>) -> Vec<i32> {
    let mut found = Vec::new();
    for task in tasks(parent) {
        match fs::read_to_string(format!("/proc/{parent}/task/{task}/children")) {
            Ok(listed) => found.extend(numbers(listed.split_ascii_whitespace())),
            Err(_) if fs::metadata("/proc/thread-self/children").is_ok() => {} // it has just ended
            Err(_) => {
                return everybody.get_or_insert_with(by_parent).remove(&parent).unwrap_or_default()
            }
        }
    }
    found
}

fn by_parent() -> BTreeMap<i32, Vec<i32>> {
    let mut found: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    for pid in listed("/proc") {
        if let Some(parent) = parent_of(pid) {
            found.entry(parent).or_default().push(pid);
        }
    }
    found
}

fn tasks(pid: i32) -> Vec<i32> {
    listed(&format!("/proc/{pid}/task"))
}

fn listed(folder: &str) -> Vec<i32> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let names = entries.flatten().map(|entry| entry.file_name());
    names.filter_map(|name| name.to_str()?.parse().ok()).collect()
}

fn numbers<'a>(words: impl Iterator<Item = &'a str>) -> impl Iterator<Item = i32> {
    words.filter_map(|word| word.parse().ok()).collect::<Vec<_>>().into_iter()
}

#[derive(Debug, PartialEq)]
struct Standing {
    parent: i32,
    group: i32,
    session: i32,
}

/// None also for a zombie.
fn standing_of(pid: i32) -> Option<Standing> {
    standing_in(&fs::read(format!("/proc/{pid}/stat")).ok()?)
}

fn parent_of(pid: i32) -> Option<i32> {
    standing_of(pid).map(|standing| standing.parent)
}

/// Fields 3 to 6 of proc_pid_stat(5). Field 2 may contain blanks and parentheses.
fn standing_in(stat: &[u8]) -> Option<Standing> {
    let name_end = stat.iter().rposition(|&byte| byte == b')')?;
    let mut rest = std::str::from_utf8(&stat[name_end + 1..]).ok()?.split_ascii_whitespace();
    match rest.next()? {
        "Z" | "X" => None,
        _ => {
            let mut number = || rest.next()?.parse().ok();
            Some(Standing { parent: number()?, group: number()?, session: number()? })
        }
    }
}

/// How many of them are alive, without zombies.
pub fn living(found: &[Descendant]) -> usize {
    found.iter().filter(|one| parent_of(one.pid).is_some()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn child_is_found_with_and_without_the_list_of_the_kernel() {
        let mut child = std::process::Command::new("/bin/sleep").arg("60").spawn().unwrap();
        let (pid, parent) = (child.id() as i32, std::process::id() as i32);
        let found = all();
        let told = by_parent().remove(&parent).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(found.contains(&Descendant { pid, parent, threads: 1 }), "{found:?}");
        assert!(told.contains(&pid), "{told:?}");
        assert!(!all().iter().any(|one| one.pid == pid));
    }

    #[test]
    fn whole_tree_is_ended_also_what_has_a_session_of_its_own() {
        let script = "sh -c 'sleep 61 & sleep 62' & setsid sh -c 'sleep 63 & sleep 64' & wait";
        let mut child = std::process::Command::new("/bin/sh").args(["-c", script]).spawn().unwrap();
        let of_child = || -> Vec<i32> {
            let found = all();
            let mut ours = vec![child.id() as i32];
            for one in &found {
                if ours.contains(&one.parent) {
                    ours.push(one.pid);
                }
            }
            ours
        };
        let mut pids = of_child();
        while pids.len() < 7 {
            pids = of_child();
        }
        // Only this tree, since other tests have children, too.
        for &pid in pids.iter().rev() {
            let session = standing_of(std::process::id() as i32).map(|one| one.session);
            if let Some(parent) = parent_of(pid) {
                end_one(pid, parent, session);
            }
        }
        child.wait().unwrap();
        while pids.iter().any(|&pid| parent_of(pid).is_some()) {}
    }

    #[test]
    fn zombie_has_no_standing() {
        let standing = Standing { parent: 12, group: 7, session: 5 };
        assert_eq!(standing_in(b"7 (a) R) S 12 7 5 0"), Some(standing));
        assert_eq!(standing_in(b"7 (a) Z 12 7 7 0"), None);
        assert_eq!(standing_in(b"rubbish"), None);
    }
}
