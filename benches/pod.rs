//! A whole pod: from the command until it is ready, from TERM until nothing of it is left; and a pod of a thousand.

mod measure;

use std::time::Duration;

use measure::common::{Host, Pod, pod};
use measure::{Table, bench, median, ms, runs, stop, until_ready, web_pod};

fn main() {
    let host = Host::new();
    let mut table = Table::new("Pod");
    two_containers(&host, &mut table);
    thousand_containers(&host, &mut table);
}

fn two_containers(host: &Host, table: &mut Table) {
    let manifest = host.file("web.yaml", web_pod().to_string());
    // Once for the cache of compiled code.
    stop(until_ready(host, &manifest, 1).0);
    let (mut ready, mut stopped) = (Vec::new(), Vec::new());
    for _ in 0..runs() {
        let (process, took) = until_ready(host, &manifest, 1);
        ready.push(took);
        stopped.push(stop(process));
        assert_eq!(pods_left(host), 0, "a stopped pod leaves nothing behind");
    }
    limit(table, "two containers, ready", median(ready), 15);
    limit(
        table,
        "two containers, stopped and removed",
        median(stopped),
        10,
    );
}

fn thousand_containers(host: &Host, table: &mut Table) {
    const COUNT: usize = 1000;
    let whole: Pod = (0..COUNT).fold(pod("many"), |pod, number| {
        pod.container(bench(&format!("c{number}"), ["idle"]))
    });
    let manifest = host.file("many.yaml", whole.to_string());
    let (mut ready, mut stopped) = (Vec::new(), Vec::new());
    for _ in 0..runs().div_ceil(3) {
        let (process, took) = until_ready(host, &manifest, COUNT);
        ready.push(took);
        stopped.push(stop(process));
    }
    limit(table, "1000 containers, all started", median(ready), 400);
    table.row(
        "1000 containers, stopped and removed",
        ms(median(stopped)),
        None,
        "-",
        None,
    );
}

fn limit(table: &mut Table, what: &str, took: Duration, milliseconds: u64) {
    let kept = took <= Duration::from_millis(milliseconds);
    table.row(
        what,
        ms(took),
        None,
        &format!("{milliseconds} ms"),
        Some(kept),
    );
}

/// How many pods still have a folder.
fn pods_left(host: &Host) -> usize {
    host.state()
        .iter()
        .filter(|path| {
            path.strip_prefix("data/pods/")
                .is_some_and(|name| !name.contains('/'))
        })
        .count()
}
