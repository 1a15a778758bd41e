//! Findings: what is wrong with a host, or worth knowing, each with an advice. Pure: nothing here
//! does I/O.

pub mod real_server;

use serde::Serialize;

/// Something that is wrong, or worth knowing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The stable id. It is documented and never reused.
    pub id: &'static str,
    pub severity: Severity,
    /// True for [`Severity::Wrong`]. Readers of earlier versions know this member only.
    pub wrong: bool,
    /// The device, address or other part of the host that the finding is about.
    pub subject: String,
    pub text: String,
    /// The remedy, with a command to paste where there is one.
    pub advice: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The set-up does not work.
    Wrong,
    /// The set-up works, and may not do what is intended.
    Note,
}
