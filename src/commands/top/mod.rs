//! `ipvsadm top`: the live view on a terminal, until a key or a signal ends it.
//!
//! ```text
//! keys, signals, readings -> State -> rows -> draw -> terminal
//! ```
//!
//! [`state`] holds all that is shown and knows no clock, terminal or kernel; only the loop here does.
//! Four kinds of threads each wait for one thing (keys, signals, the kernel, names) and send events to
//! the loop, which waits for nothing else. Nothing here changes the table.

use crate::command;
use crate::host::ipvs;
use crate::names::Names;
use draw::Capabilities;
use keys::KeyAction;
use libipvs::Client;
use libipvs::Error;
use names::NameCache;
use nix::sys::signal::Signal;
use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::crossterm::event::{self, Event};
use ratatui::layout::{Rect, Size};
use ratatui::{Terminal, TerminalOptions, Viewport};
use reader::Table;
use state::State;
use std::io;
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

mod columns;
mod debug;
mod draw;
mod entry;
mod history;
mod keys;
mod names;
mod reader;
mod state;
mod terminal;

pub use entry::top;
use terminal::unusable;

/// The size assumed for a terminal that does not know its own, as a serial line.
const DEFAULT_SIZE: Rect = Rect::new(0, 0, 80, 24);

/// The period of checks for the terminal to become ours again.
const BACKGROUND_POLL: Duration = Duration::from_millis(500);

/// An event for the loop.
enum LoopEvent {
    /// A key; an error if there will be no more keys.
    Input(io::Result<Event>),
    Signal(Signal),
    Reading(Result<Table, Error>),
    /// A name was found.
    Name,
}

