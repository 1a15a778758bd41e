//! `ipvsadm top`: the table at work, on a terminal, until a key or a signal ends it.
//!
//! ```text
//! keys, signals, readings -> State -> rows -> draw -> terminal
//! ```
//!
//! In comes a connection to the kernel and what to watch, out comes the way it ended. [`state`] is all there
//! is to know, and has no clock, terminal or kernel; only the loop here knows them. Four kinds of threads
//! wait for something each (keys, signals, the kernel, names) and tell the loop, which waits for nothing
//! else. Nothing here changes the table.

use crate::command;
use crate::names::Names;
use draw::Look;
use keys::Then;
use libipvs::Client;
use libipvs::Error;
use names::Known;
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
pub use terminal::missing;

/// Of a terminal that does not know its size, as that of a serial line.
const USUAL: Rect = Rect::new(0, 0, 80, 24);

/// How often it is looked whether the terminal is ours again.
const AWAY: Duration = Duration::from_millis(500);

/// What the loop waits for.
enum Happening {
    /// A key; an error when there are no more keys to come.
    Event(io::Result<Event>),
    Signal(Signal),
    Reading(Result<Table, Error>),
    /// A name is known that was not.
    Name,
}

/// Why nothing is watched.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error(transparent)]
    Ipvs(#[from] Error),
    /// The terminal, or a thread that could not be started.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// How watching ended.
#[derive(Debug)]
pub enum End {
    /// A key.
    Left,
    /// The terminal takes nothing any more, or gives nothing.
    Lost(io::Error),
    /// To be died of.
    Signal(Signal),
}

/// Watch until something ends it. The terminal is given back then, and on any other way out; signals
/// stay caught, and a panic ends the program while the terminal is taken.
pub fn watch(
    mut client: Client,
    task: &command::Top,
    names: impl Names + Clone + Send + 'static,
) -> Result<End, Failure> {
    // What is wrong with the first reading is an error like that of a list.
    let first = reader::read(&mut client, &task.services)?;
    let (out, happenings) = channel();
    let file = terminal::prepare()?;
    terminal::watch_signals(out.clone())?;
    let asking = reader::start(client, task.services.clone(), out.clone())?;
    let announced = Arc::new(AtomicBool::new(false));
    let known = known(names, &announced, &out);
    let backend = CrosstermBackend::new(io::BufWriter::with_capacity(64 * 1024, file));
    let viewport = match backend.size()? {
        Size { width: 0, .. } | Size { height: 0, .. } => Viewport::Fixed(USUAL),
        _ => Viewport::Fullscreen,
    };
    let options = TerminalOptions { viewport };
    let mut view = View {
        state: State::new(task.numeric, task.interval),
        look: Look::of_environment(),
        known,
        announced,
        start: Instant::now(),
        terminal: ManuallyDrop::new(Terminal::with_options(backend, options)?),
        asking,
        waiting: false,
        due: Instant::now() + task.interval,
    };
    view.state.take(first, Duration::ZERO);
    let taken = terminal::take().and_then(|_| watch_keys(out));
    let end = taken.and_then(|()| view.run(&happenings));
    terminal::give_back();
    Ok(end.unwrap_or_else(End::Lost))
}

/// End as a signal would have ended it.
pub fn die_of(signal: Signal) -> ! {
    terminal::die_of(signal)
}

/// Names that say once that there are new ones, until that has been heard.
fn known(
    names: impl Names + Clone + Send + 'static,
    announced: &Arc<AtomicBool>,
    out: &Sender<Happening>,
) -> Known {
    let (announced, out) = (announced.clone(), out.clone());
    Known::new(names, move || {
        if !announced.swap(true, Ordering::SeqCst) {
            let _ = out.send(Happening::Name);
        }
    })
}

/// Keys become happenings.
fn watch_keys(out: Sender<Happening>) -> io::Result<()> {
    let wait = move || {
        loop {
            let event = event::read();
            let over = event.is_err();
            if out.send(Happening::Event(event)).is_err() || over {
                return;
            }
        }
    };
    std::thread::Builder::new().spawn(wait)?;
    Ok(())
}

struct View<W: io::Write> {
    state: State,
    look: Look,
    known: Known,
    announced: Arc<AtomicBool>,
    start: Instant,
    /// It would show the cursor when it is dropped, and panic where there is no terminal any more.
    terminal: ManuallyDrop<Terminal<CrosstermBackend<W>>>,
    /// Asks for a reading.
    asking: Sender<()>,
    /// It has been asked for, and has not come.
    waiting: bool,
    /// When the next one is to be asked for.
    due: Instant,
}

impl<W: io::Write> View<W> {
    fn run(&mut self, happenings: &Receiver<Happening>) -> io::Result<End> {
        loop {
            // First, so that keys that come without end do not keep readings away.
            if Instant::now() >= self.due {
                self.ask()?;
            }
            self.show()?;
            let left = self.due.saturating_duration_since(Instant::now());
            match happenings.recv_timeout(left) {
                Ok(happening) => {
                    // All that has come by now is seen with the next picture.
                    for happening in std::iter::once(happening).chain(happenings.try_iter()) {
                        if let Some(end) = self.happened(happening)? {
                            return Ok(end);
                        }
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(End::Left),
            }
        }
    }

    fn show(&mut self) -> io::Result<()> {
        if !terminal::is_taken() {
            return Ok(());
        }
        debug::moment("draw");
        self.announced.store(false, Ordering::SeqCst);
        self.state.arrange(&self.known);
        self.terminal.draw(|frame| draw::draw(frame, &mut self.state, self.look))?;
        Ok(())
    }

    /// It is time for another reading; not while one is under way, nor for nobody.
    fn ask(&mut self) -> io::Result<()> {
        if !terminal::is_taken() {
            // A shell does not tell a job that runs when it comes to the foreground.
            self.due = Instant::now() + AWAY;
            return self.come_back();
        }
        self.due = Instant::now() + self.state.interval;
        if !self.waiting && !self.state.paused {
            self.waiting = true;
            self.asking
                .send(())
                .map_err(|_| io::Error::other("nobody reads the table any more"))?;
        }
        Ok(())
    }

    fn happened(&mut self, happening: Happening) -> io::Result<Option<End>> {
        match happening {
            Happening::Reading(table) => {
                self.waiting = false;
                match table {
                    Ok(table) => self.state.take(table, self.start.elapsed()),
                    Err(e) => self.state.error = Some(format!("Cannot read the table: {e}")),
                }
            }
            Happening::Name => {}
            Happening::Event(Ok(Event::Key(key))) => match keys::press(&mut self.state, key) {
                Then::Show => {}
                Then::Repaint => self.repaint()?,
                Then::Stop => terminal::stop_job(),
                Then::Leave => return Ok(Some(End::Left)),
            },
            Happening::Event(Ok(_)) => {}
            Happening::Event(Err(error)) => return Err(error),
            Happening::Signal(Signal::SIGTSTP) => {
                terminal::stop();
                self.come_back()?;
            }
            Happening::Signal(Signal::SIGCONT) => self.come_back()?,
            // Each picture is as large as the terminal is by then.
            Happening::Signal(Signal::SIGWINCH) => {}
            Happening::Signal(signal) => return Ok(Some(End::Signal(signal))),
        }
        Ok(None)
    }

    /// The next picture is a whole one. (`Terminal::clear` would ask the terminal where its cursor is, and
    /// the answer would go to who waits for keys.)
    fn repaint(&mut self) -> io::Result<()> {
        let area = self.terminal.get_frame().area();
        self.terminal.resize(area)
    }

    /// Somebody else has had the terminal meanwhile, and may have left anything on it.
    fn come_back(&mut self) -> io::Result<()> {
        if terminal::take()? {
            self.repaint()?;
            self.due = Instant::now();
        }
        Ok(())
    }
}
