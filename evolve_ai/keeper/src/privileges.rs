//! Gives up all capabilities, and all means of getting one (capabilities(7)).

use crate::{process, sys};
use std::io;
use std::ptr::addr_of;

const PR_CAPBSET_DROP: i32 = 24;
const PR_SET_NO_NEW_PRIVS: i32 = 38;
const PR_CAP_AMBIENT: i32 = 47;
const PR_CAP_AMBIENT_CLEAR_ALL: usize = 4;
const CAPSET: u32 = if cfg!(target_arch = "aarch64") { 91 } else { 126 };
const CAPABILITY_VERSION_3: u32 = 0x2008_0522;

/// Leaves this process, and all programs that it becomes, without any privilege.
pub fn give_up() -> io::Result<()> {
    empty_bounding_set()?;
    // SAFETY: these options take numbers.
    unsafe {
        // Kernels without ambient capabilities (before 4.3) lack the needed parts of seccomp, too.
        process::control(PR_CAP_AMBIENT, [PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0])?;
        process::control(PR_SET_NO_NEW_PRIVS, [1, 0, 0, 0])?;
    }
    empty_sets()
}

fn empty_bounding_set() -> io::Result<()> {
    for capability in 0.. {
        // SAFETY: this option takes numbers.
        match unsafe { process::control(PR_CAPBSET_DROP, [capability, 0, 0, 0]) } {
            // A process without the right to drop them cannot gain them either: no_new_privs.
            Err(error) if error.raw_os_error() == Some(sys::EPERM) => break,
            // No capability has this number.
            Err(error) if error.raw_os_error() == Some(sys::EINVAL) => break,
            dropped => dropped.map(drop)?,
        }
    }
    Ok(())
}

/// Effective, permitted and inheritable (capset(2)).
fn empty_sets() -> io::Result<()> {
    let header = [CAPABILITY_VERSION_3, 0];
    let sets = [0u32; 6];
    let [header, sets] = [addr_of!(header) as usize, addr_of!(sets) as usize];
    // SAFETY: struct __user_cap_header_struct, and two of struct __user_cap_data_struct.
    unsafe { process::call(CAPSET, [header, sets, 0, 0, 0]) }.map(drop)
}
