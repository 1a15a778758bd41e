//! Connections, one per line.

use super::Document;
use libipvs::connections::Connection;
use libipvs::model::Protocol;
use serde::Serialize;
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};

/// Writes a list of connections, one at a time.
pub struct Connections<W> {
    document: Document<W>,
}

impl<W: Write> Connections<W> {
    pub fn new(out: W) -> io::Result<Connections<W>> {
        let mut document = Document::new(out)?;
        document.list("connections")?;
        Ok(Connections { document })
    }

    pub fn connection(&mut self, connection: &Connection) -> io::Result<()> {
        self.document.line(&ConnectionJson {
            protocol: protocol(connection),
            state: connection.state,
            expires: connection.expires,
            client: endpoint(connection.client),
            virtual_server: endpoint(connection.virtual_server),
            server: endpoint(connection.real_server),
            persistence_engine: connection.engine.map(|engine| engine.name),
            persistence_data: connection.engine.map(|engine| engine.data),
        })
    }

    pub fn end(self) -> io::Result<()> {
        self.document.end()
    }
}

#[derive(Serialize)]
struct ConnectionJson<'a> {
    protocol: ProtocolJson<'a>,
    state: &'a str,
    /// Seconds.
    expires: u64,
    client: EndpointJson,
    #[serde(rename = "virtual")]
    virtual_server: EndpointJson,
    server: EndpointJson,
    #[serde(skip_serializing_if = "Option::is_none")]
    persistence_engine: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    persistence_data: Option<&'a str>,
}

/// A protocol that the library knows, or its number, or the kernel's name for it.
#[derive(Serialize)]
#[serde(untagged)]
enum ProtocolJson<'a> {
    Known(Protocol),
    Number(u32),
    Name(&'a str),
}

#[derive(Serialize)]
struct EndpointJson {
    address: IpAddr,
    port: u16,
}

fn endpoint(end: SocketAddr) -> EndpointJson {
    EndpointJson { address: end.ip(), port: end.port() }
}

/// Returns the name that services use, or the number of a protocol that the kernel names differently.
fn protocol<'a>(connection: &Connection<'a>) -> ProtocolJson<'a> {
    match (connection.protocol, connection.protocol_name) {
        (known @ (Protocol::Tcp | Protocol::Udp | Protocol::Sctp), _) => ProtocolJson::Known(known),
        // The template of a firewall mark: any protocol.
        (_, "IP") => ProtocolJson::Number(0),
        (_, "ICMP") => ProtocolJson::Number(1),
        (_, "ICMPv6") => ProtocolJson::Number(58),
        (_, name) => match name.strip_prefix("IP_").map(str::parse) {
            Some(Ok(number)) => ProtocolJson::Number(number),
            _ => ProtocolJson::Name(name),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use libipvs::connections;

    #[test]
    fn a_line_each() {
        let lines = [
            "TCP 0A000002 8948 0A000064 0050 0A00000C 0050 FIN_WAIT        116",
            "IP fd00:0000:0000:0000:0000:0000:0000:0002 0000 \
             fd00:0000:0000:0000:0000:0000:0000:0100 0000 0A00000B 13C4 NONE 56 sip a\u{9b}\"b",
            "IP_50 0A000002 0000 00000007 0000 0A00000C 0000 ERR! 0",
        ];
        let mut out = Vec::new();
        let mut view = Connections::new(&mut out).expect("written");
        for line in lines {
            let connection = connections::parse(line).expect("a connection");
            view.connection(&connection).expect("written");
        }
        view.end().expect("written");
        let expected = r#"{
  "format": 1,
  "connections": [
    {"protocol":"tcp","state":"FIN_WAIT","expires":116,"client":{"address":"10.0.0.2","port":35144},"virtual":{"address":"10.0.0.100","port":80},"server":{"address":"10.0.0.12","port":80}},
    {"protocol":0,"state":"NONE","expires":56,"client":{"address":"fd00::2","port":0},"virtual":{"address":"fd00::100","port":0},"server":{"address":"10.0.0.11","port":5060},"persistence_engine":"sip","persistence_data":"a\u009b\"b"},
    {"protocol":50,"state":"ERR!","expires":0,"client":{"address":"10.0.0.2","port":0},"virtual":{"address":"0.0.0.7","port":0},"server":{"address":"10.0.0.12","port":0}}
  ]
}
"#;
        assert_eq!(String::from_utf8(out).expect("UTF-8"), expected);
    }
}
