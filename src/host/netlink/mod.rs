//! Requests over a netlink socket, built and read with neli: rtnetlink and the families of generic
//! netlink that the program itself needs. IPVS has its own path, in libipvs.

mod message;

use crate::text;
use message::{Exchange, Progress, UNREADABLE};
use neli::FromBytesWithInput;
use neli::ToBytes;
use neli::consts::nl::NlmF;
use neli::consts::socket::{Msg, NlFamily};
use neli::nl::{NlPayload, Nlmsghdr, NlmsghdrBuilder};
use neli::socket::NlSocket;
use neli::types::Buffer;
use neli::utils::Groups;
use std::io::{self, Cursor};

/// Bytes of the largest datagram: a message of a dump has at most 32 KiB.
const RECEIVE_SIZE: usize = 64 * 1024;
/// Maximum number of times a dump is restarted because its table changed.
const DUMP_TRIES: usize = 10;
/// Maximum number of datagrams without an answer to the request.
const STRAY_DATAGRAMS: usize = 1_000;

/// A request that failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kernel's errno, positive, and the text of its extended acknowledgement.
    #[error("{}", refusal(*code, text.as_deref()))]
    Refused { code: i32, text: Option<String> },
    #[error("netlink socket: {}", text::os_error(.0))]
    Socket(#[from] io::Error),
    #[error("malformed message from the kernel: {0}")]
    Malformed(&'static str),
    /// The table changed during each of several dumps.
    #[error("the table kept changing while it was read")]
    Changing,
}

impl Error {
    /// The errno, if there is one.
    pub fn code(&self) -> Option<i32> {
        match self {
            Error::Refused { code, .. } => Some(*code),
            Error::Socket(e) => e.raw_os_error(),
            Error::Malformed(_) | Error::Changing => None,
        }
    }
}

fn refusal(code: i32, words: Option<&str>) -> String {
    let errno = text::os_error(&io::Error::from_raw_os_error(code));
    match words {
        Some(words) => format!("{errno} ({words})"),
        None => errno,
    }
}

/// A netlink socket of the calling thread's network namespace.
pub struct Netlink {
    socket: NlSocket,
    sequence: u32,
}

impl Netlink {
    /// Opens a socket for a netlink protocol.
    pub fn open(protocol: NlFamily) -> Result<Netlink, Error> {
        let socket = NlSocket::connect(protocol, None, Groups::empty())?;
        // Kernels before 4.12 have no extended acknowledgements; errors then have no text.
        let _ = socket.enable_ext_ack(true);
        Ok(Netlink { socket, sequence: 0 })
    }

    /// Sends a request that has one answer.
    pub fn get<T>(
        &mut self,
        kind: u16,
        payload: &impl ToBytes,
        read: impl FnOnce(&[u8]) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut answer = None;
        self.exchange(kind, NlmF::empty(), payload, |payload| {
            answer = Some(payload.to_vec());
            Ok(true)
        })?;
        read(&answer.ok_or(Error::Malformed("an acknowledgement instead of an answer"))?)
    }

    /// Sends a request that has any number of answers. Restarts it when the table changes.
    pub fn dump<T>(
        &mut self,
        kind: u16,
        payload: &impl ToBytes,
        mut read: impl FnMut(&[u8]) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        for _ in 0..DUMP_TRIES {
            let mut items = Vec::new();
            let consistent = self.exchange(kind, NlmF::DUMP, payload, |payload| {
                items.push(read(payload)?);
                Ok(false)
            })?;
            if consistent {
                return Ok(items);
            }
        }
        Err(Error::Changing)
    }

    /// Sends a request that changes something, and waits for its acknowledgement.
    pub fn change(&mut self, kind: u16, flags: NlmF, payload: &impl ToBytes) -> Result<(), Error> {
        self.exchange(kind, flags | NlmF::ACK, payload, |_| Ok(false)).map(drop)
    }

    /// Sends a request and passes each answer to `each`, until `each` returns true or the kernel ends
    /// the exchange. Returns false when the table changed during a dump.
    fn exchange(
        &mut self,
        kind: u16,
        flags: NlmF,
        payload: &impl ToBytes,
        mut each: impl FnMut(&[u8]) -> Result<bool, Error>,
    ) -> Result<bool, Error> {
        self.sequence = self.sequence.wrapping_add(1);
        let request = NlmsghdrBuilder::default()
            .nl_type(kind)
            .nl_flags(flags | NlmF::REQUEST)
            .nl_seq(self.sequence)
            .nl_payload(NlPayload::Payload(Buffer::from(bytes(payload)?)))
            .build()
            .map_err(|_| UNBUILT)?;
        self.socket.send(bytes::<Nlmsghdr<u16, Buffer>>(&request)?, Msg::empty())?;
        let mut exchange = Exchange { sequence: self.sequence, consistent: true };
        let mut strays = 0;
        while strays < STRAY_DATAGRAMS {
            match exchange.read(&self.receive()?, &mut each)? {
                Progress::Complete => return Ok(exchange.consistent),
                Progress::Answered => strays = 0,
                Progress::Stray => strays += 1,
            }
        }
        Err(Error::Malformed("no answer to the request"))
    }

    /// Waits for a datagram.
    fn receive(&self) -> Result<Vec<u8>, Error> {
        let mut datagram = vec![0; RECEIVE_SIZE];
        loop {
            match self.socket.recv(&mut datagram, Msg::TRUNC) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e.into()),
                Ok((length, _)) if length > RECEIVE_SIZE => {
                    return Err(Error::Malformed("a message that is too long"));
                }
                Ok((length, _)) => {
                    datagram.truncate(length);
                    return Ok(datagram);
                }
            }
        }
    }
}

/// Reads a payload of a fixed type.
pub fn read<T: FromBytesWithInput<Input = usize>>(payload: &[u8]) -> Result<T, Error> {
    T::from_bytes_with_input(&mut Cursor::new(payload), payload.len()).map_err(|_| UNREADABLE)
}

/// The bytes of a message or attribute.
pub fn bytes<T: ToBytes>(message: &T) -> Result<Vec<u8>, Error> {
    let mut cursor = Cursor::new(Vec::new());
    message.to_bytes(&mut cursor).map_err(|_| UNBUILT)?;
    Ok(cursor.into_inner())
}

/// The error of a request that neli cannot encode, for example one that is too long.
pub const UNBUILT: Error = Error::Malformed("a request that cannot be encoded");

/// The text up to the first zero byte.
pub fn c_string(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_answers() {
        let mut netlink = Netlink::open(NlFamily::Route).expect("a socket");
        // RTM_GETLINK of every device: struct ifinfomsg.
        let links = netlink.dump(18, &Buffer::from(&[0; 16][..]), |payload| Ok(payload.len()));
        assert!(!links.expect("links").is_empty());
        // RTM_NEWLINK of a device that does not exist.
        let mut nowhere = [0; 16];
        nowhere[4..8].copy_from_slice(&i32::MAX.to_ne_bytes());
        let error = netlink.change(16, NlmF::empty(), &Buffer::from(&nowhere[..]));
        let code = error.expect_err("no such device").code();
        assert!(matches!(code, Some(libc::ENODEV | libc::EPERM)), "{code:?}");
        // RTM_GETLINK of one.
        let loopback = [0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let length = netlink.get(18, &Buffer::from(&loopback[..]), |payload| Ok(payload.len()));
        assert!(length.expect("lo") > 16);
    }

    #[test]
    fn text_ends_at_the_first_zero_byte() {
        assert_eq!((c_string(b"lo\0x"), c_string(b"lo")), ("lo".to_string(), "lo".to_string()));
    }
}
