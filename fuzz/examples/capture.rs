//! Captures seeds for the target `kernel_message`: the answers of a kernel.
//!
//!     capture FOLDER
//!
//! Run it in the lab, with a table that has many different settings. It writes one file per
//! request.

use libipvs::Client;
use libipvs::model::{Change, Family, ServiceKey};
use libipvs::transport::{Inbox, Kernel, Transport};
use std::cell::RefCell;
use std::io;

/// The kernel, and all datagrams that it has sent.
struct Recorder<'a> {
    kernel: Kernel,
    datagrams: &'a RefCell<Vec<Vec<u8>>>,
}

impl Transport for Recorder<'_> {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.kernel.send(bytes)
    }

    fn receive(&mut self, inbox: &mut Inbox) -> io::Result<()> {
        self.kernel.receive(inbox)?;
        let datagrams = inbox.datagrams().filter_map(Result::ok).map(<[u8]>::to_vec);
        self.datagrams.borrow_mut().extend(datagrams);
        Ok(())
    }

    fn answers_that_fit(&self) -> usize {
        4
    }
}

fn main() {
    let folder = std::env::args().nth(1).expect("a folder");
    let mark: ServiceKey = "mark 1 IPv4".parse().expect("a key");
    for selector in 0..8u8 {
        let datagrams = RefCell::default();
        let kernel = Kernel::open().expect("a socket");
        let mut client =
            Client::over(Recorder { kernel, datagrams: &datagrams }, || ()).expect("IPVS");
        datagrams.borrow_mut().clear();
        // The selectors of `targets::kernel_message`.
        let answered = match selector {
            0 => client.info().is_ok(),
            1 => client.timeouts().is_ok(),
            2 => client.service(&mark).is_ok(),
            3 => client.services().is_ok(),
            4 => client.destinations(&mark).is_ok(),
            5 => client.daemons().is_ok(),
            // The kernel refuses all six changes, because the service does not exist.
            6 => {
                let missing: ServiceKey = "mark 99 IPv6".parse().expect("a key");
                client.changes(&[0; 6].map(|_| Change::DeleteService(missing))).is_ok()
            }
            _ => client.services().is_ok_and(|all| {
                all.iter().all(|observed| client.destinations(&observed.service.key).is_ok())
            }),
        };
        assert!(answered, "request {selector}");
        let mut seed = vec![selector];
        for datagram in datagrams.borrow().iter() {
            seed.extend((datagram.len() as u16).to_le_bytes());
            seed.extend(datagram);
        }
        std::fs::write(format!("{folder}/{selector:02}"), seed).expect("a writable folder");
    }
}
