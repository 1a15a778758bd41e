//! `-R` and `ipvsadm-restore`: the commands of a file.
//!
//! `-R` executes line by line: errors come in the order of the lines, a list shows the table as of its
//! own line, and nothing is done after a line that ends it all. Changes are sent in batches while the
//! next line has already arrived; typed lines are executed one at a time.
//!
//! `ipvsadm-restore` checks the whole file and changes only what differs, or nothing.

use super::context::Context;
use super::rules::{Item, Lines, Reader, Rule};
use super::simulation::{LineError, simulate};
use super::{apply, change, execute, input};
use crate::cli;
use crate::command::{Apply, Command, List, Subject};
use crate::error::{CommandError, ErrorKind, Place};
use libipvs::model::Change;
use libipvs::table::{Table, TableError};
use libipvs::{Client, Transport};
use std::ops::ControlFlow;

/// The maximum of changes in a batch: about as many as fit into one send.
const MAX_BATCH: usize = 400;

/// `-R [FILE]`: executes lines in order. The result is that of the last line.
pub fn restore<C: Transport>(context: &mut Context<C>, name: &[u8]) -> Result<(), CommandError> {
    let info = context.client.get().and_then(Client::info);
    info.map_err(|error| match CommandError::from(error) {
        // Without an answer nothing can be restored: not the refusal of a change.
        CommandError { kind: ErrorKind::Refused, message, .. } => {
            CommandError::new(ErrorKind::Unavailable, message)
        }
        error => error,
    })?;
    let source = input::open(name, &mut context.ui)?;
    let rules = Reader::new(source, u64::MAX, context.names);
    Restore::new(context).execute(rules)
}

/// `ipvsadm-restore WORDS`: replaces the table by that of a file.
pub fn program<C: Transport>(
    context: &mut Context<C>,
    words: &[impl AsRef<[u8]>],
) -> Result<(), CommandError> {
    apply::task(context, cli::restore::parse(words), replace)
}

/// Makes the table equal to that of a file.
///
/// The whole file is checked before the table changes: it may come from a program that has not
/// started yet or that reads this very table. Then only what differs changes. A file with other
/// commands than a table consists of, such as lists, is executed line by line on an empty table.
fn replace<C: Transport>(context: &mut Context<C>, task: &Apply) -> Result<(), CommandError> {
    let (mut lines, mut other) = (Lines::default(), None);
    let (ui, names) = (&mut context.ui, context.names);
    let desired = simulate(ui, names, &task.file, apply_line, |rule| {
        if other.is_none() && !describes_table(&rule) {
            other = Some(Place::new(Some(rule.number), &rule.text));
        }
        lines.add(&rule);
    });
    let desired = desired.map_err(|rejected| CommandError::silent(rejected.first))?;
    match other {
        None => {
            let mut plan = apply::plan(context, task, &desired, &lines)?;
            // 1.31 does not stop daemons that the file does not name.
            plan.retain(|change| {
                !matches!(change, Change::StopDaemon(role) if desired.daemon(*role).is_none())
            });
            apply::carry_out(context, task, &plan, &lines)
        }
        Some(place) if task.dry_run || task.keep => {
            let text = "--dry-run and --keep require a file that only describes a table";
            Err(CommandError::usage(text).at(place))
        }
        Some(_) => {
            change::change(context, &Change::Flush)?;
            let rules = lines.rules(names).map(|rule| Ok(Item::Rule(rule)));
            Restore::new(context).execute(rules)
        }
    }
}

/// Returns true for a line that only adds, edits or deletes a part of a table.
fn describes_table(rule: &Rule) -> bool {
    match &rule.command {
        Ok(Command::Change(change)) => !matches!(change, Change::Zero(_) | Change::StopDaemon(_)),
        _ => false,
    }
}

/// Applies a line of a file for `ipvsadm-restore` to the simulated table.
fn apply_line(table: &mut Table, _: &Rule, command: &Command) -> Result<(), LineError> {
    match command {
        Command::Change(change) => Ok(table.apply(change)?),
        Command::List(List { subject: Subject::Services(Some(key), _), .. })
            if table.service(key).is_none() =>
        {
            let LineError { error, is_missing } = TableError::NoSuchService.into();
            Err(LineError { error: error.into_list_failure(), is_missing })
        }
        _ => Ok(()),
    }
}

/// An execution of rules.
struct Restore<'a, C> {
    context: &'a mut Context<C>,
    batch: Vec<PendingChange>,
    /// The result of the last line. Its error has been reported.
    last: Result<(), ErrorKind>,
}

