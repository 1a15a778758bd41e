//! The verbs that make one change: `-A`, `-E`, `-D`, `-a`, `-e`, `-d`, `-C`, `-Z`, `--set`,
//! `--start-daemon`, `--stop-daemon`.

use super::context::Context;
use super::hints;
use super::notes::{self, ThisHost};
use crate::command::Defaults;
use crate::error::CommandError;
use libipvs::Transport;
use libipvs::model::Change;

/// Makes one change, and prints notes about it on a terminal.
pub fn change_with_notes<C: Transport>(
    context: &mut Context<C>,
    change: &Change,
    defaults: Defaults,
) -> Result<(), CommandError> {
    if !context.ui.stderr_is_terminal() {
        return self::change(context, change);
    }
    let previous = notes::previous_method(context.client.get()?, change);
    self::change(context, change)?;
    for note in notes::of_change(change, defaults, previous, &ThisHost) {
        context.ui.message(&note);
    }
    Ok(())
}

/// Makes one change.
pub fn change<C: Transport>(context: &mut Context<C>, change: &Change) -> Result<(), CommandError> {
    let client = context.client.get()?;
    let result =
        client.changes_unchecked([change]).and_then(|results| results.into_iter().collect());
    result.map_err(|error: libipvs::Error| {
        let hint = match context.ui.stderr_is_terminal() {
            true => hints::of_change(client, change, &error),
            false => None,
        };
        CommandError::from(error).hint(hint)
    })
}

#[cfg(test)]
mod tests {
    use crate::commands::testing::Fixture;
    use libipvs::fake::Fault;

    #[test]
    fn a_change_is_made_and_prints_nothing() {
        let fixture = Fixture::new();
        assert_eq!(fixture.line("-A -t 10.0.0.1:80 -s rr").ok(), "");
        assert_eq!(fixture.rules(), "-A -t 10.0.0.1:80 -s rr\n");
    }

    #[test]
    fn a_refusal_has_the_status_of_1_31() {
        let fixture = Fixture::with("-A -t 10.0.0.1:80\n");
        for (line, text) in [
            ("-A -t 10.0.0.1:80", "Service already exists\n"),
            ("-D -t 10.0.0.2:80", "No such service\n"),
            ("-d -t 10.0.0.1:80 -r 10.0.0.2", "No such destination\n"),
        ] {
            assert_eq!(fixture.line(line).fails(255), text);
        }
        fixture.kernel.fail_request(0, Fault::LoseAnswers);
        assert!(!fixture.line("-C").fails(255).is_empty());
        fixture.kernel.fail_request(0, Fault::Refuse(libc::EPERM));
        let denied = "Can't initialize ipvs: Permission denied (you must be root)\n";
        assert_eq!(fixture.line("-C").fails(2), denied);
    }

    #[test]
    fn a_hint_follows_on_a_terminal() {
        let fixture = Fixture::with("-A -t 10.0.0.1:80\n").on_terminal();
        let error = fixture.line("-A -t 10.0.0.1:80").fails(255);
        assert_eq!(error, "Service already exists\nuse -E to change it\n");
    }
}
