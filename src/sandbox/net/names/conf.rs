//! What a resolv.conf means for whoever resolves: the C library's rules (resolv.conf(5)), its limits, and what it passes over.

use std::net::IpAddr;
use std::time::Duration;

use super::super::defs::RESOLVE_TIMEOUT;

/// As many servers as the C library asks.
const MAX_SERVERS: usize = 3;
const MAX_NDOTS: usize = 15;
const MAX_ATTEMPTS: usize = 5;
const TRIES: usize = 2;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Conf {
    pub servers: Vec<IpAddr>,
    pub search: Vec<String>,
    /// A name with as many dots is first tried as it is.
    pub ndots: usize,
    pub timeout: Duration,
    pub attempts: usize,
    /// Begin each question with another server.
    pub rotate: bool,
    /// Ask by TCP only.
    pub stream: bool,
    pub edns0: bool,
    /// Do not ask for IPv6 addresses.
    pub ipv4_only: bool,
}

impl Default for Conf {
    fn default() -> Conf {
        Conf {
            servers: Vec::new(),
            search: Vec::new(),
            ndots: 1,
            timeout: RESOLVE_TIMEOUT,
            attempts: TRIES,
            rotate: false,
            stream: false,
            edns0: false,
            ipv4_only: false,
        }
    }
}

impl Conf {
    /// Of `search` and `domain` the last line counts; options add up. What is not understood is passed over.
    pub fn parse(text: &str) -> Conf {
        let mut conf = Conf::default();
        for line in text.lines() {
            let mut words = line.split_whitespace();
            match words.next() {
                Some("nameserver") if conf.servers.len() < MAX_SERVERS => {
                    let server = words.next().and_then(|word| word.parse::<IpAddr>().ok());
                    conf.servers.extend(server);
                }
                Some("search") => conf.search = words.map(str::to_owned).collect(),
                Some("domain") => conf.search = words.take(1).map(str::to_owned).collect(),
                Some("options") => words.for_each(|word| conf.option(word)),
                _ => {}
            }
        }
        conf
    }

    fn option(&mut self, word: &str) {
        let (name, value) = word.split_once(':').unwrap_or((word, ""));
        let number = value.parse::<usize>().ok();
        match (name, number) {
            ("ndots", Some(number)) => self.ndots = number.min(MAX_NDOTS),
            ("timeout", Some(number)) => {
                let wished = Duration::from_secs(number.try_into().unwrap_or(u64::MAX));
                self.timeout = wished.clamp(Duration::from_secs(1), RESOLVE_TIMEOUT);
            }
            ("attempts", Some(number)) => self.attempts = number.clamp(1, MAX_ATTEMPTS),
            ("rotate", None) => self.rotate = true,
            ("use-vc" | "usevc", None) => self.stream = true,
            ("edns0", None) => self.edns0 = true,
            ("no-aaaa", None) => self.ipv4_only = true,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_with_everything() {
        let conf = Conf::parse(
            "# nameserver 9.9.9.9\n; nameserver 9.9.9.9\nnameserver 10.0.0.53 # first\n\tnameserver fd00::53\nnameserver nonsense\n\
             nameserver 10.0.0.54\nnameserver 10.0.0.55\ndomain old.example\nsearch a.example b.example\n\
             options ndots:5 timeout:2 attempts:3\noptions rotate use-vc edns0 no-aaaa single-request sortlist:x unheard-of\nsortlist 1.2.3.4\n",
        );
        let expected = Conf {
            servers: ["10.0.0.53", "fd00::53", "10.0.0.54"]
                .map(|ip| ip.parse().unwrap())
                .into(),
            search: vec!["a.example".into(), "b.example".into()],
            ndots: 5,
            timeout: Duration::from_secs(2),
            attempts: 3,
            rotate: true,
            stream: true,
            edns0: true,
            ipv4_only: true,
        };
        assert_eq!(conf, expected);
    }

    #[test]
    fn what_is_not_said_has_the_c_librarys_defaults() {
        assert_eq!(Conf::parse(""), Conf::default());
        assert_eq!(
            Conf::parse("domain corp.example extra\n").search,
            ["corp.example"]
        );
        assert_eq!(Conf::parse("search a\ndomain b\n").search, ["b"]);
    }

    #[test]
    fn numbers_beyond_the_limits_are_brought_back() {
        let conf = Conf::parse("options ndots:99 timeout:600 attempts:0");
        assert_eq!(
            (conf.ndots, conf.timeout, conf.attempts),
            (15, RESOLVE_TIMEOUT, 1)
        );
        let conf = Conf::parse("options timeout:0 attempts:99 ndots:-1 ndots: ndots:x");
        assert_eq!(
            (conf.ndots, conf.timeout, conf.attempts),
            (1, Duration::from_secs(1), 5)
        );
    }
}
