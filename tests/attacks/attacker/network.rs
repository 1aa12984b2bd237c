//! Owns attacks by sockets: of every family, to whoever listens.

use crate::sys::{call, parsed};
use crate::tell;
use std::io::{self, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};

const AF_UNIX: usize = 1;
const SOCK_STREAM: usize = 1;
const SAID: &[u8] = b"attacked";

pub fn attack(words: &[&str]) -> bool {
    match *words {
        ["tcp", port] => tell("tcp", tcp(port)),
        ["tcp_listen"] => tell("tcp_listen", listen()),
        ["udp", port] => tell("udp", udp(port)),
        ["unix", path] => tell("unix", UnixStream::connect(path).and_then(say)),
        ["abstract", name] => tell("abstract", by_abstract_name(name)),
        ["socket", family, kind, protocol] => {
            let numbers = [family, kind, protocol].map(parsed);
            tell("socket", call("socket", &numbers));
        }
        ["socketpair"] => {
            let mut pair = [0u32; 2];
            let into = pair.as_mut_ptr() as usize;
            tell("socketpair", call("socketpair", &[AF_UNIX, SOCK_STREAM, 0, into]));
        }
        _ => return false,
    }
    true
}

fn tcp(port: &str) -> io::Result<usize> {
    TcpStream::connect(("127.0.0.1", parsed(port) as u16))?.write(SAID)
}

fn listen() -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::mem::forget(listener);
    Ok(address.to_string())
}

fn udp(port: &str) -> io::Result<usize> {
    UdpSocket::bind("127.0.0.1:0")?.send_to(SAID, ("127.0.0.1", parsed(port) as u16))
}

fn by_abstract_name(name: &str) -> io::Result<usize> {
    UnixStream::connect_addr(&SocketAddr::from_abstract_name(name)?).and_then(say)
}

fn say(mut stream: UnixStream) -> io::Result<usize> {
    stream.write(SAID)
}
