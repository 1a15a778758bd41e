//! Transports for netlink messages: a socket of the kernel, or a stand-in for it in tests.
//!
//! This module calls the C library directly for two system calls that the crate `netlink-sys`
//! lacks. Another crate for them would bring more dependencies than the library has.

use std::io;
use std::os::fd::AsRawFd;

/// Bytes for one datagram. A message of a dump has at most 32 KiB.
const DATAGRAM_SIZE: usize = 64 * 1024;
/// Bytes of the receive buffer that the kernel charges for one answer.
const ANSWER_COST: usize = 1024;
/// Bytes of receive buffer to request. A smaller buffer works too.
const RECEIVE_BUFFER: libc::c_int = 4 * 1024 * 1024;

/// A carrier of netlink messages between a [`Client`](crate::Client) and a kernel.
pub trait Transport {
    /// Sends one datagram, which holds one or more messages.
    fn send(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Waits for a datagram and puts it into the inbox, along with others that have arrived.
    ///
    /// ENOBUFS means that answers were lost.
    fn receive(&mut self, inbox: &mut Inbox) -> io::Result<()>;
    /// Returns the number of answers that can wait unread without loss.
    fn answers_that_fit(&self) -> usize;
}

/// Implements the trait for a pointer to a transport.
macro_rules! transport_behind {
    ($($pointer:ty),*) => {$(
        impl<T: Transport + ?Sized> Transport for $pointer {
            fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
                (**self).send(bytes)
            }

            fn receive(&mut self, inbox: &mut Inbox) -> io::Result<()> {
                (**self).receive(inbox)
            }

            fn answers_that_fit(&self) -> usize {
                (**self).answers_that_fit()
            }
        }
    )*};
}

transport_behind!(Box<T>, &mut T);

/// The datagrams of one receive. A dump ends with two: its last data, and the message that ends it.
#[derive(Debug)]
pub struct Inbox {
    /// Two buffers in one allocation: one this large comes from the system already zeroed.
    space: Box<[u8]>,
    /// Lengths of the datagrams, which may exceed that of a buffer.
    lengths: [usize; 2],
    count: usize,
}

impl Default for Inbox {
    fn default() -> Inbox {
        let space = vec![0; 2 * DATAGRAM_SIZE].into_boxed_slice();
        Inbox { space, lengths: [0; 2], count: 0 }
    }
}

impl Inbox {
    /// Replaces the content by one datagram.
    pub fn put(&mut self, datagram: &[u8]) {
        let n = datagram.len().min(DATAGRAM_SIZE);
        self.space[..n].copy_from_slice(&datagram[..n]);
        self.lengths[0] = datagram.len();
        self.count = 1;
    }

    /// Iterates over the datagrams of the last receive. One that did not fit is an error.
    pub fn datagrams(&self) -> impl Iterator<Item = io::Result<&[u8]>> {
        let buffers = self.space.chunks(DATAGRAM_SIZE);
        buffers.zip(self.lengths).take(self.count).map(|(buffer, length)| {
            buffer.get(..length).ok_or_else(|| io::Error::other("a datagram was truncated"))
        })
    }
}

/// A generic netlink socket of the kernel.
#[derive(Debug)]
pub struct Kernel {
    socket: netlink_sys::Socket,
    receive_buffer: usize,
}

impl Kernel {
    /// Opens a socket in the network namespace of the calling thread.
    pub fn open() -> io::Result<Kernel> {
        let socket = netlink_sys::Socket::new(netlink_sys::protocols::NETLINK_GENERIC)?;
        // This assigns an address too, as a bind would. From now on only the kernel can send to it.
        socket.connect(&netlink_sys::SocketAddr::new(0, 0))?;
        // Without these two, answers are only larger, or lack an explanation.
        let _ = socket.set_cap_ack(true);
        let _ = socket.set_ext_ack(true);
        // Exceeding the limit of the system requires privilege.
        if force_receive_buffer(&socket, RECEIVE_BUFFER).is_err() {
            let _ = socket.set_rx_buf_sz(RECEIVE_BUFFER);
        }
        let receive_buffer = socket.get_rx_buf_sz().unwrap_or(0);
        Ok(Kernel { socket, receive_buffer })
    }

