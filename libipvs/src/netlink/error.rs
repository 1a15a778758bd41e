//! Errors of an exchange with the kernel.

use super::attribute::Malformed;
use std::io;

/// A request that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kernel refused the request.
    #[error("{}", refusal(*code, text.as_deref()))]
    Refused {
        /// A positive errno.
        code: i32,
        /// The kernel's explanation (extended acknowledgement), if it gave one.
        text: Option<String>,
    },
    /// The transport failed.
    #[error("netlink socket: {}", without_number(.0))]
    Socket(#[from] io::Error),
    /// The answer cannot be decoded.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The socket could not hold all answers, so the outcome of the requests is unknown.
    #[error("the kernel's answers were lost; the last requests may have taken effect")]
    AnswersLost,
    /// The table changed during every attempt at a dump.
    #[error("the table kept changing while it was read")]
    TableChanging,
}

impl Error {
    /// Returns the errno, if the kernel gave one.
    pub fn code(&self) -> Option<i32> {
        match self {
            Error::Refused { code, .. } => Some(*code),
            Error::Socket(e) => e.raw_os_error(),
            Error::Malformed(_) | Error::AnswersLost | Error::TableChanging => None,
        }
    }
}

fn refusal(code: i32, text: Option<&str>) -> String {
    match text {
        Some(text) => format!("{} ({text})", errno_text(code)),
        None => errno_text(code),
    }
}

/// Returns the C library's text for an errno.
pub fn errno_text(code: i32) -> String {
    without_number(&io::Error::from_raw_os_error(code))
}

/// Returns the text of an error without the "(os error N)" that `io::Error` appends.
pub fn without_number(error: &io::Error) -> String {
    let text = error.to_string();
    match text.rfind(" (os error ") {
        Some(end) => text[..end].to_string(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_do_not_contain_the_errno() {
        assert_eq!(errno_text(libc::ERANGE), "Numerical result out of range");
        assert_eq!(without_number(&io::Error::other("a text of ours")), "a text of ours");
        let refused = Error::Refused { code: libc::ENOENT, text: Some("why".into()) };
        assert_eq!(refused.to_string(), "No such file or directory (why)");
        let socket = Error::from(io::Error::from_raw_os_error(libc::ENOBUFS));
        assert_eq!(socket.to_string(), "netlink socket: No buffer space available");
    }

    #[test]
    fn only_refusals_and_sockets_have_an_errno() {
        assert_eq!(Error::Refused { code: 7, text: None }.code(), Some(7));
        assert_eq!(Error::from(io::Error::from_raw_os_error(8)).code(), Some(8));
        assert_eq!(Error::from(io::Error::other("none")).code(), None);
        assert_eq!(Error::from(Malformed("none")).code(), None);
    }
}