/// The error if the view cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error(transparent)]
    Ipvs(#[from] Error),
    /// The terminal failed, or a thread could not be started.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// The reason for the end of the view.
#[derive(Debug)]
pub enum End {
    /// A key ended it.
    Quit,
    /// The terminal accepts no output, or has no more input.
    Lost(io::Error),
    /// A signal ended it; the program must die of the signal.
    Signal(Signal),
}

/// Runs the view until something ends it. Releases the terminal on every way out. Signals stay
/// caught, and a panic ends the program while it holds the terminal.
pub fn watch(
    mut client: Client,
    task: &command::Top,
    names: impl Names + Clone + Send + 'static,
) -> Result<End, Failure> {
    // An error in the first reading is reported like that of a list.
    let first = reader::read(&mut client, &task.services)?;
    let (out, events) = channel();
    let file = terminal::prepare()?;
    terminal::watch_signals(out.clone())?;
    let requests = reader::start(client, task.services.clone(), out.clone())?;
    let announced = Arc::new(AtomicBool::new(false));
    let names = name_cache(names, &announced, &out);
    let backend = CrosstermBackend::new(io::BufWriter::with_capacity(64 * 1024, file));
    let viewport = match backend.size()? {
        Size { width: 0, .. } | Size { height: 0, .. } => Viewport::Fixed(DEFAULT_SIZE),
        _ => Viewport::Fullscreen,
    };
    let options = TerminalOptions { viewport };
    let mut view = View {
        state: State::new(task.numeric, task.interval),
        capabilities: Capabilities::from_environment(),
        names,
        announced,
        start: Instant::now(),
        terminal: ManuallyDrop::new(Terminal::with_options(backend, options)?),
        requests,
        pending: false,
        next_request: Instant::now() + task.interval,
    };
    view.state.update(first, Duration::ZERO);
    let acquired = terminal::acquire().and_then(|_| watch_keys(out));
    let end = acquired.and_then(|()| view.run(&events));
    terminal::release();
    Ok(end.unwrap_or_else(End::Lost))
}

/// Ends the program as the signal would have ended it.
pub fn die_of(signal: Signal) -> ! {
    terminal::die_of(signal)
}

/// Returns names that announce a new one once, until the loop has seen the announcement.
fn name_cache(
    names: impl Names + Clone + Send + 'static,
    announced: &Arc<AtomicBool>,
    out: &Sender<LoopEvent>,
) -> NameCache {
    let (announced, out) = (announced.clone(), out.clone());
    NameCache::new(names, move || {
        if !announced.swap(true, Ordering::SeqCst) {
            let _ = out.send(LoopEvent::Name);
        }
    })
}

/// Starts the thread that reads keys.
fn watch_keys(out: Sender<LoopEvent>) -> io::Result<()> {
    let wait = move || {
        loop {
            let input = event::read();
            // In the background, a line typed for the shell can wake this thread.
            if input.as_ref().is_err_and(terminal::is_background_read) {
                std::thread::sleep(BACKGROUND_POLL);
                continue;
            }
            let failed = input.is_err();
            if out.send(LoopEvent::Input(input)).is_err() || failed {
                return;
            }
        }
    };
    std::thread::Builder::new().spawn(wait)?;
    Ok(())
}

struct View<W: io::Write> {
    state: State,
    capabilities: Capabilities,
    names: NameCache,
    announced: Arc<AtomicBool>,
    start: Instant,
    /// Dropping it would show the cursor, and panic if the terminal is gone.
    terminal: ManuallyDrop<Terminal<CrosstermBackend<W>>>,
    /// Requests a reading.
    requests: Sender<()>,
    /// A reading was requested and has not arrived.
    pending: bool,
    /// The time of the next request.
    next_request: Instant,
}

impl<W: io::Write> View<W> {
    fn run(&mut self, events: &Receiver<LoopEvent>) -> io::Result<End> {
        loop {
            // Checked first, so that an endless stream of keys does not delay readings.
            if Instant::now() >= self.next_request {
                self.request_reading()?;
            }
            self.show()?;
            let left = self.next_request.saturating_duration_since(Instant::now());
            match events.recv_timeout(left) {
                Ok(event) => {
                    // Handle all pending events before drawing once.
                    for event in std::iter::once(event).chain(events.try_iter()) {
                        if let Some(end) = self.handle(event)? {
                            return Ok(end);
                        }
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(End::Quit),
            }
        }
    }

    fn show(&mut self) -> io::Result<()> {
        if !terminal::is_acquired() {
            return Ok(());
        }
        debug::panic_point("draw");
        self.announced.store(false, Ordering::SeqCst);
        self.state.arrange(&self.names);
        self.terminal.draw(|frame| draw::draw(frame, &mut self.state, self.capabilities))?;
        Ok(())
    }

    /// Requests a reading if it is due, unless one is under way or the terminal is not ours.
    fn request_reading(&mut self) -> io::Result<()> {
        if !terminal::is_acquired() {
            // A shell does not notify a running job that comes to the foreground.
            self.next_request = Instant::now() + BACKGROUND_POLL;
            return self.resume();
        }
        self.next_request = Instant::now() + self.state.interval;
        if !self.pending && !self.state.paused {
            self.pending = true;
            self.requests
                .send(())
                .map_err(|_| io::Error::other("the thread that reads the table has ended"))?;
        }
        Ok(())
    }

    fn handle(&mut self, event: LoopEvent) -> io::Result<Option<End>> {
        match event {
            LoopEvent::Reading(table) => {
                self.pending = false;
                match table {
                    Ok(table) => {
                        self.state.connections = ipvs::counted_connections();
                        self.state.frozen = ipvs::frozen().unwrap_or(None);
                        self.state.update(table, self.start.elapsed());
                    }
                    Err(e) => self.state.error = Some(format!("Cannot read the table: {e}")),
                }
            }
            LoopEvent::Name => {}
            LoopEvent::Input(Ok(Event::Key(key))) => match keys::press(&mut self.state, key) {
                KeyAction::Show => {}
                KeyAction::Repaint => self.repaint()?,
                KeyAction::Stop => terminal::stop_job(),
                KeyAction::Quit => return Ok(Some(End::Quit)),
            },
            LoopEvent::Input(Ok(_)) => {}
            LoopEvent::Input(Err(error)) => return Err(error),
            LoopEvent::Signal(Signal::SIGTSTP) => {
                terminal::stop();
                self.resume()?;
            }
            LoopEvent::Signal(Signal::SIGCONT) => self.resume()?,
            // Each frame has the size of the terminal at that moment.
            LoopEvent::Signal(Signal::SIGWINCH) => {}
            LoopEvent::Signal(signal) => return Ok(Some(End::Signal(signal))),
        }
        Ok(None)
    }

    /// Makes the next frame a complete one. `Terminal::clear` would ask the terminal for the position
    /// of its cursor, and the thread that reads keys would get the answer.
    fn repaint(&mut self) -> io::Result<()> {
        let area = self.terminal.get_frame().area();
        self.terminal.resize(area)
    }

    /// Prepares for a terminal that another program has used and may have written on.
    fn resume(&mut self) -> io::Result<()> {
        if terminal::acquire()? {
            self.repaint()?;
            self.next_request = Instant::now();
        }
        Ok(())
    }
}
