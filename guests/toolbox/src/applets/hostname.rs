use std::net::ToSocketAddrs;

use crate::applet::{Applet, At, Failure, Io, Outcome, error};
use crate::hosts::{self, Line};
use crate::options;

pub const APPLET: Applet = Applet {
    name: "hostname",
    usage: "[-sfdi]",
    run,
};

fn run(args: &[String], io: &mut Io) -> Outcome {
    let options = options::parse(
        args,
        "sfdi",
        &[
            ("short", 's'),
            ("fqdn", 'f'),
            ("domain", 'd'),
            ("ip-address", 'i'),
        ],
    )?;
    options.no_operands()?;
    let name = read(io)?;
    match options.last_of("sfdi") {
        Some('s') => writeln!(io.out, "{}", name.split('.').next().unwrap_or(&name))?,
        Some('f') => writeln!(io.out, "{}", full(&name, &hosts::read()))?,
        Some('d') => {
            let full = full(&name, &hosts::read());
            let domain = full.split_once('.').map_or("", |(_, domain)| domain);
            writeln!(io.out, "{domain}")?;
        }
        Some('i') => writeln!(io.out, "{}", addresses(&name)?)?,
        _ => writeln!(io.out, "{name}")?,
    }
    Ok(0)
}

/// WASI cannot be asked for it: the pod's file says it, or the variable that Kubernetes sets in every container.
fn read(io: &Io) -> Result<String, Failure> {
    let file = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    let name = match file.trim() {
        "" => io.environment().remove("HOSTNAME").unwrap_or_default(),
        name => name.to_owned(),
    };
    match name.is_empty() {
        true => error("no /etc/hostname here, and HOSTNAME is not set"),
        false => Ok(name),
    }
}

/// The name proper of the line where the hosts file has it; that is what the C library takes for the full name.
fn full(name: &str, lines: &[Line]) -> String {
    match lines.iter().find(|line| line.has(name)) {
        Some(line) => line.names[0].clone(),
        None => name.to_owned(),
    }
}

fn addresses(name: &str) -> Result<String, Failure> {
    let mut found: Vec<String> = Vec::new();
    for address in (name, 0).to_socket_addrs().at(name)? {
        let text = address.ip().to_string();
        if !found.contains(&text) {
            found.push(text);
        }
    }
    Ok(found.join(" "))
}

#[cfg(test)]
mod tests {
    use super::full;
    use crate::hosts::parse;
    use crate::testing::{output, run};

    #[test]
    fn the_full_name_is_the_first_of_its_line() {
        let hosts = parse("127.0.0.1 localhost\n10.0.0.1 web.sub.ns.svc.cluster.local web\n");
        assert_eq!(full("web", &hosts), "web.sub.ns.svc.cluster.local");
        assert_eq!(full("WEB", &hosts), "web.sub.ns.svc.cluster.local");
        assert_eq!(full("other", &hosts), "other");
    }

    #[test]
    fn it_is_one_line() {
        let name = output("", "hostname", &[]);
        assert_eq!(name.lines().count(), 1);
        assert!(!output("", "hostname", &["-s"]).contains('.'));
        assert_eq!(run("hostname", &["new-name"]).code, 2);
    }
}
