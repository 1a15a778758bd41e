//! The listing of connections of `ipvsadm -Lc`.

use super::columns::{push_number, push_padded, push_without_controls};
use super::labels::Labels;
use libipvs::connections::{Connection, EngineData};
use std::io::{self, Write};
use std::net::SocketAddr;

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
        let Connections { line, labels, .. } = self;
        line.clear();
        push_cell(line, 3, connection.protocol_name);
        push_padded(line, 6, |line| {
            push_two_digits(line, connection.expires / 60);
            line.push(':');
            push_two_digits(line, connection.expires % 60);
        });
        line.push(' ');
        push_cell(line, 11, connection.state);
        let protocol = Some(connection.protocol);
        let mut end = |line: &mut String, width, end: SocketAddr| {
            let (address, port) = (end.ip(), end.port());
            push_padded(line, width, |line| labels.endpoint(line, address, port, protocol));
        };
        end(line, 18, client);
        line.push(' ');
        end(line, 18, virtual_server);
        line.push(' ');
        match connection.engine {
            Some(EngineData { name, data, .. }) if self.engines => {
                end(line, 16, real_server);
                line.push(' ');
                push_cell(line, 18, name);
                push_without_controls(line, data);
            }
            _ => end(line, 0, real_server),
        }
        self.line.push('\n');
        self.out.write_all(self.line.as_bytes())
    }
}

/// Appends a column and the blank after it.
fn push_cell(line: &mut String, width: usize, text: &str) {
    push_padded(line, width, |line| push_without_controls(line, text));
    line.push(' ');
}

fn push_two_digits(line: &mut String, number: u64) {
    if number < 10 {
        line.push('0');
    }
    push_number(line, number);
}

#[cfg(test)]
mod tests {
    use super::*;
    use libipvs::connections;

    #[test]
    fn what_a_client_sent_cannot_drive_a_terminal() {
        let line = "U\x07P 0A000002 0000 0A000064 13C4 0A00000B 13C4 S\x1b[2J 56 s\x1bip a\u{9b}b";
        let mut out = Vec::new();
        let mut view = Connections::new(&mut out, Labels::numeric(), true);
        view.connection(&connections::parse(line).unwrap()).unwrap();
        let shown = String::from_utf8(out).unwrap();
        assert!(shown.starts_with("U?P 00:56  S?[2J "), "{shown:?}");
        assert!(shown.ends_with(" s?ip               a?b\n"), "{shown:?}");
    }
}