    fn receive_into(&self, inbox: &mut Inbox) -> io::Result<()> {
        inbox.count = 0;
        let (first, second) = inbox.space.split_at_mut(DATAGRAM_SIZE);
        let mut buffers = [first, second].map(|buffer| libc::iovec {
            iov_base: buffer.as_mut_ptr().cast(),
            iov_len: buffer.len(),
        });
        // SAFETY: the structure holds only numbers and pointers, for which zero is a valid value.
        let mut headers: [libc::mmsghdr; 2] = unsafe { std::mem::zeroed() };
        for (header, buffer) in headers.iter_mut().zip(&mut buffers) {
            header.msg_hdr.msg_iov = buffer;
            header.msg_hdr.msg_iovlen = 1;
        }
        let flags = libc::MSG_WAITFORONE | libc::MSG_TRUNC;
        // SAFETY: the call gets the number of headers; each header has one buffer with its length;
        // all of them outlive the call.
        let received = unsafe {
            libc::recvmmsg(
                self.socket.as_raw_fd(),
                headers.as_mut_ptr(),
                headers.len() as libc::c_uint,
                flags as _,
                std::ptr::null_mut(),
            )
        };
        inbox.count = usize::try_from(received).map_err(|_| io::Error::last_os_error())?;
        inbox.lengths = headers.map(|header| header.msg_len as usize);
        Ok(())
    }
}

/// Sets the receive buffer beyond the limit of the system (SO_RCVBUFFORCE).
fn force_receive_buffer(socket: &netlink_sys::Socket, size: libc::c_int) -> io::Result<()> {
    // SAFETY: the option requires an int, and the call gets the size of one.
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
            return Err(io::Error::other("only a part of the message was sent"));
        }
        Ok(())
    }

    fn receive(&mut self, inbox: &mut Inbox) -> io::Result<()> {
        retry(|| self.receive_into(inbox))
    }

    fn answers_that_fit(&self) -> usize {
        (self.receive_buffer / ANSWER_COST).max(1)
    }
}

/// Repeats a system call until no signal interrupts it.
fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The controller of generic netlink answers without privilege, on a kernel without IPVS too.
    #[test]
    fn one_receive_takes_two_answers_of_the_kernel() {
        let mut kernel = Kernel::open().unwrap();
        // The default buffer has room for about 200 answers, the requested one for 8192.
        assert!((300..=8192).contains(&kernel.answers_that_fit()), "{kernel:?}");
        for sequence in [7, 8] {
            let header = [32, 0, 0, 0, 16, 0, 1, 0, sequence, 0, 0, 0, 0, 0, 0, 0, 3, 2, 0, 0];
            kernel.send(&[&header[..], b"\x0b\0\x02\0nlctrl\0\0"].concat()).unwrap();
        }
        let mut inbox = Inbox::default();
        kernel.receive(&mut inbox).unwrap();
        let sequences: Vec<u8> = inbox.datagrams().map(|datagram| datagram.unwrap()[8]).collect();
        assert_eq!(sequences, [7, 8]);
    }

    #[test]
    fn an_inbox_holds_the_last_datagram() {
        let mut inbox = Inbox::default();
        assert_eq!(inbox.datagrams().count(), 0);
        for length in [0, 1, DATAGRAM_SIZE] {
            inbox.put(&vec![7; length]);
            let all: Vec<_> = inbox.datagrams().map(Result::unwrap).collect();
            assert_eq!(all, [vec![7; length]]);
        }
        inbox.put(&vec![7; DATAGRAM_SIZE + 1]);
        assert!(inbox.datagrams().next().unwrap().is_err());
    }

    #[test]
    fn a_call_is_repeated_after_a_signal() {
        let mut results = vec![Ok(5), Err(libc::EINTR), Err(libc::EINTR)];
        let mut call = || results.pop().unwrap().map_err(io::Error::from_raw_os_error);
        assert_eq!(retry(&mut call).unwrap(), 5);
        let failed = retry(|| Err::<(), _>(io::Error::from_raw_os_error(libc::EIO)));
        assert_eq!(failed.unwrap_err().raw_os_error(), Some(libc::EIO));
    }
}
