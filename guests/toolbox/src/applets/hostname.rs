use std::net::ToSocketAddrs;

use crate::applet::{Applet, At, Failure, Io, Outcome, error};
use crate::options;

pub const APPLET: Applet = Applet {
    name: "hostname",
    usage: "[-sfi]",
    run,
};

fn run(args: &[String], io: &mut Io) -> Outcome {
    let options = options::parse(
        args,
        "sfi",
        &[("short", 's'), ("fqdn", 'f'), ("ip-address", 'i')],
    )?;
    options.no_operands()?;
    let name = read(io)?;
    match options.last_of("sfi") {
        Some('s') => writeln!(io.out, "{}", name.split('.').next().unwrap_or(&name))?,
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
    use crate::testing::{output, run};

    #[test]
    fn it_is_one_line() {
        let name = output("", "hostname", &[]);
        assert_eq!(name.lines().count(), 1);
        assert!(!output("", "hostname", &["-s"]).contains('.'));
        assert_eq!(run("hostname", &["new-name"]).code, 2);
    }
}
