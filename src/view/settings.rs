//! The sysctls and the state of IPVS, as text.

use crate::host::ipvs::{Status, Sysctl};
use std::io::{self, Write};

/// Writes a line for each sysctl. A star marks those that differ from the default.
pub fn sysctls(out: &mut impl Write, sysctls: &[Sysctl]) -> io::Result<()> {
    let name = sysctls.iter().map(|sysctl| sysctl.name.len()).max().unwrap_or(0);
    let text = |value: &str| value.replace('\t', " ");
    let widest = |values: &mut dyn Iterator<Item = usize>| values.max().unwrap_or(0).max(7);
    let value = widest(&mut sysctls.iter().map(|sysctl| sysctl.value.len()));
    let default = widest(&mut sysctls.iter().map(|sysctl| sysctl.default.map_or(1, str::len)));
    writeln!(
        out,
        "  {:name$} {:>value$} {:>default$} Meaning",
        "net.ipv4.vs.", "Value", "Default"
    )?;
    for sysctl in sysctls {
        let mark = if sysctl.differs() { '*' } else { ' ' };
        let line = format!(
            "{mark} {:name$} {:>value$} {:>default$} {}",
            sysctl.name,
            text(&sysctl.value),
            text(sysctl.default.unwrap_or("-")),
            sysctl.meaning
        );
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// Writes the state: connections and their limit, the size of the table, and the state of the
/// estimation.
pub fn status(out: &mut impl Write, status: &Status) -> io::Result<()> {
    let Status { buckets, services, .. } = status;
    let connections = status.connections.map_or("not counted".into(), |count| count.to_string());
    match status.max_connections {
        Some(max) => writeln!(out, "connections         {connections} of {max}")?,
        None => writeln!(out, "connections         {connections}, without a limit")?,
    }
    writeln!(out, "connection buckets  {buckets}")?;
    writeln!(out, "services            {services}")?;
    match status.frozen {
        None => writeln!(out, "estimation          on"),
        Some(reason) => writeln!(out, "estimation          off: {reason}"),
    }?;
    for (name, value) in &status.details {
        writeln!(out, "  {name}: {value}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sysctl(name: &str, value: &str, default: Option<&'static str>) -> Sysctl {
        Sysctl { name: name.into(), value: value.into(), default, meaning: "a meaning" }
    }

    #[test]
    fn sysctls_that_differ_are_marked() {
        let mut out = Vec::new();
        let all = [
            sysctl("conntrack", "1", Some("0")),
            sysctl("sync_qlen_max", "15910", None),
            sysctl("sync_threshold", "3\t50", Some("3\t50")),
            Sysctl { meaning: "", ..sysctl("unknown", "0", None) },
        ];
        sysctls(&mut out, &all).expect("written");
        let expected = "  net.ipv4.vs.     Value Default Meaning\n\
                        * conntrack            1       0 a meaning\n  \
                        sync_qlen_max    15910       - a meaning\n  \
                        sync_threshold    3 50    3 50 a meaning\n  \
                        unknown              0       -\n";
        assert_eq!(String::from_utf8(out).expect("text"), expected);
    }

    #[test]
    fn the_state_names_the_limit_and_what_is_frozen() {
        let text = |status: &Status| {
            let mut out = Vec::new();
            super::status(&mut out, status).expect("written");
            String::from_utf8(out).expect("text")
        };
        let mut status = Status {
            connections: Some(3),
            max_connections: None,
            buckets: 4096,
            services: 2,
            frozen: None,
            details: Vec::new(),
        };
        let expected = "connections         3, without a limit\nconnection buckets  4096\n\
                        services            2\nestimation          on\n";
        assert_eq!(text(&status), expected);
        status.max_connections = Some(9);
        status.frozen = Some("net.ipv4.vs.run_estimation is 0");
        status.details = vec![("Conns".into(), "3".into())];
        let expected = "connections         3 of 9\nconnection buckets  4096\nservices            2\n\
                        estimation          off: net.ipv4.vs.run_estimation is 0\n  Conns: 3\n";
        assert_eq!(text(&status), expected);
    }
}
