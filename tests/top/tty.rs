//! A program on a terminal: sends keys, and shows the screen of a terminal emulator.

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{SetArg, Termios, tcgetattr, tcsetattr};
use nix::unistd::Pid;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The maximum wait for a text. The lab has one processor.
const PATIENCE: Duration = Duration::from_secs(30);

/// The delay until the reader notices a new order.
const LOOK: Duration = Duration::from_millis(50);

/// The orders of the reader: read, pause, or close the terminal.
const READING: u8 = 0;
const STUCK: u8 = 1;
const GONE: u8 = 2;

/// The output so far.
struct Seen {
    emulator: vt100::Parser,
    bytes: Vec<u8>,
}

pub struct Tty {
    master: Option<File>,
    child: Child,
    seen: Arc<Mutex<Seen>>,
    before: libc::termios,
    reading: Arc<AtomicU8>,
}

impl Tty {
    /// Starts a program as the leader of a session on a terminal of this size, columns first.
    #[track_caller]
    pub fn start(mut command: Command, (columns, lines): (u16, u16)) -> Tty {
        let size = Winsize { ws_row: lines, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let ends = openpty(&size, None).expect("a terminal");
        // A program that held the other end of its own terminal would never lose it.
        for end in [&ends.master, &ends.slave] {
            fcntl(end, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).expect("a descriptor");
        }
        // Settings of a real terminal instead of the kernel's defaults, so that a change shows.
        let mut settings = tcgetattr(&ends.slave).expect("settings");
        settings.control_chars[libc::VERASE] = 0x08;
        tcsetattr(&ends.slave, SetArg::TCSANOW, &settings).expect("settings");
        let slave = |slave: &OwnedFd| Stdio::from(slave.try_clone().expect("a descriptor"));
        command
            .stdin(slave(&ends.slave))
            .stdout(slave(&ends.slave))
            .stderr(slave(&ends.slave))
            .env("TERM", "xterm-256color")
            .env("LC_ALL", "C.UTF-8")
            .env_remove("NO_COLOR");
        // SAFETY: both calls are allowed between fork and exec.
        unsafe {
            command.pre_exec(|| {
                nix::unistd::setsid()?;
                match libc::ioctl(0, libc::TIOCSCTTY, 0) {
                    0 => Ok(()),
                    _ => Err(std::io::Error::last_os_error()),
                }
            });
        }
        let child = command.spawn().expect("the program starts");
        drop(command);
        let before = tcgetattr(&ends.slave).expect("settings").into();
        // The emulator needs a size even if the terminal does not know its own.
        let (columns, lines) = if columns == 0 { (80, 24) } else { (columns, lines) };
        let emulator = vt100::Parser::new(lines, columns, 0);
        let seen = Arc::new(Mutex::new(Seen { emulator, bytes: Vec::new() }));
        let master = File::from(ends.master);
        let (mut output, all) = (master.try_clone().expect("a descriptor"), seen.clone());
        drop(ends.slave);
        let reading = Arc::new(AtomicU8::new(READING));
        let asked = reading.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 65536];
            loop {
                match asked.load(Ordering::SeqCst) {
                    GONE => return,
                    STUCK => std::thread::sleep(LOOK),
                    _ => {
                        let mut ends = [PollFd::new(output.as_fd(), PollFlags::POLLIN)];
                        if poll(&mut ends, PollTimeout::from(50u8)) == Ok(0) {
                            continue;
                        }
                        let Ok(n @ 1..) = output.read(&mut buffer) else { return };
                        let mut seen = all.lock().expect("nobody panics with it");
                        seen.emulator.process(&buffer[..n]);
                        seen.bytes.extend(&buffer[..n]);
                    }
                }
            }
        });
        Tty { master: Some(master), child, seen, before, reading }
    }

    /// Returns the text on the screen, without blanks at the ends of lines.
    pub fn text(&self) -> String {
        self.look(|emulator| emulator.screen().contents())
    }

    pub fn look<T>(&self, at: impl FnOnce(&vt100::Parser) -> T) -> T {
        at(&self.seen.lock().expect("nobody panics with it").emulator)
    }

    /// Returns every byte of the output.
    pub fn bytes(&self) -> Vec<u8> {
        self.seen.lock().expect("nobody panics with it").bytes.clone()
    }

    /// Waits for a condition on the screen and returns its text.
    #[track_caller]
    pub fn until(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let text = self.text();
            if wanted(&text) {
                return text;
            }
            assert!(Instant::now() < end, "{what}: not on the screen:\n{text}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    #[track_caller]
    pub fn shows(&self, text: &str) -> String {
        self.until(text, |screen| screen.contains(text))
    }

    #[track_caller]
    pub fn no_more(&self, text: &str) -> String {
        self.until(&format!("no {text}"), |screen| !screen.contains(text))
    }

    /// Types keys.
    #[track_caller]
    pub fn keys(&mut self, keys: &str) {
        let master = self.master.as_mut().expect("the terminal is there");
        master.write_all(keys.as_bytes()).expect("the terminal takes keys");
    }

    #[track_caller]
    pub fn resize(&self, (columns, lines): (u16, u16)) {
        let size = Winsize { ws_row: lines, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let master = self.master.as_ref().expect("the terminal is there").as_raw_fd();
        // SAFETY: the request takes a struct winsize, which outlives the call.
        let set = || unsafe { libc::ioctl(master, libc::TIOCSWINSZ, &raw const size) };
        // The emulator must not draw output for the new size at the old one.
        let mut seen = self.seen.lock().expect("nobody panics with it");
        seen.emulator.set_size(lines, columns);
        assert_eq!(set(), 0);
    }

    pub fn id(&self) -> Pid {
        Pid::from_raw(self.child.id() as i32)
    }

    #[track_caller]
    pub fn signal(&self, signal: Signal) {
        kill(self.id(), signal).expect("it is there");
    }

    /// Closes the terminal.
    pub fn hang_up(&mut self) {
        self.reading.store(GONE, Ordering::SeqCst);
        drop(self.master.take());
        std::thread::sleep(2 * LOOK);
    }

    /// Waits for the end; returns the status, or 128 plus the signal.
    #[track_caller]
    pub fn ends(&mut self) -> i32 {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("it can be waited for") {
                // The last output may still be in flight.
                std::thread::sleep(Duration::from_millis(200));
                return status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
            }
            assert!(Instant::now() < end, "it goes on:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Stops reading the output.
    pub fn read_no_more(&self) {
        self.reading.store(STUCK, Ordering::SeqCst);
        std::thread::sleep(2 * LOOK);
    }

    /// Changes the settings as another program would.
    #[track_caller]
    pub fn become_as_before(&self) {
        let master = self.master.as_ref().expect("the terminal is there");
        let before = Termios::from(self.before);
        tcsetattr(master, SetArg::TCSANOW, &before).expect("settings");
        assert!(!self.is_raw());
    }

    pub fn is_raw(&self) -> bool {
        self.settings().c_lflag & (libc::ICANON | libc::ECHO | libc::ISIG) == 0
    }

    fn settings(&self) -> libc::termios {
        tcgetattr(self.master.as_ref().expect("the terminal is there")).expect("settings").into()
    }

    pub fn is_taken(&self) -> bool {
        self.look(|emulator| emulator.screen().alternate_screen())
    }

    /// Fails unless the terminal is as it was before.
    #[track_caller]
    pub fn is_given_back(&self) {
        self.look(|emulator| {
            assert!(!emulator.screen().alternate_screen(), "still on the other screen");
            assert!(!emulator.screen().hide_cursor(), "the cursor is gone");
        });
        assert!(Termios::from(self.settings()) == Termios::from(self.before), "settings differ");
    }

    /// Fails unless the terminal is raw and shows the other screen.
    #[track_caller]
    pub fn is_ours(&self) {
        assert!(self.is_taken());
        assert!(self.is_raw());
    }
}

impl Drop for Tty {
    fn drop(&mut self) {
        self.reading.store(GONE, Ordering::SeqCst);
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
