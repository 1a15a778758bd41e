//! Exit statuses: the only place that knows them. Those of the classic verbs are 1.31's.

use crate::error::ErrorKind;

/// The exit status of a failure.
pub fn status(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::ClosedPipe => 0,
        ErrorKind::Output | ErrorKind::NotReady | ErrorKind::SetupFailed => 1,
        ErrorKind::Usage => 2,
        ErrorKind::Option | ErrorKind::Verb => 255,
    }
}
