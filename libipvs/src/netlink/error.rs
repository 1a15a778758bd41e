//! What can go wrong between us and the kernel.

use super::attribute::Malformed;
use std::io;

/// A request that did not succeed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The kernel refused the request.
    #[error("{}", refusal(*code, text.as_deref()))]
    Refused {
        /// An errno, positive.
        code: i32,
        /// The kernel's own words (extended acknowledgement), where it had some.
        text: Option<String>,
    },
    /// The socket failed.
    #[error("netlink socket: {}", without_number(.0))]
    Socket(#[from] io::Error),
    /// The answer cannot be read.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// More answers than the socket holds: nobody knows any more what was done and what refused.
    #[error("answers of the kernel were lost: what was asked last may have been done, or not")]
    Lost,
    /// The table changed under a dump, again and again.
    #[error("the table kept changing while it was read")]
    Changing,
}

impl Error {
    /// The errno, where the kernel gave one.
    pub fn code(&self) -> Option<i32> {
        match self {
            Error::Refused { code, .. } => Some(*code),
            Error::Socket(e) => e.raw_os_error(),
            Error::Malformed(_) | Error::Lost | Error::Changing => None,
        }
    }
}

fn refusal(code: i32, text: Option<&str>) -> String {
    match text {
        Some(text) => format!("{} ({text})", errno_text(code)),
        None => errno_text(code),
    }
}

#[doc(hidden)]
/// The C library's text for an errno, and nothing after it.
pub fn errno_text(code: i32) -> String {
    without_number(&io::Error::from_raw_os_error(code))
}

#[doc(hidden)]
/// `io::Error` shows "text (os error N)": the text alone.
pub fn without_number(error: &io::Error) -> String {
    let shown = error.to_string();
    match shown.rfind(" (os error ") {
        Some(end) => shown[..end].to_string(),
        None => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_carry_no_number() {
        assert_eq!(errno_text(34), "Numerical result out of range");
        assert_eq!(
            Error::Refused { code: 2, text: Some("why".into()) }.to_string(),
            "No such file or directory (why)"
        );
    }
}
