//! Executes a program by its name, as a shell does (execvp(3)).

use crate::sys;
use crate::trial_words::text;
use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

pub fn environment() -> Vec<CString> {
    let equal = OsStr::new("=");
    std::env::vars_os().map(|(name, value)| text(&[name, value].join(equal))).collect()
}

/// Becomes this program; returns only on failure. A name without `/` is looked for on the PATH.
pub fn execute(file: &OsStr, arguments: &[CString], environment: &[CString]) -> io::Error {
    let mut last = io::Error::from_raw_os_error(sys::ENOENT);
    for place in places(file) {
        let error = sys::execute(&text(place.as_os_str()), arguments, environment);
        let is_absent = error.raw_os_error() == Some(sys::ENOENT);
        if !is_absent || last.raw_os_error() == Some(sys::ENOENT) {
            last = error;
        }
    }
    last
}

/// Where the program is, if it is anywhere.
pub fn found(file: &OsStr) -> Option<PathBuf> {
    places(file).into_iter().find(|place| place.is_file())
}

fn places(file: &OsStr) -> Vec<PathBuf> {
    if file.as_bytes().contains(&b'/') {
        return vec![file.into()];
    }
    let path = std::env::var_os("PATH").unwrap_or(OsString::from("/usr/bin:/bin"));
    std::env::split_paths(&path).map(|folder: PathBuf| Path::new(&folder).join(file)).collect()
}
