//! The kernel's side of the wire, for the fake kernel: decoding of requests, encoding of answers.

use super::{Query, decode, encode};
use crate::model::*;
use crate::netlink::attribute::{Attribute, Attributes, Malformed, Value};
use crate::wire::uapi::*;

/// A decoded request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    Change(Change),
    Query(Query),
}

/// Decodes a request: the inverse of [`encode::change`] and [`encode::query`].
pub fn request(command: u8, attributes: Attributes) -> Result<Request, Malformed> {
    let is_empty = attributes.clone().next().is_none();
    let service = || decode::read_configured_service(attributes.clone());
    let key = || Ok(service()?.key);
    let destination = || {
        let key = key()?;
        Ok((key, decode::read_configured_destination(attributes.clone(), key.family())?))
    };
    let daemon = || decode::read_daemon(attributes.clone());
    let change = match command {
        IPVS_CMD_GET_SERVICE if is_empty => return Ok(Request::Query(Query::Services)),
        IPVS_CMD_GET_SERVICE => return Ok(Request::Query(Query::Service(key()?))),
        IPVS_CMD_GET_DEST => return Ok(Request::Query(Query::Destinations(key()?))),
        IPVS_CMD_GET_DAEMON => return Ok(Request::Query(Query::Daemons)),
        IPVS_CMD_GET_CONFIG => return Ok(Request::Query(Query::Timeouts)),
        IPVS_CMD_GET_INFO => return Ok(Request::Query(Query::Info)),
        IPVS_CMD_NEW_SERVICE => Change::AddService(service()?),
        IPVS_CMD_SET_SERVICE => Change::EditService(service()?),
        IPVS_CMD_DEL_SERVICE => Change::DeleteService(key()?),
        IPVS_CMD_NEW_DEST => destination().map(|(key, new)| Change::AddDestination(key, new))?,
        IPVS_CMD_SET_DEST => destination().map(|(key, new)| Change::EditDestination(key, new))?,
        IPVS_CMD_DEL_DEST => {
            destination().map(|(key, old)| Change::DeleteDestination(key, old.key))?
        }
        IPVS_CMD_FLUSH => Change::Flush,
        IPVS_CMD_ZERO if is_empty => Change::Zero(None),
        IPVS_CMD_ZERO => Change::Zero(Some(key()?)),
        IPVS_CMD_SET_CONFIG => Change::SetTimeouts(decode::read_timeouts(attributes)?),
        IPVS_CMD_NEW_DAEMON => Change::StartDaemon(daemon()?),
        IPVS_CMD_DEL_DAEMON => Change::StopDaemon(daemon()?.role),
        _ => return Err(Malformed("an unknown command")),
    };
    Ok(Request::Change(change))
}

/// Encodes an answer to `IPVS_CMD_GET_SERVICE`, from the request that adds the service.
pub fn service<'a>(add: &'a Change, statistics: &Statistics) -> Vec<Attribute<'a>> {
    extended(add, [Attribute::new(IPVS_SVC_ATTR_STATS64, counters(statistics))])
}

/// Encodes an answer to `IPVS_CMD_GET_DEST`, from the request that adds the destination.
pub fn destination<'a>(add: &'a Change, observed: &ObservedDestination) -> Vec<Attribute<'a>> {
    let mut attributes = extended(
        add,
        [
            Attribute::new(IPVS_DEST_ATTR_ACTIVE_CONNS, Value::U32(observed.active)),
            Attribute::new(IPVS_DEST_ATTR_INACT_CONNS, Value::U32(observed.inactive)),
            Attribute::new(IPVS_DEST_ATTR_PERSIST_CONNS, Value::U32(observed.persistent)),
            Attribute::new(IPVS_DEST_ATTR_STATS64, counters(&observed.statistics)),
        ],
    );
    // The request names its service; the answer does not.
    attributes.retain(|attribute| attribute.kind == IPVS_CMD_ATTR_DEST);
    attributes
}

/// Encodes an answer to `IPVS_CMD_GET_INFO`.
pub fn info(info: &Info) -> Vec<Attribute<'static>> {
    vec![
        Attribute::new(IPVS_INFO_ATTR_VERSION, Value::U32(info.version.number())),
        Attribute::new(IPVS_INFO_ATTR_CONN_TAB_SIZE, Value::U32(info.connection_table_size)),
    ]
}

/// Encodes a request, with more attributes in its last nest.
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

fn counters(statistics: &Statistics) -> Value<'static> {
    let all = [
        (IPVS_STATS_ATTR_CONNS, statistics.connections),
        (IPVS_STATS_ATTR_INPKTS, statistics.packets_in),
        (IPVS_STATS_ATTR_OUTPKTS, statistics.packets_out),
        (IPVS_STATS_ATTR_INBYTES, statistics.bytes_in),
        (IPVS_STATS_ATTR_OUTBYTES, statistics.bytes_out),
        (IPVS_STATS_ATTR_CPS, statistics.connections_rate),
        (IPVS_STATS_ATTR_INPPS, statistics.packets_in_rate),
        (IPVS_STATS_ATTR_OUTPPS, statistics.packets_out_rate),
        (IPVS_STATS_ATTR_INBPS, statistics.bytes_in_rate),
        (IPVS_STATS_ATTR_OUTBPS, statistics.bytes_out_rate),
    ];
    Value::Nest(all.map(|(kind, count)| Attribute::new(kind, Value::U64(count))).to_vec())
}
