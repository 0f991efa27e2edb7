//! From exec to a guest's first instruction, and to the end of a program that says one word.

mod measure;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use measure::common::{Host, guest};
use measure::{Peer, Table, median, ms, runs};

fn main() {
    let host = Host::new();
    let peer = Peer::find(&host);
    let mut table = Table::new("Start");
    for name in ["bench-p1", "bench-p2"] {
        compare(&host, peer.as_ref(), name, &mut table);
    }
}

fn compare(host: &Host, peer: Option<&Peer>, name: &str, table: &mut Table) {
    let module = guest(name);
    let code = peer.map(|peer| peer.compile(name));
    // Once for the cache of compiled code.
    hello(host, ours(host, &module));
    let (mut own, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..runs() * 2 {
        own.push(hello(host, ours(host, &module)));
        if let (Some(peer), Some(code)) = (peer, &code) {
            theirs.push(hello(host, peer.command(code, &["hello"])));
        }
    }
    for (what, pick) in [
        ("to the first line", first as fn(&Times) -> Duration),
        ("to the exit", whole),
    ] {
        let own = median(own.iter().map(pick).collect());
        let theirs = (!theirs.is_empty()).then(|| median(theirs.iter().map(pick).collect()));
        let limit = theirs
            .map_or(Duration::MAX, |theirs| theirs.mul_f64(1.5))
            .min(Duration::from_millis(5));
        table.row(
            &format!("{name} {what}"),
            ms(own),
            theirs.map(ms),
            "5 ms and 1.5 times the peer",
            Some(own <= limit),
        );
    }
}

/// To the first line, to the exit.
type Times = (Duration, Duration);

fn first(times: &Times) -> Duration {
    times.0
}

fn whole(times: &Times) -> Duration {
    times.1
}

fn ours(host: &Host, module: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wasmpod"));
    command
        .arg("--root")
        .arg(host.root())
        .arg("run")
        .arg(module)
        .arg("hello");
    command
}

fn hello(host: &Host, command: Command) -> Times {
    let begun = Instant::now();
    let process = host.spawn_command(command);
    process.stdout.wait_for("hello");
    let first = begun.elapsed();
    process.wait().success();
    (first, begun.elapsed())
}
