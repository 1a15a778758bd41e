//! Commands run against the fake kernel, for unit tests.

use super::classic;
use super::context::{Context, LazyClient};
use crate::error::CommandError;
use crate::exit;
use crate::names::Names;
use crate::ui::testing::Streams;
use libipvs::fake::FakeKernel;
use libipvs::model::Protocol;
use libipvs::{Client, Error};
use std::net::{IpAddr, Ipv4Addr};
use tempfile::TempDir;

/// The exit status and the output of a command.
#[derive(Debug, PartialEq, Eq)]
pub struct Ran {
    pub status: u8,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// The content of stdout; the command must have succeeded without an error.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!((self.status, self.err.as_str()), (0, ""), "{}", self.out);
        self.out
    }

    /// The content of stderr; the command must have failed with this status and no output.
    #[track_caller]
    pub fn fails(self, status: u8) -> String {
        assert_eq!((self.status, self.out.as_str()), (status, ""), "{}", self.err);
        self.err
    }
}

/// A fake kernel, and the streams that commands get.
pub struct Fixture {
    pub kernel: FakeKernel,
    /// The folder of the state files.
    pub state: TempDir,
    /// Stderr is a terminal.
    pub terminal: bool,
    /// The errno of each write to stdout.
    pub stdout_error: Option<i32>,
}

impl Fixture {
    /// A kernel with an empty table.
    pub fn new() -> Fixture {
        let state = tempfile::tempdir().expect("a temporary folder");
        Fixture { kernel: FakeKernel::new(), state, terminal: false, stdout_error: None }
    }

    /// A kernel with the table of these rules.
    #[track_caller]
    pub fn with(rules: &str) -> Fixture {
        let fixture = Fixture::new();
        fixture.line_with("-R", rules).ok();
        fixture
    }

    /// The same kernel, with a terminal.
    pub fn on_terminal(self) -> Fixture {
        Fixture { terminal: true, ..self }
    }

    /// The surroundings of one command.
    pub fn context(&self, streams: &Streams, stdin: &str) -> Context<FakeKernel> {
        let kernel = self.kernel.clone();
        self.context_of(streams, stdin, move || kernel.client())
    }

    fn context_of<C: libipvs::Transport>(
        &self,
        streams: &Streams,
        stdin: &str,
        connect: impl Fn() -> Result<Client<C>, Error> + 'static,
    ) -> Context<C> {
        Context {
            ui: streams.ui(stdin, self.terminal),
            client: LazyClient::new(connect),
            names: &TestNames,
            state_folder: self.state.path().join("state"),
        }
    }

    fn streams(&self) -> Streams {
        self.stdout_error.map_or_else(Streams::default, Streams::failing)
    }

    /// Runs a command.
    pub fn run(
        &self,
        stdin: &str,
        command: impl FnOnce(&mut Context<FakeKernel>) -> Result<(), CommandError>,
    ) -> Ran {
        let streams = self.streams();
        let mut context = self.context(&streams, stdin);
        let result = command(&mut context);
        ran(&streams, context, result)
    }

    /// Runs a classic command line.
    pub fn line(&self, line: &str) -> Ran {
        self.line_with(line, "")
    }

    /// Runs a classic command line with this standard input.
    pub fn line_with(&self, line: &str, stdin: &str) -> Ran {
        self.run(stdin, |context| classic(context, &words(line)))
    }

    /// The table as rules.
    #[track_caller]
    pub fn rules(&self) -> String {
        self.line("-Sn").ok()
    }

    /// The number of changes that the kernel has made.
    pub fn changes(&self) -> usize {
        self.kernel.changes().len()
    }
}

/// Runs a command without privilege, in a context of the real kernel's type.
pub fn unprivileged(command: impl FnOnce(&mut Context) -> Result<(), CommandError>) -> Ran {
    let (fixture, streams) = (Fixture::new(), Streams::default());
    let mut context = fixture.context_of(&streams, "", || Err(Error::NotPermitted));
    let result = command(&mut context);
    ran(&streams, context, result)
}

fn ran<C>(streams: &Streams, mut context: Context<C>, result: Result<(), CommandError>) -> Ran {
    let status = context.ui.finish(result).map_or_else(exit::status, |()| exit::SUCCESS);
    let text = |bytes: &std::cell::RefCell<Vec<u8>>| {
        String::from_utf8(bytes.borrow().clone()).expect("text")
    };
    Ran { status, out: text(&streams.stdout), err: text(&streams.stderr) }
}

/// The words of a line.
pub fn words(line: &str) -> Vec<&str> {
    line.split_ascii_whitespace().collect()
}

/// A resolver with one host and one service.
pub struct TestNames;

impl Names for TestNames {
    fn host(&self, name: &str) -> Option<Ipv4Addr> {
        (name == "web").then_some(Ipv4Addr::new(10, 0, 0, 1))
    }

    fn port(&self, name: &str, _: Protocol) -> Option<u16> {
        (name == "http").then_some(80)
    }

    fn host_name(&self, address: IpAddr) -> Option<String> {
        (address == IpAddr::from([10, 0, 0, 1])).then(|| "web".to_string())
    }

    fn port_name(&self, port: u16, _: Protocol) -> Option<String> {
        (port == 80).then(|| "http".to_string())
    }
}
