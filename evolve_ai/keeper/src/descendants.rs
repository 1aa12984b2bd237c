//! Owns finding all that came of this process, and ending it. Who is orphaned becomes our child:
//! we must be a subreaper.

use crate::{process, sys};
use std::collections::BTreeMap;
use std::fs;

/// Who lives, whose child it is, and how many threads it has; zombies too.
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

/// Ends them all, now: who forks meanwhile is found by the next call.
pub fn end_all() {
    let ours = std::process::id() as i32;
    for Descendant { pid, parent, .. } in all() {
        if parent == ours {
            sys::end(pid); // not reaped before we do it
        } else {
            process::end_other(pid, || parent_of(pid) == Some(parent));
        }
    }
}

/// As the kernel lists them (proc(5)) or, where it does not, by looking at everybody once.
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

/// None for a zombie, too.
fn parent_of(pid: i32) -> Option<i32> {
    parent_in(&fs::read(format!("/proc/{pid}/stat")).ok()?)
}

/// Fields 3 and 4 of proc_pid_stat(5). The second may hold blanks and parentheses.
fn parent_in(stat: &[u8]) -> Option<i32> {
    let name_end = stat.iter().rposition(|&byte| byte == b')')?;
    let mut rest = std::str::from_utf8(&stat[name_end + 1..]).ok()?.split_ascii_whitespace();
    match rest.next()? {
        "Z" | "X" => None,
        _ => rest.next()?.parse().ok(),
    }
}

/// How many live, without zombies.
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
    fn zombie_has_no_parent() {
        assert_eq!(parent_in(b"7 (a) R) S 12 7 7 0"), Some(12));
        assert_eq!(parent_in(b"7 (a) Z 12 7 7 0"), None);
        assert_eq!(parent_in(b"rubbish"), None);
    }
}
