//! The receive ports of foo-over-UDP: generic netlink family "fou", `linux/fou.h`.

use super::modules;
use super::netlink::{Error, Netlink, UNBUILT, c_string, read};
use neli::consts::genl::{CtrlAttr, CtrlCmd};
use neli::consts::nl::{GenlId, NlmF};
use neli::consts::socket::NlFamily;
use neli::genl::{AttrTypeBuilder, Genlmsghdr, GenlmsghdrBuilder, Nlattr, NlattrBuilder};
use neli::types::{Buffer, GenlBuffer};

const FAMILY: &str = "fou";
const CMD_ADD: u8 = 1;
const CMD_DEL: u8 = 2;
const CMD_GET: u8 = 3;
const ATTR_PORT: u16 = 1;
const ATTR_AF: u16 = 2;
const ATTR_TYPE: u16 = 4;
const ENCAP_GUE: u8 = 2;

/// A UDP port on which the kernel receives encapsulated packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FouPort {
    pub port: u16,
    pub ipv6: bool,
    /// True for GUE, false for bare packets of one protocol.
    pub gue: bool,
}

/// The receive ports of the calling thread's network namespace.
pub struct Fou {
    netlink: Netlink,
}

impl Fou {
    pub fn open() -> Result<Fou, Error> {
        Ok(Fou { netlink: Netlink::open(NlFamily::Generic)? })
    }

    /// The receive ports; empty when the module is not loaded.
    pub fn ports(&mut self) -> Result<Vec<FouPort>, Error> {
        // This lists all families: a request for "fou" alone would load its module.
        let families = message::<CtrlCmd, CtrlAttr>(CtrlCmd::Getfamily, 2, vec![])?;
        let families = self.netlink.dump(GenlId::Ctrl.into(), &families, |answer| {
            let answer = read::<Genlmsghdr<u8, CtrlAttr>>(answer)?;
            Ok(payload(&answer, CtrlAttr::FamilyName).map(c_string))
        })?;
        if !families.contains(&Some(FAMILY.to_string())) {
            return Ok(Vec::new());
        }
        let family = self.family()?;
        let request = message::<u8, u16>(CMD_GET, 1, vec![])?;
        self.netlink.dump(family, &request, read_port)
    }

    /// Adds a receive port for GUE; loads the module if required.
    pub fn add_gue_port(&mut self, port: u16, ipv6: bool) -> Result<(), Error> {
        self.change(CMD_ADD, port, ipv6)
    }

    /// Deletes a receive port.
    pub fn delete_port(&mut self, port: u16, ipv6: bool) -> Result<(), Error> {
        self.change(CMD_DEL, port, ipv6)
    }

    fn change(&mut self, command: u8, port: u16, ipv6: bool) -> Result<(), Error> {
        let mut family = self.family();
        if let Err(Error::Refused { code: libc::ENOENT, .. }) = family {
            modules::load(FAMILY);
            family = self.family();
        }
        let address_family = if ipv6 { libc::AF_INET6 } else { libc::AF_INET } as u8;
        let mut attributes = vec![
            attribute(ATTR_PORT, port.to_be_bytes().to_vec())?,
            attribute(ATTR_AF, vec![address_family])?,
        ];
        if command == CMD_ADD {
            attributes.push(attribute(ATTR_TYPE, vec![ENCAP_GUE])?);
        }
        let request = message::<u8, u16>(command, 1, attributes)?;
        self.netlink.change(family?, NlmF::empty(), &request)
    }

    fn family(&mut self) -> Result<u16, Error> {
        let name = [FAMILY.as_bytes(), &[0]].concat();
        let request = message::<CtrlCmd, CtrlAttr>(
            CtrlCmd::Getfamily,
            2,
            vec![attribute(CtrlAttr::FamilyName, name)?],
        )?;
        self.netlink.get(GenlId::Ctrl.into(), &request, |answer| {
            let answer = read::<Genlmsghdr<u8, CtrlAttr>>(answer)?;
            let id = payload(&answer, CtrlAttr::FamilyId).and_then(|id| id.try_into().ok());
            // The kernel acknowledges a message to family 0 and does nothing.
            id.map(u16::from_ne_bytes)
                .filter(|&id| id != 0)
                .ok_or(Error::Malformed("a family without a number"))
        })
    }
}

fn read_port(answer: &[u8]) -> Result<FouPort, Error> {
    let answer = read::<Genlmsghdr<u8, u16>>(answer)?;
    let port = payload(&answer, ATTR_PORT).and_then(|port| port.try_into().ok());
    let byte = |kind| payload(&answer, kind).and_then(|value| value.first().copied());
    Ok(FouPort {
        port: port
            .map(u16::from_be_bytes)
            .ok_or(Error::Malformed("a receive port without a number"))?,
        ipv6: byte(ATTR_AF).map(i32::from) == Some(libc::AF_INET6),
        gue: byte(ATTR_TYPE) == Some(ENCAP_GUE),
    })
}

fn message<C, T>(
    command: C,
    version: u8,
    attributes: Vec<Nlattr<T, Buffer>>,
) -> Result<Genlmsghdr<C, T>, Error> {
    GenlmsghdrBuilder::default()
        .cmd(command)
        .version(version)
        .attrs(attributes.into_iter().collect::<GenlBuffer<T, Buffer>>())
        .build()
        .map_err(|_| UNBUILT)
}

fn attribute<T: neli::Size>(kind: T, value: Vec<u8>) -> Result<Nlattr<T, Buffer>, Error> {
    let kind = AttrTypeBuilder::default().nla_type(kind).build().map_err(|_| UNBUILT)?;
    NlattrBuilder::default()
        .nla_type(kind)
        .nla_payload(Buffer::from(value))
        .build()
        .map_err(|_| UNBUILT)
}

fn payload<T: PartialEq>(message: &Genlmsghdr<u8, T>, kind: T) -> Option<&[u8]> {
    let attribute = message.attrs().iter().find(|a| *a.nla_type().nla_type() == kind);
    attribute.map(|attribute| attribute.nla_payload().as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::netlink::bytes;

    fn port(attributes: Vec<(u16, Vec<u8>)>) -> Result<FouPort, Error> {
        let attributes = attributes.into_iter().map(|(kind, value)| attribute(kind, value));
        let attributes = attributes.collect::<Result<_, _>>().expect("attributes");
        read_port(&bytes(&message::<u8, u16>(CMD_GET, 1, attributes).unwrap()).unwrap())
    }

    #[test]
    fn receive_ports_are_read() {
        let number = (ATTR_PORT, 6080u16.to_be_bytes().to_vec());
        let gue = vec![number.clone(), (ATTR_AF, vec![2]), (ATTR_TYPE, vec![ENCAP_GUE])];
        assert_eq!(port(gue).unwrap(), FouPort { port: 6080, ipv6: false, gue: true });
        let bare = vec![number, (ATTR_AF, vec![10]), (ATTR_TYPE, vec![1])];
        assert_eq!(port(bare).unwrap(), FouPort { port: 6080, ipv6: true, gue: false });
        assert!(port(vec![(ATTR_AF, vec![2])]).is_err());
    }

    #[test]
    fn the_kernel_lists_its_ports() {
        // The list is empty unless the module is loaded, and the request does not load it.
        let loaded = || std::path::Path::new("/sys/module/fou").exists();
        let before = loaded();
        Fou::open().expect("a socket").ports().expect("a list");
        assert_eq!(loaded(), before);
    }
}
