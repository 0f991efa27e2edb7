//! Localhost between two guests: over the pod's own network, and the same guests over the kernel's by `wasmtime run`.

mod measure;

use measure::common::{Host, free_port, pod};
use measure::{Peer, Table, bench, median, ratio, result, runs};

/// What a server and a client do, and the client's last argument.
struct Duel {
    server: &'static str,
    client: &'static str,
    amount: &'static str,
}

const ROUND_TRIP: Duel = Duel {
    server: "echo",
    client: "ping",
    amount: "20000",
};
const STREAM: Duel = Duel {
    server: "sink",
    client: "stream",
    amount: "2000000000",
};

fn main() {
    let host = Host::new();
    let peer = Peer::find(&host);
    let mut table = Table::new("Localhost");

    let (own, theirs) = both(&host, peer.as_ref(), &ROUND_TRIP);
    let times = ratio(own, theirs);
    let text = |nanoseconds: f64| format!("{:.1} µs", nanoseconds / 1e3);
    let promise = format!("0.7 of the peer's{}", shown(times));
    table.row(
        "round trip of 4 bytes",
        text(own),
        theirs.map(text),
        &promise,
        times.map(|times| times <= 0.7),
    );

    let (own, theirs) = both(&host, peer.as_ref(), &STREAM);
    let times = ratio(own, theirs);
    let text = |rate: f64| format!("{:.2} GB/s", rate / 1e9);
    let promise = format!("twice the peer's{}", shown(times));
    table.row(
        "stream one way",
        text(own),
        theirs.map(text),
        &promise,
        times.map(|times| times >= 2.0),
    );
}

fn shown(ratio: Option<f64>) -> String {
    ratio.map_or_else(String::new, |ratio| format!(" (is {ratio:.2})"))
}

/// The medians of ours and of the peer's, measured in turns.
fn both(host: &Host, peer: Option<&Peer>, duel: &Duel) -> (f64, Option<f64>) {
    let code = peer.map(|peer| peer.compile("bench-p2"));
    let (mut own, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..runs() {
        own.push(in_a_pod(host, duel) as f64);
        if let (Some(peer), Some(code)) = (peer, &code) {
            let port = free_port().to_string();
            let server = host.spawn_command(peer.command(code, &[duel.server, &port]));
            let client = host.spawn_command(peer.command(code, &[duel.client, &port, duel.amount]));
            theirs.push(result(&client.wait().success().stdout) as f64);
            server.wait();
        }
    }
    (median(own), (!theirs.is_empty()).then(|| median(theirs)))
}

fn in_a_pod(host: &Host, duel: &Duel) -> u64 {
    let pod = pod("duel")
        .restart("Never")
        .container(bench("server", [duel.server, "7000"]))
        .container(bench("client", [duel.client, "7000", duel.amount]));
    let manifest = host.file("duel.yaml", pod.to_string());
    result(
        &host
            .run(["run".as_ref(), manifest.as_os_str()])
            .success()
            .stdout,
    )
}
