//! Hands an open file from one process to another (unix(7), SCM_RIGHTS; cmsg(3)).

use crate::sys::checked;
use std::ffi::{c_int, c_void};
use std::fs::File;
use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, FromRawFd};
use std::ptr;

const SOL_SOCKET: c_int = 1;
const SCM_RIGHTS: c_int = 1;
const MSG_NOSIGNAL: c_int = 0x4000;
const MSG_CMSG_CLOEXEC: c_int = 0x4000_0000;

/// struct iovec
#[repr(C)]
struct Piece {
    bytes: *mut c_void,
    length: usize,
}

/// struct msghdr
#[repr(C)]
struct Message {
    name: *mut c_void,
    name_length: u32,
    pieces: *mut Piece,
    piece_count: usize,
    control: *mut Control,
    control_length: usize,
    flags: c_int,
}

/// struct cmsghdr and the descriptor that follows it, with room for the padding.
#[repr(C, align(8))]
struct Control {
    length: usize,
    level: c_int,
    kind: c_int,
    handle: c_int,
}

const WITH_ONE: usize = size_of::<usize>() + 3 * size_of::<c_int>();

extern "C" {
    fn sendmsg(socket: c_int, message: *const Message, flags: c_int) -> isize;
    fn recvmsg(socket: c_int, message: *mut Message, flags: c_int) -> isize;
}

/// Sends the file with one meaningless byte, since a message must have one.
pub fn send(socket: &impl AsRawFd, file: &impl AsRawFd) -> io::Result<()> {
    let handle = file.as_raw_fd();
    let mut control = Control { length: WITH_ONE, level: SOL_SOCKET, kind: SCM_RIGHTS, handle };
    let mut byte = [0u8];
    with_message(&mut byte, &mut control, |message| {
        // SAFETY: struct msghdr; what it points to lives through the call.
        checked(unsafe { sendmsg(socket.as_raw_fd(), message, MSG_NOSIGNAL) } as c_int)
    })
    .map(drop)
}

/// The number of bytes received, and the file that came with them. Further files are dropped.
pub fn receive(socket: &impl AsRawFd, bytes: &mut [u8]) -> io::Result<(usize, Option<File>)> {
    let mut control = Control { length: 0, level: 0, kind: 0, handle: -1 };
    let count = with_message(bytes, &mut control, |message| {
        // SAFETY: struct msghdr; all that it points to lives through the call.
        checked(unsafe { recvmsg(socket.as_raw_fd(), message, MSG_CMSG_CLOEXEC) } as c_int)
    })?;
    let is_one =
        (control.length, control.level, control.kind) == (WITH_ONE, SOL_SOCKET, SCM_RIGHTS);
    // SAFETY: the descriptor is new.
    let file = is_one.then(|| unsafe { File::from_raw_fd(control.handle) });
    Ok((count as usize, file))
}

fn with_message<T>(
    bytes: &mut [u8],
    control: &mut Control,
    apply: impl FnOnce(&mut Message) -> io::Result<T>,
) -> io::Result<T> {
    let mut piece = Piece { bytes: bytes.as_mut_ptr().cast(), length: bytes.len() };
    apply(&mut Message {
        name: ptr::null_mut(),
        name_length: 0,
        pieces: &mut piece,
        piece_count: 1,
        control,
        control_length: size_of::<Control>(),
        flags: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    #[test]
    fn file_arrives_between_the_bytes_before_and_after_it() {
        let (mut here, there) = UnixStream::pair().unwrap();
        here.write_all(b"before").unwrap();
        send(&here, &File::open("/dev/null").unwrap()).unwrap();
        here.write_all(b"after").unwrap();
        drop(here);
        let (mut heard, mut files) = (Vec::new(), Vec::new());
        loop {
            let mut piece = [0; 64];
            let (count, file) = receive(&there, &mut piece).unwrap();
            if count == 0 {
                break;
            }
            heard.extend_from_slice(&piece[..count]);
            files.extend(file.map(|file| (heard.len(), file)));
        }
        assert_eq!(heard, b"before\0after");
        assert_eq!(files.len(), 1);
        assert!((7..=12).contains(&files[0].0));
    }
}
