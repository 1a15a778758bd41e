//! Exit statuses: the only place that knows them. Those of the classic verbs are 1.31's.

use crate::error::ErrorKind;

/// The exit status of a success.
pub const SUCCESS: u8 = 0;

/// The exit status of a failure.
pub fn status(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::ClosedPipe => SUCCESS,
        ErrorKind::ListFailed
        | ErrorKind::SaveUsage
        | ErrorKind::Output
        | ErrorKind::DifferenceFound
        | ErrorKind::NotDrained
        | ErrorKind::Interrupted
        | ErrorKind::NotReady
        | ErrorKind::SetupFailed
        | ErrorKind::Terminal => 1,
        ErrorKind::Usage | ErrorKind::Input | ErrorKind::Unavailable | ErrorKind::NotPermitted => 2,
        ErrorKind::Option
        | ErrorKind::Verb
        | ErrorKind::Refused
        | ErrorKind::StateFile
        | ErrorKind::ApplyOutput => 255,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_that_scripts_rely_on() {
        for (kind, expected) in [
            (ErrorKind::ClosedPipe, 0),
            (ErrorKind::ListFailed, 1),
            (ErrorKind::Output, 1),
            (ErrorKind::DifferenceFound, 1),
            (ErrorKind::NotDrained, 1),
            (ErrorKind::NotReady, 1),
            (ErrorKind::Usage, 2),
            (ErrorKind::Unavailable, 2),
            (ErrorKind::NotPermitted, 2),
            (ErrorKind::Option, 255),
            (ErrorKind::Refused, 255),
            (ErrorKind::ApplyOutput, 255),
        ] {
            assert_eq!(status(kind), expected, "{kind:?}");
        }
    }
}
