//! The surroundings of a command: its streams, the kernel, the resolver.

use crate::host::state_file;
use crate::names::{Names, System};
use crate::ui::Ui;
use libipvs::transport::Kernel;
use libipvs::{Client, Error, Transport};
use std::path::PathBuf;

/// The surroundings of a command.
pub struct Context<C = Kernel> {
    pub ui: Ui,
    pub client: LazyClient<C>,
    pub names: &'static dyn Names,
    /// The folder of the state files.
    pub state_folder: PathBuf,
}

impl Context {
    /// The surroundings of this process.
    pub fn process() -> Context {
        Context {
            ui: Ui::process(),
            client: LazyClient::new(Client::connect),
            names: &System,
            state_folder: state_file::FOLDER.into(),
        }
    }
}

/// A client that connects when it is first used.
pub struct LazyClient<C> {
    connect: Box<dyn Fn() -> Result<Client<C>, Error>>,
    client: Option<Client<C>>,
}

impl<C: Transport> LazyClient<C> {
    pub fn new(connect: impl Fn() -> Result<Client<C>, Error> + 'static) -> LazyClient<C> {
        LazyClient { connect: Box::new(connect), client: None }
    }

    pub fn get(&mut self) -> Result<&mut Client<C>, Error> {
        match &mut self.client {
            Some(client) => Ok(client),
            none => Ok(none.insert((self.connect)()?)),
        }
    }

    /// Connects a client of the caller's own.
    pub fn connect(&self) -> Result<Client<C>, Error> {
        (self.connect)()
    }
}