/// A change that has not been sent yet, and its line.
struct PendingChange {
    number: usize,
    text: Vec<u8>,
    change: Change,
}

impl<C: Transport> Restore<'_, C> {
    fn new(context: &mut Context<C>) -> Restore<'_, C> {
        Restore { context, batch: Vec::new(), last: Ok(()) }
    }

    fn execute(
        mut self,
        items: impl IntoIterator<Item = Result<Item, CommandError>>,
    ) -> Result<(), CommandError> {
        for item in items {
            // No change is pending when a read fails: a pause came before.
            let flow = match item? {
                Item::Rule(rule) => self.execute_rule(rule),
                Item::Pause => self.send_batch(),
            };
            if flow.is_break() {
                return self.last.map_err(CommandError::silent);
            }
        }
        let _ = self.send_batch();
        self.last.map_err(CommandError::silent)
    }

    /// Adds a change to the batch. Any other command is executed after the changes of the batch.
    fn execute_rule(&mut self, rule: Rule) -> ControlFlow<()> {
        let Rule { number, text, command } = rule;
        let command = match command {
            Ok(Command::Change(change)) => {
                self.batch.push(PendingChange { number, text, change });
                return match self.batch.len() {
                    MAX_BATCH.. => self.send_batch(),
                    _ => ControlFlow::Continue(()),
                };
            }
            command => command,
        };
        self.send_batch()?;
        match command.and_then(|command| execute(self.context, &command)) {
            Ok(flow) => {
                self.last = Ok(());
                flow
            }
            Err(error) => {
                let flow = self.fail(&error);
                if error.kind != ErrorKind::ClosedPipe {
                    self.context.ui.report(&error.at(Place::new(Some(number), &text)));
                }
                flow
            }
        }
    }

    /// Makes the changes of the batch.
    fn send_batch(&mut self) -> ControlFlow<()> {
        if self.batch.is_empty() {
            return ControlFlow::Continue(());
        }
        let changes = self.batch.iter().map(|pending| &pending.change);
        let results =
            self.context.client.get().and_then(|client| client.changes_unchecked(changes));
        let results = match results {
            Ok(results) => results,
            // Nobody knows which changes were made.
            Err(error) => {
                let error = CommandError::from(error);
                self.context.ui.report(&error);
                self.last = Err(error.kind);
                return ControlFlow::Break(());
            }
        };
        // One write for all errors: there may be hundreds of lines.
        let mut errors = Vec::new();
        let mut flow = ControlFlow::Continue(());
        for (pending, result) in std::mem::take(&mut self.batch).iter().zip(results) {
            self.last = Ok(());
            if let Err(error) = result {
                let error = CommandError::from(error);
                flow = self.fail(&error);
                errors.push(error.at(Place::new(Some(pending.number), &pending.text)));
            }
            if flow.is_break() {
                break;
            }
        }
        self.context.ui.report_all(&errors);
        flow
    }

    fn fail(&mut self, error: &CommandError) -> ControlFlow<()> {
        self.last = Err(error.kind);
        match error.ends_restore() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::testing::{Fixture, Ran, words};
    use libipvs::fake::Fault;
    use libipvs::model::DaemonRole;

    const ONE: &str = "-A -f 1 -s wlc\n";
    const BOTH: &str = "-A -f 1 -s wlc\n-A -f 2 -s wlc\n";

    /// The status and the errors of `-R` on an empty table, and the rules that are left.
    fn restored(lines: &str) -> (u8, String, String) {
        let fixture = Fixture::new();
        let ran = fixture.line_with("-R", lines);
        (ran.status, ran.err, fixture.rules())
    }

    #[test]
    fn refusals_and_unknown_options_do_not_end_it() {
        for (bad, text) in [
            ("-A -f 1", "Service already exists"),
            ("-D -f 9", "No such service"),
            ("-A --foo", "--foo: unknown option"),
        ] {
            let expected = format!("{text}\nin line 2: {bad}\n");
            let (status, err, rules) = restored(&format!("-A -f 1\n{bad}\n-A -f 2\n"));
            assert_eq!((status, err.as_str(), rules.as_str()), (0, expected.as_str(), BOTH));
            let (status, err, rules) = restored(&format!("-A -f 1\n{bad}\n\n"));
            assert_eq!((status, err.as_str(), rules.as_str()), (255, expected.as_str(), ONE));
        }
    }

    #[test]
    fn other_errors_end_it() {
        for (bad, status, text) in [
            ("-A -f 3 extra", 2, "unexpected argument extra"),
            ("-R", 255, "-R is not allowed in the input of -R"),
            ("-L -n -f 9", 1, "No such service"),
        ] {
            let (was, err, rules) = restored(&format!("-A -f 1\n{bad}\n-A -f 2\n"));
            assert_eq!((was, rules.as_str()), (status, ONE), "{bad}");
            assert!(err.ends_with(&format!("{text}\nin line 2: {bad}\n")), "{err}");
        }
        let (status, err, rules) = restored("-A -f 1\nfoo\n-A -f 2\n");
        assert_eq!((status, rules.as_str()), (255, ONE));
        assert!(err.ends_with("\nin line 2: foo\n"), "{err}");
    }

    #[test]
    fn help_ends_it() {
        let fixture = Fixture::new();
        for verb in ["-h", "-v"] {
            let ran = fixture.line_with("-R", &format!("-C\n-A -f 1\n-D -f 9\n{verb}\n-C\n"));
            assert_eq!((ran.status, fixture.rules().as_str()), (0, ONE));
            assert_eq!(ran.err, "No such service\nin line 3: -D -f 9\n");
            assert!(ran.out.contains("ipvsadm v"), "{}", ran.out);
        }
    }

    #[test]
    fn a_list_shows_the_table_as_of_its_line() {
        let fixture = Fixture::new();
        let saves = fixture.line_with("-R", "-Sn\n-A -f 1\n-Sn\n-A -f 2\n-Sn\n").ok();
        assert_eq!(saves, format!("{ONE}{BOTH}"));
    }

    #[test]
    fn a_missing_privilege_ends_it() {
        let fixture = Fixture::new();
        fixture.kernel.fail_change(1, Fault::Refuse(libc::EPERM));
        let error = fixture.line_with("-R", "-A -f 1\n-A -f 2\n-A --foo\n-A -f 3\n").fails(2);
        assert_eq!(
            error,
            "Can't initialize ipvs: Permission denied (you must be root)\nin line 2: -A -f 2\n"
        );
    }

    #[test]
    fn a_failed_exchange_ends_it() {
        let fixture = Fixture::new();
        // The first request is the one that checks for IPVS.
        fixture.kernel.fail_request(1, Fault::LoseAnswers);
        let error = fixture.line_with("-R", "-A -f 1\n-A --foo\n-A -f 3\n").fails(255);
        assert_eq!(error.lines().count(), 1, "{error}");
        assert!(!fixture.rules().contains("-f 3"));
    }

    #[test]
    fn a_kernel_that_does_not_answer_is_unavailable() {
        let fixture = Fixture::new();
        fixture.kernel.fail_request(0, Fault::Refuse(libc::ENOMEM));
        let error = fixture.line_with("-R", "-A -f 1\n").fails(2);
        assert_eq!(error, "Memory allocation problem\n");
        fixture.kernel.fail_request(0, Fault::Refuse(libc::EPERM));
        let denied = "Can't initialize ipvs: Permission denied (you must be root)\n";
        assert_eq!(fixture.line_with("-R", "-A -f 1\n").fails(2), denied);
        assert_eq!(fixture.changes(), 0);
        assert_eq!(
            fixture.line("-R /no/such").fails(2),
            "cannot read `/no/such': No such file or directory\n"
        );
    }

    #[test]
    fn refusals_among_many_lines_have_their_places() {
        for count in [MAX_BATCH - 1, MAX_BATCH + 1, 3 * MAX_BATCH + 3] {
            let line = |n: usize| match n {
                n if n % 3 == 0 || n == count => format!("-A -f {} -s rr\n", n - 1),
                n => format!("-A -f {n} -s rr\n"),
            };
            let lines: String = (1..=count).map(line).collect();
            let (status, err, _) = restored(&lines);
            let refused = (1..=count).filter(|&n| n % 3 == 0 || n == count);
            let expected: String = refused
                .map(|n| format!("Service already exists\nin line {n}: {}", line(n)))
                .collect();
            assert_eq!((status, err), (255, expected), "{count}");
        }
    }

    #[test]
    fn typed_lines_are_executed_one_at_a_time() {
        use std::os::unix::ffi::OsStrExt;
        let fixture = Fixture::new();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let fifo = folder.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).expect("a FIFO");
        // Opened for both, so that neither end waits for the other.
        let mut typed = std::fs::File::options().read(true).write(true).open(&fifo).expect("open");
        let descriptor = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&typed));
        let kernel = fixture.kernel.clone();
        let typist = std::thread::spawn(move || {
            for mark in 1..=3 {
                std::io::Write::write_all(&mut typed, format!("-A -f {mark}\n").as_bytes())
                    .expect("typed");
                let started = std::time::Instant::now();
                while kernel.changes().len() < mark {
                    assert!(started.elapsed().as_secs() < 10, "line {mark} waits");
                    std::thread::yield_now();
                }
            }
            // A line that ends it, since the file has no end.
            std::io::Write::write_all(&mut typed, b"-v\n").expect("typed");
            typed
        });
        let name = std::ffi::OsStr::new(&descriptor).as_bytes();
        let ran = fixture.run("", |context| restore(context, name));
        typist.join().expect("every line was executed");
        assert_eq!((ran.status, fixture.changes()), (0, 3));
    }

    #[test]
    fn a_closed_pipe_ends_it_quietly() {
        let mut fixture = Fixture::new();
        fixture.stdout_error = Some(libc::EPIPE);
        // More than the buffer holds.
        let lines = "-A -f 1\n-h\n".to_string();
        assert_eq!(fixture.line_with("-R", &lines).ok(), "");
        let many: String = (2..2000).map(|mark| format!("-A -f {mark} -s rr\n")).collect();
        let ran = fixture.line_with("-R", &format!("{many}-Sn\n-C\n"));
        assert_eq!(ran.ok(), "");
        assert_eq!(fixture.changes(), 1999, "the last line was not read");
        fixture.stdout_error = Some(libc::ENOSPC);
        let ran = fixture.line_with("-R", "-Sn\n-C\n");
        let full = "cannot write: No space left on device\n";
        assert_eq!(ran.fails(1), format!("{full}in line 1: -Sn\n"));
    }

    /// `ipvsadm-restore`.
    fn run(fixture: &Fixture, line: &str, stdin: &str) -> Ran {
        fixture.run(stdin, |context| program(context, &words(line)))
    }

    #[test]
    fn the_program_replaces_the_table() {
        let fixture = Fixture::with("-A -f 9\n");
        for line in ["", "-", "-n", "/dev/stdin"] {
            assert_eq!(run(&fixture, line, ONE).ok(), "");
            assert_eq!(fixture.rules(), ONE);
        }
        let empty = fixture.run(BOTH, |context| program(context, &["", "-n"]));
        assert_eq!(empty.ok(), "");
        assert_eq!(fixture.rules(), BOTH);
        let more = "ipvsadm-restore: unexpected argument 'more' found\n";
        assert_eq!(run(&fixture, "- more", "").fails(2), more);
        assert_eq!(fixture.rules(), BOTH);
    }

    #[test]
    fn options_of_the_program_are_never_taken_for_nothing() {
        let fixture = Fixture::with("-A -f 9 -s rr\n");
        let before = fixture.changes();
        for (words, text) in [
            ("--dry-rnu", "ipvsadm-restore: unexpected argument '--dry-rnu' found\n"),
            ("-x", "ipvsadm-restore: unexpected argument '-x' found\n"),
        ] {
            assert_eq!(run(&fixture, words, ONE).fails(2), text);
        }
        assert!(run(&fixture, "--help", ONE).ok().contains("--allow-empty"));
        assert_eq!(run(&fixture, "-v", ONE).ok(), format!("{}\n", cli::help::version()));
        assert_eq!(fixture.changes(), before);
        let ran = run(&fixture, "--dry-run", ONE);
        assert_eq!((ran.status, ran.out.as_str()), (1, "-A -f 1 -s wlc\n-D -f 9\n"));
        assert_eq!(fixture.changes(), before);
        assert_eq!(run(&fixture, "--keep", ONE).ok(), "");
        assert_eq!(fixture.rules(), "-A -f 1 -s wlc\n-A -f 9 -s rr\n");
        assert_eq!(run(&fixture, "--dry-run --keep", ONE).ok(), "");
        for option in ["--dry-run", "--keep"] {
            let text = "--dry-run and --keep require a file that only describes a table\n\
                        in line 2: -Ln\n";
            assert_eq!(run(&fixture, option, "-A -f 1\n-Ln\n-Z\n").fails(2), text);
        }
    }

    #[test]
    fn input_without_rules_empties_no_table() {
        for (line, name) in [("", "standard input"), ("/dev/stdin", "`/dev/stdin'")] {
            for empty in ["", "\n \n", "# nothing\n"] {
                let fixture = Fixture::with("-A -f 9 -s rr\n");
                let text = format!("{name} has no rules, and would delete all services\n");
                assert_eq!(run(&fixture, line, empty).fails(2), text);
                assert_eq!(run(&fixture, &format!("--dry-run {line}"), empty).fails(2), text);
                assert_eq!(fixture.rules(), "-A -f 9 -s rr\n");
                assert_eq!(run(&fixture, &format!("--keep {line}"), empty).ok(), "");
                assert_eq!(run(&fixture, &format!("--allow-empty {line}"), empty).ok(), "");
                assert_eq!(fixture.rules(), "");
                assert_eq!(run(&fixture, line, empty).ok(), "");
            }
        }
        // A rule that leaves nothing is a rule.
        let fixture = Fixture::with("-A -f 9 -s rr\n");
        assert_eq!(run(&fixture, "", "-C\n").ok(), "");
        assert_eq!(fixture.rules(), "");
    }

    #[test]
    fn what_stays_the_same_is_not_touched() {
        let fixture = Fixture::with(&format!("{BOTH}-A -f 9\n"));
        let before = fixture.changes();
        assert_eq!(run(&fixture, "", &format!("{BOTH}-a -f 2 -r 10.0.0.1\n")).ok(), "");
        assert_eq!(fixture.changes() - before, 2, "a real server, and a deletion");
        assert_eq!(run(&fixture, "", &format!("{BOTH}-a -f 2 -r 10.0.0.1\n")).ok(), "");
        assert_eq!(fixture.changes() - before, 2);
        // Lines that do more than describe a table are executed on an empty table.
        let list = run(&fixture, "", "-A -f 1\n-Sn\n-A -f 2\n-Z\n").ok();
        assert_eq!((list.as_str(), fixture.rules().as_str()), (ONE, BOTH));
    }

    #[test]
    fn daemons_that_the_file_does_not_name_stay() {
        let fixture = Fixture::new();
        let start = |role: &str| format!("--start-daemon {role} --mcast-interface eth0\n");
        fixture.line_with("-R", &start("backup")).ok();
        assert_eq!(run(&fixture, "", &format!("{ONE}{}", start("master"))).ok(), "");
        let table = fixture.kernel.table();
        let roles = [DaemonRole::Master, DaemonRole::Backup];
        assert!(roles.into_iter().all(|role| table.daemon(role).is_some()));
    }

    #[test]
    fn the_program_checks_the_whole_file_first() {
        let fixture = Fixture::with("-A -f 9 -s rr\n");
        for (lines, status, text) in [
            ("-A -f 1\n-A -f x\n", 2, "illegal"),
            ("-A -f 1\n-A --foo\n", 255, "--foo: unknown option\n"),
            ("-A -f 1\n-A -f 1\n", 255, "Service already exists\n"),
            ("-A -f 1\n-E -f 9\n", 255, "No such service\n"),
            ("-A -f 1\n-L -f 2\n", 1, "No such service\n"),
        ] {
            let error = run(&fixture, "", lines).fails(status);
            let second = lines.lines().nth(1).unwrap_or_default();
            assert!(error.contains(text.trim_start_matches("illegal")), "{error}");
            assert!(error.ends_with(&format!("\nin line 2: {second}\n")), "{error}");
            assert_eq!(fixture.rules(), "-A -f 9 -s rr\n", "{lines}");
        }
        let list = run(&fixture, "", "-A -f 1\n-Ln -f 1\n").ok();
        assert!(list.contains("FWM  1 wlc"), "{list}");
    }

    #[test]
    fn a_refusal_by_the_kernel_leaves_the_table_as_it_was() {
        let fixture = Fixture::with("-A -f 9 -s rr\n");
        fixture.kernel.fail_change(1, Fault::Refuse(libc::ENOENT));
        let text = "Scheduler or persistence engine not found\nin line 2: -A -f 2 -s none\n";
        assert_eq!(run(&fixture, "", "-A -f 1\n-A -f 2 -s none\n-A -f 3\n").fails(255), text);
        assert_eq!(fixture.rules(), "-A -f 9 -s rr\n");
        // A file that is executed line by line ends when the table cannot be cleared.
        fixture.kernel.fail_change(0, Fault::Refuse(libc::ENOMEM));
        let list = "-A -f 1\n-Ln\n";
        assert_eq!(run(&fixture, "", list).fails(255), "Memory allocation problem\n");
        assert_eq!(fixture.rules(), "-A -f 9 -s rr\n");
        // What the kernel alone refuses does not stop the rest of it.
        fixture.kernel.fail_change(1, Fault::Refuse(libc::ENOENT));
        let ran = run(&fixture, "", "-A -f 1 -s none\n-A -f 2\n-Z\n");
        let text = "Scheduler or persistence engine not found\nin line 1: -A -f 1 -s none\n";
        assert_eq!((ran.status, ran.err.as_str()), (0, text));
        assert_eq!(fixture.rules(), "-A -f 2 -s wlc\n");
    }
}
