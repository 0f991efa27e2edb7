//! getent, for the databases of names: what a program gets when it looks a name up.

use std::net::{IpAddr, ToSocketAddrs};

use crate::applet::{Applet, Failure, Io, Outcome, usage};
use crate::{hosts, options};

pub const APPLET: Applet = Applet {
    name: "getent",
    usage: "hosts|ahosts|ahostsv4|ahostsv6 [NAME|ADDRESS]...",
    run,
};

/// Not found: as elsewhere.
const UNKNOWN: u8 = 2;

fn run(args: &[String], io: &mut Io) -> Outcome {
    let options = options::parse(args, "", &[])?;
    let Some((database, keys)) = options.operands.split_first() else {
        return usage("missing database");
    };
    let wanted: fn(&IpAddr) -> bool = match database.as_str() {
        "hosts" | "ahosts" => |_| true,
        "ahostsv4" => IpAddr::is_ipv4,
        "ahostsv6" => IpAddr::is_ipv6,
        other => return usage(format!("unknown database '{other}'")),
    };
    let long = database != "hosts";
    if keys.is_empty() {
        for line in hosts::read() {
            writeln!(io.out, "{:<15} {}", line.address, line.names.join(" "))?;
        }
        return Ok(0);
    }
    let mut code = 0;
    for key in keys {
        let found: Vec<IpAddr> = addresses(key).into_iter().filter(wanted).collect();
        let known = match long {
            true => print_all(key, &found, io)?,
            false => print_hosts(key, &found, io)?,
        };
        if !known {
            code = UNKNOWN;
        }
    }
    Ok(code)
}

fn addresses(name: &str) -> Vec<IpAddr> {
    let mut found = Vec::new();
    for address in (name, 0).to_socket_addrs().into_iter().flatten() {
        if !found.contains(&address.ip()) {
            found.push(address.ip());
        }
    }
    found
}

/// Each address with all its names. An address is looked up by the hosts file alone: WASI asks nobody for the names of one.
fn print_hosts(key: &str, found: &[IpAddr], io: &mut Io) -> Result<bool, Failure> {
    let lines = hosts::read();
    let mut known = false;
    let literal = key.parse::<IpAddr>().is_ok();
    for address in found {
        let line = lines
            .iter()
            .find(|line| line.address == *address && (literal || line.has(key)));
        let names = match line {
            Some(line) => line.names.join(" "),
            None if literal => continue,
            None => key.to_owned(),
        };
        known = true;
        writeln!(io.out, "{:<15} {names}", address.to_string())?;
    }
    Ok(known)
}

/// Each address once for every kind of socket, the name at the first, as glibc's getent prints it.
fn print_all(key: &str, found: &[IpAddr], io: &mut Io) -> Result<bool, Failure> {
    let mut name = key;
    for address in found {
        for kind in ["STREAM", "DGRAM", "RAW"] {
            writeln!(io.out, "{:<15} {kind:<6} {name}", address.to_string())?;
            name = "";
        }
    }
    Ok(!found.is_empty())
}

#[cfg(test)]
mod tests {
    use crate::testing::{output, run};

    #[test]
    fn a_name_has_its_addresses() {
        assert!(output("", "getent", &["hosts", "localhost"]).contains("localhost"));
        assert_eq!(
            output("", "getent", &["ahostsv4", "192.0.2.1"]),
            "192.0.2.1       STREAM 192.0.2.1\n192.0.2.1       DGRAM  \n192.0.2.1       RAW    \n"
        );
        assert_eq!(run("getent", &["ahostsv6", "192.0.2.1"]).code, 2);
        assert!(output("", "getent", &["hosts"]).contains("127.0.0.1       localhost"));
        assert!(
            output("", "getent", &["hosts", "127.0.0.1"]).starts_with("127.0.0.1       localhost")
        );
    }

    #[test]
    fn what_nobody_knows_is_two() {
        let ran = run("getent", &["hosts", "192.0.2.77"]);
        assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (2, "", ""));
        assert_eq!(run("getent", &["passwd", "root"]).code, 2);
        assert_eq!(run("getent", &[]).code, 2);
    }
}
