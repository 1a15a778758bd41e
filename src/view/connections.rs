//! The connections as `ipvsadm -Lc` shows them.

use super::labels::Labels;
use crate::ipvs::connections::Connection;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::net::IpAddr;

/// Writes a listing of connections, one at a time.
pub struct Connections<'n, W> {
    out: W,
    pub labels: Labels<'n>,
    engines: bool,
    line: String,
}

impl<'n, W: Write> Connections<'n, W> {
    pub fn new(out: W, labels: Labels<'n>, engines: bool) -> Connections<'n, W> {
        Connections { out, labels, engines, line: String::new() }
    }

    pub fn heads(&mut self) -> io::Result<()> {
        let more = if self.engines { "        pe name          pe_data" } else { "" };
        writeln!(
            self.out,
            "IPVS connection entries\n\
             pro expire state       source             virtual            destination{more}"
        )
    }

    pub fn connection(&mut self, connection: &Connection) -> io::Result<()> {
        let Connection { client, virtual_server, real_server, .. } = *connection;
        self.line.clear();
        self.cell(3, |line, _| line.push_str(connection.protocol_name));
        let (minutes, seconds) = (connection.expires / 60, connection.expires % 60);
        // Writing to a String does not fail.
        self.cell(6, |line, _| {
            let _ = write!(line, "{minutes:02}:{seconds:02}");
        });
        self.cell(11, |line, _| line.push_str(connection.state));
        self.end(18, client, connection);
        self.end(18, virtual_server, connection);
        match connection.engine {
            Some((engine, data)) if self.engines => {
                self.end(16, real_server, connection);
                self.cell(18, |line, _| line.push_str(engine));
                self.line.push_str(data);
            }
            _ => {
                let protocol = Some(connection.protocol);
                self.labels.endpoint(&mut self.line, real_server.0, real_server.1, protocol);
            }
        }
        self.line.push('\n');
        self.out.write_all(self.line.as_bytes())
    }

    fn end(&mut self, width: usize, (address, port): (IpAddr, u16), connection: &Connection) {
        let protocol = Some(connection.protocol);
        self.cell(width, |line, labels| labels.endpoint(line, address, port, protocol));
    }

    /// What `fill` adds, filled up to `width`, and a blank.
    fn cell(&mut self, width: usize, fill: impl FnOnce(&mut String, &mut Labels<'n>)) {
        let start = self.line.len();
        fill(&mut self.line, &mut self.labels);
        let filled = self.line[start..].chars().count();
        self.line.extend(std::iter::repeat_n(' ', width.saturating_sub(filled) + 1));
    }
}
