//! The hosts file: which names stand beside an address.

use std::net::IpAddr;

pub const PATH: &str = "/etc/hosts";

pub struct Line {
    pub address: IpAddr,
    /// The first one is the name proper, the others are aliases.
    pub names: Vec<String>,
}

pub fn read() -> Vec<Line> {
    parse(&std::fs::read_to_string(PATH).unwrap_or_default())
}

pub fn parse(text: &str) -> Vec<Line> {
    let line = |line: &str| {
        let mut words = line.split('#').next()?.split_whitespace();
        let address = words.next()?.parse().ok()?;
        let names: Vec<String> = words.map(str::to_owned).collect();
        (!names.is_empty()).then_some(Line { address, names })
    };
    text.lines().filter_map(line).collect()
}

impl Line {
    pub fn has(&self, name: &str) -> bool {
        self.names
            .iter()
            .any(|known| known.eq_ignore_ascii_case(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_an_address_and_its_names() {
        let lines = parse("# c\n10.0.0.1\tdb db.example # x\n10.0.0.2\nnonsense a\n::1 b\n");
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0].names, ["db", "db.example"]);
        assert!(lines[0].has("DB.example") && !lines[0].has("x"));
        assert_eq!(lines[1].address.to_string(), "::1");
    }
}
