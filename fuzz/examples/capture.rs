//! Seeds for the target `kernel_message`: what a kernel answers to each question, as it came.
//!
//! `capture FOLDER`, in the lab, with a table that is worth it: a file a question.

use libipvs::Client;
use libipvs::model::{Change, Family, ServiceKey};
use libipvs::transport::{Inbox, Kernel, Transport};
use std::cell::RefCell;
use std::io;

/// The kernel, and every datagram that comes from it.
struct Recorded<'a> {
    kernel: Kernel,
    datagrams: &'a RefCell<Vec<Vec<u8>>>,
}

impl Transport for Recorded<'_> {
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
    let mark = ServiceKey::Mark { mark: 1, family: Family::V4 };
    for question in 0..8u8 {
        let datagrams = RefCell::default();
        let kernel = Kernel::open().expect("a socket");
        let mut client =
            Client::over(Recorded { kernel, datagrams: &datagrams }, || ()).expect("IPVS");
        datagrams.borrow_mut().clear();
        // The numbers of targets.rs.
        let answered = match question {
            0 => client.info().is_ok(),
            1 => client.timeouts().is_ok(),
            2 => client.service(&mark).is_ok(),
            3 => client.services().is_ok(),
            4 => client.destinations(&mark).is_ok(),
            5 => client.daemons().is_ok(),
            // Each is refused, and says so: the service is not there.
            6 => {
                let missing = ServiceKey::Mark { mark: 99, family: Family::V6 };
                client
                    .changes(
                        &[const { Change::Zero(None) }; 6].map(|_| Change::DeleteService(missing)),
                    )
                    .is_ok()
            }
            _ => client.services().is_ok_and(|all| {
                all.iter().all(|shown| client.destinations(&shown.service.key).is_ok())
            }),
        };
        assert!(answered, "question {question}");
        let mut seed = vec![question];
        for datagram in datagrams.borrow().iter() {
            seed.extend((datagram.len() as u16).to_le_bytes());
            seed.extend(datagram);
        }
        std::fs::write(format!("{folder}/{question:02}"), seed).expect("the folder can be written");
    }
}
