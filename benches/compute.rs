//! Guests that only compute: what the checks for interruption cost, and that without them (the annotation
//! `wasmpod.dev/interrupt.<container>: none`) nothing is left between us and `wasmtime run`.

mod measure;

use measure::common::{Host, pod};
use measure::{Peer, Table, bench, median, ratio, result, runs};

fn main() {
    let host = Host::new();
    let peer = Peer::find(&host);
    let code = peer.as_ref().map(|peer| peer.compile("bench-p2"));
    let mut table = Table::new("Computing");
    for name in ["calls", "loop", "memory", "hash"] {
        let (mut checked, mut free, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..runs() {
            checked.push(compute(&host, name, true));
            free.push(compute(&host, name, false));
            if let (Some(peer), Some(code)) = (&peer, &code) {
                let run = host
                    .spawn_command(peer.command(code, &["compute", name]))
                    .wait()
                    .success();
                theirs.push(result(&run.stdout) as f64);
            }
        }
        let theirs = (!theirs.is_empty()).then(|| median(theirs));
        add(
            &mut table,
            &format!("{name}, with checks"),
            median(checked),
            theirs,
            None,
        );
        add(
            &mut table,
            &format!("{name}, without"),
            median(free),
            theirs,
            Some(1.03),
        );
    }
}

fn add(table: &mut Table, what: &str, own: f64, theirs: Option<f64>, limit: Option<f64>) {
    let text = |nanoseconds: f64| format!("{:.0} ms", nanoseconds / 1e6);
    let times = ratio(own, theirs);
    let shown = times.map_or_else(|| "-".to_owned(), |times| format!("{times:.3} of the peer"));
    let promise = limit.map_or_else(|| "none".to_owned(), |limit| format!("at most {limit}"));
    let kept = limit.zip(times).map(|(limit, times)| times <= limit);
    table.row(
        what,
        format!("{} ({shown})", text(own)),
        theirs.map(text),
        &promise,
        kept,
    );
}

/// Nanoseconds the guest needed by its own clock.
fn compute(host: &Host, name: &str, interruptible: bool) -> f64 {
    let mut pod = pod("compute")
        .restart("Never")
        .container(bench("c", ["compute", name]));
    if !interruptible {
        pod = pod.annotation("wasmpod.dev/interrupt.c", "none");
    }
    let manifest = host.file("compute.yaml", pod.to_string());
    result(
        &host
            .run(["run".as_ref(), manifest.as_os_str()])
            .success()
            .stdout,
    ) as f64
}
