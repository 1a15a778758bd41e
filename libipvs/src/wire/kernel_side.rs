//! The wire from its other end, for what stands in for the kernel: requests to the model, and the
//! model to answers as the kernel would give them.

use super::{decode, encode};
use crate::model::*;
use crate::netlink::attribute::{Attribute, Attributes, Malformed, Value};
use crate::wire::uapi::*;

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    Change(Change),
    Question(Question),
}

/// A question about the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    Services,
    Service(ServiceKey),
    Destinations(ServiceKey),
    Daemons,
    Timeouts,
    Info,
}

/// What a command with its attributes asks for: what the client gave to be encoded.
pub fn asked(command: u8, carried: Attributes) -> Result<Asked, Malformed> {
    let about_all = carried.clone().next().is_none();
    let service = || decode::read_configured_service(carried.clone());
    let key = || Ok(service()?.key);
    let destination = || {
        let key = key()?;
        Ok((key, decode::read_configured_destination(carried.clone(), key.family())?))
    };
    let daemon = || decode::read_daemon(carried.clone());
    let change = match command {
        IPVS_CMD_GET_SERVICE if about_all => return Ok(Asked::Question(Question::Services)),
        IPVS_CMD_GET_SERVICE => return Ok(Asked::Question(Question::Service(key()?))),
        IPVS_CMD_GET_DEST => return Ok(Asked::Question(Question::Destinations(key()?))),
        IPVS_CMD_GET_DAEMON => return Ok(Asked::Question(Question::Daemons)),
        IPVS_CMD_GET_CONFIG => return Ok(Asked::Question(Question::Timeouts)),
        IPVS_CMD_GET_INFO => return Ok(Asked::Question(Question::Info)),
        IPVS_CMD_NEW_SERVICE => Change::AddService(service()?),
        IPVS_CMD_SET_SERVICE => Change::EditService(service()?),
        IPVS_CMD_DEL_SERVICE => Change::DeleteService(key()?),
        IPVS_CMD_NEW_DEST => destination().map(|(key, it)| Change::AddDestination(key, it))?,
        IPVS_CMD_SET_DEST => destination().map(|(key, it)| Change::EditDestination(key, it))?,
        IPVS_CMD_DEL_DEST => {
            destination().map(|(key, it)| Change::DeleteDestination(key, it.key))?
        }
        IPVS_CMD_FLUSH => Change::Flush,
        IPVS_CMD_ZERO if about_all => Change::Zero(None),
        IPVS_CMD_ZERO => Change::Zero(Some(key()?)),
        IPVS_CMD_SET_CONFIG => Change::SetTimeouts(decode::read_timeouts(carried)?),
        IPVS_CMD_NEW_DAEMON => Change::StartDaemon(daemon()?),
        IPVS_CMD_DEL_DAEMON => Change::StopDaemon(daemon()?.role),
        _ => return Err(Malformed("no command of the family")),
    };
    Ok(Asked::Change(change))
}

/// An answer to GET_SERVICE. `request` is to live as long as the answer: [`Change::AddService`].
pub fn service<'a>(request: &'a Change, statistics: &Statistics) -> Vec<Attribute<'a>> {
    extended(request, [Attribute::new(IPVS_SVC_ATTR_STATS64, counters(statistics))])
}

/// An answer to GET_DEST, as [`service`]: [`Change::AddDestination`] is the request.
pub fn destination<'a>(request: &'a Change, shown: &ObservedDestination) -> Vec<Attribute<'a>> {
    let all = extended(
        request,
        [
            Attribute::new(IPVS_DEST_ATTR_ACTIVE_CONNS, Value::U32(shown.active)),
            Attribute::new(IPVS_DEST_ATTR_INACT_CONNS, Value::U32(shown.inactive)),
            Attribute::new(IPVS_DEST_ATTR_PERSIST_CONNS, Value::U32(shown.persistent)),
            Attribute::new(IPVS_DEST_ATTR_STATS64, counters(&shown.statistics)),
        ],
    );
    all.into_iter().filter(|attribute| attribute.kind == IPVS_CMD_ATTR_DEST).collect()
}

/// An answer to GET_INFO.
pub fn info(info: &Info) -> Vec<Attribute<'static>> {
    vec![
        Attribute::new(IPVS_INFO_ATTR_VERSION, Value::U32(info.version)),
        Attribute::new(IPVS_INFO_ATTR_CONN_TAB_SIZE, Value::U32(info.connection_table_size)),
    ]
}

/// What the request carries, with more in its last nest.
fn extended<'a, const N: usize>(
    request: &'a Change,
    more: [Attribute<'static>; N],
) -> Vec<Attribute<'a>> {
    let mut attributes = encode::change(request).attributes;
    if let Some(Attribute { value: Value::Nest(inner), .. }) = attributes.last_mut() {
        inner.extend(more);
    }
    attributes
}

fn counters(of: &Statistics) -> Value<'static> {
    let all = [
        (IPVS_STATS_ATTR_CONNS, of.connections),
        (IPVS_STATS_ATTR_INPKTS, of.packets_in),
        (IPVS_STATS_ATTR_OUTPKTS, of.packets_out),
        (IPVS_STATS_ATTR_INBYTES, of.bytes_in),
        (IPVS_STATS_ATTR_OUTBYTES, of.bytes_out),
        (IPVS_STATS_ATTR_CPS, of.connections_rate),
        (IPVS_STATS_ATTR_INPPS, of.packets_in_rate),
        (IPVS_STATS_ATTR_OUTPPS, of.packets_out_rate),
        (IPVS_STATS_ATTR_INBPS, of.bytes_in_rate),
        (IPVS_STATS_ATTR_OUTBPS, of.bytes_out_rate),
    ];
    let all = all.map(|(kind, count)| Attribute::new(kind, Value::U64(count)));
    Value::Nest(all.to_vec())
}
