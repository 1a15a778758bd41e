//! The model to answers, as the kernel would give them: for what stands in for it.

use super::encode;
use crate::ipvs::uapi::*;
use crate::model::*;
use crate::netlink::attribute::{Attribute, Value};

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
