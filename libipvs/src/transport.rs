//! Where netlink's bytes go to and come from: a socket of the kernel's, or a script in tests.
//!
//! Two calls of the C library's stand here bare: those that the socket's own crate has not. A crate
//! that has them brings more along than all of the library's others together.

use crate::netlink::attribute::Malformed;
use std::io;
use std::os::fd::AsRawFd;

/// A message of a dump is at most 32 KiB.
const RECEIVE_SIZE: usize = 64 * 1024;
/// What an answer to a request costs of the receive buffer, as the kernel counts it.
const ANSWER_COST: usize = 1024;
/// The receive buffer that is asked for; less will do.
const RECEIVE_BUFFER: libc::c_int = 4 * 1024 * 1024;

/// Where the bytes go to and come from: the kernel, or a script in tests.
pub trait Transport {
    /// Send one datagram.
    fn send(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Wait for a datagram; take what more has come by then.
    fn receive(&mut self, inbox: &mut Inbox) -> io::Result<()>;
    /// How many answers can wait unread without any being lost.
    fn answers_that_fit(&self) -> usize;
}

/// Room for the datagrams of one receive: a dump's data and its end come as two.
#[derive(Debug)]
pub struct Inbox {
    /// Two halves, a datagram each. In one piece it is large enough to come from the system as it
    /// is, zero where it is not used; two small ones would be zeroed at every start.
    space: Box<[u8]>,
    /// True lengths, which may be more than the halves hold.
    lengths: [usize; 2],
    count: usize,
}

impl Default for Inbox {
    fn default() -> Inbox {
        let space = vec![0; 2 * RECEIVE_SIZE].into_boxed_slice();
        Inbox { space, lengths: [0; 2], count: 0 }
    }
}

impl Inbox {
    /// Hold one datagram.
    pub fn put(&mut self, datagram: &[u8]) {
        let n = datagram.len().min(RECEIVE_SIZE);
        self.space[..n].copy_from_slice(&datagram[..n]);
        self.lengths[0] = datagram.len();
        self.count = 1;
    }

    /// What came with the last receive.
    pub fn datagrams(&self) -> impl Iterator<Item = Result<&[u8], Malformed>> {
        let halves = self.space.chunks(RECEIVE_SIZE);
        halves.zip(self.lengths).take(self.count).map(|(buffer, length)| {
            buffer.get(..length).ok_or(Malformed("a message longer than any the kernel sends"))
        })
    }
}

/// A netlink socket of the kernel's.
#[derive(Debug)]
pub struct Kernel {
    socket: netlink_sys::Socket,
    receive_buffer: usize,
}

impl Kernel {
    /// Generic netlink: families found by their names.
    pub fn open() -> io::Result<Kernel> {
        let socket = netlink_sys::Socket::new(netlink_sys::protocols::NETLINK_GENERIC)?;
        // Which gives it an address as well, as a bind would. From now on only the kernel reaches it.
        socket.connect(&netlink_sys::SocketAddr::new(0, 0))?;
        // Both are older than any kernel we meet; without them answers are only larger, or mute.
        let _ = socket.set_cap_ack(true);
        let _ = socket.set_ext_ack(true);
        // Beyond the system's limit only with privilege; then as far as the limit.
        if force_receive_buffer(&socket, RECEIVE_BUFFER).is_err() {
            let _ = socket.set_rx_buf_sz(RECEIVE_BUFFER);
        }
        let receive_buffer = socket.get_rx_buf_sz().unwrap_or(0);
        Ok(Kernel { socket, receive_buffer })
    }

    fn fill(&self, inbox: &mut Inbox) -> io::Result<()> {
        inbox.count = 0;
        let (first, second) = inbox.space.split_at_mut(RECEIVE_SIZE);
        let mut places = [first, second]
            .map(|half| libc::iovec { iov_base: half.as_mut_ptr().cast(), iov_len: half.len() });
        // SAFETY: numbers and pointers, for which zero is a value: nothing of that kind.
        let mut headers: [libc::mmsghdr; 2] = unsafe { std::mem::zeroed() };
        for (header, place) in headers.iter_mut().zip(&mut places) {
            header.msg_hdr.msg_iov = place;
            header.msg_hdr.msg_iovlen = 1;
        }
        let flags = libc::MSG_WAITFORONE | libc::MSG_TRUNC;
        // SAFETY: as many headers as are said, each with one place of the length that it says; all of
        // them outlive the call.
        let received = unsafe {
            libc::recvmmsg(
                self.socket.as_raw_fd(),
                headers.as_mut_ptr(),
                headers.len() as libc::c_uint,
                flags as _,
                std::ptr::null_mut(),
            )
        };
        let received = usize::try_from(received).map_err(|_| io::Error::last_os_error())?;
        for (length, header) in inbox.lengths.iter_mut().zip(&headers).take(received) {
            *length = header.msg_len as usize;
            inbox.count += 1;
        }
        Ok(())
    }
}

/// SO_RCVBUFFORCE: a receive buffer beyond the system's limit.
fn force_receive_buffer(socket: &netlink_sys::Socket, size: libc::c_int) -> io::Result<()> {
    // SAFETY: the option takes an int, and is told its size.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_RCVBUFFORCE,
            (&raw const size).cast(),
            size_of_val(&size) as libc::socklen_t,
        )
    };
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

impl Transport for Kernel {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let sent = retry(|| self.socket.send(bytes, 0))?;
        if sent != bytes.len() {
            return Err(io::Error::other("a message was sent in part only"));
        }
        Ok(())
    }

    fn receive(&mut self, inbox: &mut Inbox) -> io::Result<()> {
        retry(|| self.fill(inbox))
    }

    fn answers_that_fit(&self) -> usize {
        (self.receive_buffer / ANSWER_COST).max(1)
    }
}

fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
