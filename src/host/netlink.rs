//! Requests over a netlink socket, built and read with neli: rtnetlink and the families of generic
//! netlink that the program itself needs. IPVS has its own path, in libipvs.

use crate::text;
use neli::FromBytesWithInput;
use neli::ToBytes;
use neli::consts::nl::{NlmF, NlmsgerrAttr};
use neli::consts::socket::{Msg, NlFamily};
use neli::nl::{NlPayload, Nlmsghdr, NlmsghdrBuilder};
use neli::socket::NlSocket;
use neli::types::{Buffer, GenlBuffer, NlBuffer};
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
        read(&answer.ok_or(Error::Malformed("an acknowledgement in place of an answer"))?)
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

    /// Sends a request and hands each answer to `each`, until that returns true or the kernel ends the
    /// exchange. Returns false when the table changed during a dump.
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
        let mut consistent = true;
        let mut strays = 0;
        while strays < STRAY_DATAGRAMS {
            strays += 1;
            for message in self.receive()?.iter().filter(|m| *m.nl_seq() == self.sequence) {
                strays = 0;
                consistent &= !message.nl_flags().contains(NlmF::DUMP_INTR);
                let complete = match message.nl_payload() {
                    NlPayload::Payload(payload) => each(payload.as_ref())?,
                    NlPayload::Err(error) => return Err(refused(*error.error(), error.ext_ack())),
                    NlPayload::DumpExtAck(end) if *end.error() != 0 => {
                        return Err(refused(*end.error(), end.ext_ack()));
                    }
                    NlPayload::Ack(_) | NlPayload::DumpExtAck(_) | NlPayload::Empty => true,
                };
                if complete {
                    return Ok(consistent);
                }
            }
        }
        Err(Error::Malformed("no answer to the request"))
    }

    /// Waits for a datagram and reads its messages.
    fn receive(&self) -> Result<NlBuffer<u16, Buffer>, Error> {
        let mut datagram = vec![0; RECEIVE_SIZE];
        let length = loop {
            match self.socket.recv(&mut datagram, Msg::TRUNC) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                received => break received?.0,
            }
        };
        let datagram = datagram.get(..length).ok_or(Error::Malformed("a message too long"))?;
        NlBuffer::from_bytes_with_input(&mut Cursor::new(datagram), length)
            .map_err(|_| Error::Malformed("a message that cannot be read"))
    }
}

/// Reads a payload of a fixed type.
pub fn read<T: FromBytesWithInput<Input = usize>>(payload: &[u8]) -> Result<T, Error> {
    T::from_bytes_with_input(&mut Cursor::new(payload), payload.len())
        .map_err(|_| Error::Malformed("a message that cannot be read"))
}

/// The bytes of a message or attribute.
pub fn bytes<T: ToBytes>(message: &T) -> Result<Vec<u8>, Error> {
    let mut cursor = Cursor::new(Vec::new());
    message.to_bytes(&mut cursor).map_err(|_| UNBUILT)?;
    Ok(cursor.into_inner())
}

/// The error of a request that neli cannot lay out, as one that is too long.
pub const UNBUILT: Error = Error::Malformed("a request that cannot be put into bytes");

fn refused(error: i32, attributes: &GenlBuffer<NlmsgerrAttr, Buffer>) -> Error {
    let text = attributes.iter().find(|a| *a.nla_type().nla_type() == NlmsgerrAttr::Msg);
    let text = text.map(|text| c_string(text.nla_payload().as_ref()));
    Error::Refused { code: error.saturating_neg(), text }
}

/// Text up to its closing zero byte.
pub fn c_string(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}
