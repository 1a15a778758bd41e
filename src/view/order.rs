//! The order of a listing: by kind, address and port, with 1.31's comparison.
//!
//! 1.31 compares addresses by the sign of a 32-bit difference, which wraps: 192.168.0.1 comes before
//! 10.0.0.1, because it is less than 2^31 below it around the circle. For addresses spread over the
//! whole circle that is no order at all, and the result depends on the C library's merge sort. This
//! module sorts by the same merges and so gets the same bytes on every table; the standard sort may
//! panic on such a comparison.

use libipvs::model::*;
use std::cmp::Ordering;
use std::net::IpAddr;

/// Sorts services into the order of a listing.
pub fn services<T>(services: &mut [T], key: impl Fn(&T) -> &ServiceKey) {
    merge_sort(services, |a, b| compare_services(key(a), key(b)));
}

/// Sorts the real servers of a service into the order of a listing.
pub fn destinations<T>(destinations: &mut [T], key: impl Fn(&T) -> &DestinationKey) {
    merge_sort(destinations, |a, b| {
        let (a, b) = (key(a), key(b));
        compare_addresses(a.address, b.address).then(a.port.cmp(&b.port))
    });
}

fn compare_services(a: &ServiceKey, b: &ServiceKey) -> Ordering {
    let mark = |key: &ServiceKey| match key {
        ServiceKey::Mark { mark, .. } => mark.get(),
        ServiceKey::Address { .. } => 0,
    };
    let by_family = a.family().cmp(&b.family());
    circular(mark(a), mark(b)).then(by_family).then_with(|| match (a, b) {
        (
            ServiceKey::Address { protocol: p, address: x, port: m },
            ServiceKey::Address { protocol: q, address: y, port: n },
        ) => p.number().cmp(&q.number()).then(compare_addresses(*x, *y)).then(m.cmp(n)),
        _ => Ordering::Equal,
    })
}

fn compare_addresses(a: IpAddr, b: IpAddr) -> Ordering {
    match (a, b) {
        (IpAddr::V4(a), IpAddr::V4(b)) => circular(a.to_bits(), b.to_bits()),
        (IpAddr::V6(a), IpAddr::V6(b)) => {
            let words = |address: std::net::Ipv6Addr| {
                let bits = address.to_bits();
                [(bits >> 96) as u32, (bits >> 64) as u32, (bits >> 32) as u32, bits as u32]
            };
            let pairs = words(a).into_iter().zip(words(b));
            pairs.fold(Ordering::Equal, |order, (a, b)| order.then(circular(a, b)))
        }
        (IpAddr::V4(_), IpAddr::V6(_)) => Ordering::Less,
        (IpAddr::V6(_), IpAddr::V4(_)) => Ordering::Greater,
    }
}

/// Compares by the sign of the 32-bit difference.
fn circular(a: u32, b: u32) -> Ordering {
    (a.wrapping_sub(b) as i32).cmp(&0)
}

/// Sorts by merging halves; equal items keep their order.
fn merge_sort<T>(items: &mut [T], compare: impl Fn(&T, &T) -> Ordering) {
    // Sort the small indexes, then move each item once.
    let mut places: Vec<usize> = (0..items.len()).collect();
    let mut merged = Vec::with_capacity(items.len());
    sort_places(&mut places, &mut merged, &|a: usize, b: usize| compare(&items[a], &items[b]));
    for start in 0..places.len() {
        let mut at = start;
        while places[at] != start {
            let from = std::mem::replace(&mut places[at], at);
            items.swap(at, from);
            at = from;
        }
        places[at] = at;
    }
}

fn sort_places(
    places: &mut [usize],
    merged: &mut Vec<usize>,
    compare: &impl Fn(usize, usize) -> Ordering,
) {
    if places.len() < 2 {
        return;
    }
    let (left, right) = places.split_at_mut(places.len() / 2);
    sort_places(left, merged, compare);
    sort_places(right, merged, compare);
    merged.clear();
    let (mut left, mut right) = (&*left, &*right);
    while let ([a, others @ ..], [b, rest @ ..]) = (left, right) {
        if compare(*a, *b) == Ordering::Greater {
            merged.push(*b);
            right = rest;
        } else {
            merged.push(*a);
            left = others;
        }
    }
    merged.extend_from_slice(left);
    merged.extend_from_slice(right);
    places.copy_from_slice(merged);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_wrap_around() {
        let mut all = ["10.0.0.1", "0.0.0.0", "255.255.255.255", "10.0.0.2", "224.0.0.1"]
            .map(|a| a.parse::<IpAddr>().unwrap());
        merge_sort(&mut all, |a, b| compare_addresses(*a, *b));
        let shown: Vec<_> = all.iter().map(|a| a.to_string()).collect();
        assert_eq!(shown, ["224.0.0.1", "255.255.255.255", "0.0.0.0", "10.0.0.1", "10.0.0.2"]);
    }

    #[test]
    fn kinds_come_one_after_the_other() {
        let tcp = |address: &str, port| ServiceKey::Address {
            protocol: Protocol::Tcp,
            address: address.parse().unwrap(),
            port,
        };
        let mark = |mark: u32| format!("mark {mark} IPv4").parse().expect("a key");
        let ordered = [tcp("10.0.0.1", 80), tcp("10.0.0.1", 443), tcp("::1", 80), mark(1), mark(2)];
        for pair in ordered.windows(2) {
            assert_eq!(compare_services(&pair[0], &pair[1]), Ordering::Less);
            assert_eq!(compare_services(&pair[1], &pair[0]), Ordering::Greater);
        }
    }

    #[test]
    fn an_ordinary_sort_on_ordinary_numbers() {
        for count in [0, 1, 2, 3, 7, 8, 1000] {
            let mut numbers: Vec<u32> = (0..count).map(|n| n * 7919 % 1000).collect();
            merge_sort(&mut numbers, u32::cmp);
            assert_eq!(numbers.len(), count as usize);
            assert!(numbers.is_sorted());
        }
    }

    #[test]
    fn what_is_equal_keeps_its_order() {
        let mut pairs: Vec<(u32, usize)> = (0..500).map(|n| (n * 7919 % 10, n as usize)).collect();
        merge_sort(&mut pairs, |a, b| a.0.cmp(&b.0));
        assert!(pairs.is_sorted());
    }
}
