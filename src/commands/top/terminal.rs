//! Acquires and releases the terminal: its settings, the alternate screen, and the signals that
//! concern either.
//!
//! Whatever ends the program releases it: [`release`] can be called at any time and from any thread,
//! and does nothing if the terminal is not held. This module draws nothing and reads no keys.

use super::LoopEvent;
use nix::sys::signal::{SigSet, Signal, kill, raise};
use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};
use nix::unistd::{Pid, getpgrp, tcgetpgrp};
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen};
use ratatui::crossterm::{Command, QueueableCommand};
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::time::Duration;

/// The maximum time to leave the view when a signal ends it. A terminal that accepts no output, as
/// that of a hanging connection, may block it for ever.
const GRACE: Duration = Duration::from_secs(2);

struct Saved {
    /// Standard output without the lock that another thread may hold.
    file: File,
    settings: libc::termios,
}

static SAVED: OnceLock<Saved> = OnceLock::new();
static ACQUIRED: AtomicBool = AtomicBool::new(false);

/// Returns the reason why the terminal cannot be drawn on, or None.
pub fn unusable() -> Option<String> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Some("standard input and standard output must be a terminal".to_string());
    }
    match std::env::var_os("TERM").unwrap_or_default() {
        term if term.is_empty() || term == "dumb" => {
            Some("this terminal cannot show the view (TERM is empty or dumb)".to_string())
        }
        _ => None,
    }
}

/// Saves the settings of the terminal and returns where to draw. A panic in any thread then releases
/// the terminal and ends the program, as it does in a release build.
pub fn prepare() -> io::Result<File> {
    let file = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let drawing = file.try_clone()?;
    let settings = tcgetattr(&file)?.into();
    if SAVED.set(Saved { file, settings }).is_ok() {
        let default_hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let was_acquired = is_acquired();
            release();
            default_hook(panic);
            if was_acquired {
                std::process::abort();
            }
        }));
    }
    Ok(drawing)
}

/// Acquires the terminal unless the program is in the background. Returns true if it is ours now.
pub fn acquire() -> io::Result<bool> {
    let Some(saved) = SAVED.get() else { return Ok(false) };
    // A terminal that does not control this session has no background.
    if tcgetpgrp(&saved.file).is_ok_and(|group| group != getpgrp()) {
        return Ok(false);
    }
    ACQUIRED.store(true, Ordering::SeqCst);
    let mut settings = Termios::from(saved.settings);
    cfmakeraw(&mut settings);
    tcsetattr(&saved.file, SetArg::TCSANOW, &settings)?;
    write(&saved.file, (EnterAlternateScreen, Hide))?;
    Ok(true)
}

/// Returns true if a read failed only because the program was in the background. A terminal that is
/// gone has no foreground job.
pub fn is_background_read(error: &io::Error) -> bool {
    let alive = || SAVED.get().is_some_and(|saved| tcgetpgrp(&saved.file).is_ok());
    error.raw_os_error() == Some(libc::EIO) && alive()
}

/// Returns true if the terminal is ours.
pub fn is_acquired() -> bool {
    ACQUIRED.load(Ordering::SeqCst)
}

/// Releases the terminal if it is held.
pub fn release() {
    if let Some(saved) = restore_settings() {
        let _ = write(&saved.file, (LeaveAlternateScreen, Show));
    }
}

/// Restores the settings alone, which never blocks.
fn restore_settings() -> Option<&'static Saved> {
    let saved = SAVED.get()?;
    if !ACQUIRED.swap(false, Ordering::SeqCst) {
        return None;
    }
    let _ = tcsetattr(&saved.file, SetArg::TCSANOW, &Termios::from(saved.settings));
    Some(saved)
}

fn write(mut file: &File, commands: (impl Command, impl Command)) -> io::Result<()> {
    let mut bytes = Vec::new();
    bytes.queue(commands.0)?.queue(commands.1)?;
    file.write_all(&bytes)
}

/// Turns signals into events, for this thread and those that it starts later.
pub fn watch_signals(out: Sender<LoopEvent>) -> io::Result<()> {
    let ends = [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT];
    let mut signals: SigSet = ends.into_iter().collect();
    signals.add(Signal::SIGTSTP);
    signals.add(Signal::SIGCONT);
    // The thread that reads keys learns of a new size too, but not in the middle of a key sequence.
    signals.add(Signal::SIGWINCH);
    signals.thread_block()?;
    // A read in the background then fails, and does not stop the program.
    SigSet::from(Signal::SIGTTIN).thread_block()?;
    let wait = move || {
        while let Ok(signal) = signals.wait() {
            let delivered = out.send(LoopEvent::Signal(signal)).is_ok();
            if ends.contains(&signal) {
                if delivered {
                    std::thread::sleep(GRACE);
                }
                restore_settings();
                die_of(signal);
            }
        }
    };
    std::thread::Builder::new().spawn(wait)?;
    Ok(())
}

/// Ends the program as if the signal had never been caught, so that the parent sees it; if the signal
/// is ignored, with the shell's status for it.
pub fn die_of(signal: Signal) -> ! {
    if raise(signal).is_ok() {
        let _ = SigSet::from(signal).thread_unblock();
    }
    std::process::exit(128 + signal as i32)
}

/// Stops every process of this job, as the terminal's own settings would have done for the key. The
/// signal comes back to us as an event.
pub fn stop_job() {
    let _ = kill(Pid::from_raw(0), Signal::SIGTSTP);
}

/// Stops here with the terminal released, until SIGCONT.
pub fn stop() {
    release();
    let stop = SigSet::from(Signal::SIGTSTP);
    if raise(Signal::SIGTSTP).is_ok() {
        let _ = stop.thread_unblock();
        let _ = stop.thread_block();
    }
}
