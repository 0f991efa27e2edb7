//! Guests for tests. Several in one file keep the repository small: which one runs is the last part of argv[0] or,
//! failing that, the first argument. Names begin with their suite: `hello` and `exit` for ends and beginnings, `net-` plain
//! std::net programs (p2), `p1-` what only p1 can do, `bad-` misbehaviour.

mod bad;
mod end;
#[cfg(not(target_env = "p1"))]
mod net;
#[cfg(target_env = "p1")]
mod preopened;

use std::process::ExitCode;

/// A guest takes its arguments and returns its exit code; an error is printed and makes it 1.
type Guest = fn(&[String]) -> Result<u8, String>;

const ALL: &[(&str, Guest)] = &[
    ("hello", end::hello),
    ("exit", end::exit),
    ("fail-until", end::fail_until),
    ("log-to", end::log_to),
    #[cfg(not(target_env = "p1"))]
    ("net-serve", net::http::serve),
    #[cfg(not(target_env = "p1"))]
    ("net-fetch", net::http::fetch),
    #[cfg(target_env = "p1")]
    ("p1-serve", preopened::serve),
    ("bad-spin", bad::spin),
    ("bad-sleep", bad::sleep),
    ("bad-alloc", bad::alloc),
    ("bad-stdout", bad::stdout),
    ("bad-trap", bad::trap),
    ("bad-read", bad::read),
];

fn main() -> ExitCode {
    let argv: Vec<String> = std::env::args().collect();
    let Some((guest, args)) = choose(&argv) else {
        let names: Vec<&str> = ALL.iter().map(|(name, _)| *name).collect();
        eprintln!("usage: probe {} [ARGUMENT]...", names.join("|"));
        return end::with_code(2);
    };
    match guest(args) {
        Ok(code) => end::with_code(code),
        Err(message) => {
            eprintln!("probe: {message}");
            end::with_code(1)
        }
    }
}

fn choose(argv: &[String]) -> Option<(Guest, &[String])> {
    let find = |path: &str| {
        let name = path.rsplit('/').next().unwrap_or(path);
        let name = name.strip_suffix(".wasm").unwrap_or(name);
        ALL.iter()
            .find(|(known, _)| *known == name)
            .map(|(_, guest)| *guest)
    };
    if let Some(guest) = argv.first().and_then(|program| find(program)) {
        return Some((guest, &argv[1..]));
    }
    Some((find(argv.get(1)?)?, &argv[2..]))
}

/// Argument `at`, or what is meant when it is absent.
fn argument<T: std::str::FromStr>(args: &[String], at: usize, absent: T) -> Result<T, String> {
    match args.get(at) {
        None => Ok(absent),
        Some(text) => text
            .parse()
            .map_err(|_| format!("invalid argument '{text}'")),
    }
}
