//! The connection to the client. Requests may arrive in pieces, and we never wait for it to read.

use crate::handover;
use crate::wire::{self, Request, Rubbish};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;

const PIECE_BYTES: usize = 1 << 16;
/// A client that leaves more than this unread is dropped: it can read all of it in the journal.
const MOST_UNREAD_BYTES: usize = 4 << 20;

/// The client has hung up, or was dropped.
pub struct Gone;

impl From<io::Error> for Gone {
    fn from(_: io::Error) -> Gone {
        Gone
    }
}

impl From<Rubbish> for Gone {
    fn from(_: Rubbish) -> Gone {
        Gone
    }
}

pub struct Client {
    stream: UnixStream,
    incoming: Vec<u8>,
    outgoing: Vec<u8>,
    files: VecDeque<File>,
}

impl AsRawFd for Client {
    fn as_raw_fd(&self) -> RawFd {
        self.stream.as_raw_fd()
    }
}

impl Client {
    pub fn new(stream: UnixStream) -> io::Result<Client> {
        stream.set_nonblocking(true)?;
        Ok(Client { stream, incoming: Vec::new(), outgoing: Vec::new(), files: VecDeque::new() })
    }

    pub fn has_more_to_hear(&self) -> bool {
        !self.outgoing.is_empty()
    }

    pub fn tell(&mut self, fields: &[&str]) {
        self.outgoing.extend_from_slice(&wire::frame(fields));
    }

    pub fn send(&mut self) -> Result<(), Gone> {
        while !self.outgoing.is_empty() {
            match self.stream.write(&self.outgoing) {
                Ok(count) => drop(self.outgoing.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        if self.outgoing.is_empty() {
            self.outgoing.shrink_to(PIECE_BYTES);
        }
        if self.outgoing.len() > MOST_UNREAD_BYTES {
            return Err(Gone);
        }
        Ok(())
    }

    /// The first file that has arrived and was not taken yet.
    pub fn next_file(&mut self) -> Option<File> {
        self.files.pop_front()
    }

    /// Read one more piece; return the requests that are complete by now.
    pub fn listen(&mut self) -> Result<Vec<Request>, Gone> {
        let mut piece = [0; PIECE_BYTES];
        match handover::receive(&self.stream, &mut piece) {
            Ok((0, _)) => return Err(Gone),
            Ok((count, file)) => {
                self.incoming.extend_from_slice(&piece[..count]);
                self.files.extend(file);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
        let (mut requests, mut used) = (Vec::new(), 0);
        while let Some((body, length)) = wire::first_frame(&self.incoming[used..])? {
            requests.push(wire::request(body)?);
            used += length;
        }
        self.incoming.drain(..used);
        self.incoming.shrink_to(PIECE_BYTES);
        Ok(requests)
    }
}
