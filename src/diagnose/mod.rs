//! Findings: what works against a set-up, or could. Pure.

pub mod real_server;
