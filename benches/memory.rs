//! What a pod costs while it does nothing: memory, and the processor's attention.

mod measure;

use std::thread::sleep;
use std::time::Duration;

use measure::common::{Host, Pod, Process, pod};
use measure::process::{Memory, voluntary_switches};
use measure::{Table, bench, median, runs, until_ready, web_pod};

fn main() {
    let host = Host::new();
    let mut table = Table::new("Memory and rest");
    two_containers(&host, &mut table);
    idle_containers(&host, &mut table);
    rest(&host, &mut table);
}

/// One pod, settled: what was needed only to start has been given back.
fn settled(host: &Host, manifest: &Pod, containers: usize) -> Process {
    let path = host.file("pod.yaml", manifest.to_string());
    let (process, _) = until_ready(host, &path, containers);
    sleep(Duration::from_millis(300));
    process
}

fn two_containers(host: &Host, table: &mut Table) {
    drop(settled(host, &web_pod(), 1));
    let alone = median(
        (0..runs())
            .map(|_| Memory::of(settled(host, &web_pod(), 1).pid()).whole)
            .collect(),
    );
    table.row(
        "two containers, alone (PSS)",
        kb(alone),
        None,
        "5000 kB",
        Some(alone <= 5000),
    );

    let pods: Vec<Process> = (0..100).map(|_| settled(host, &web_pod(), 1)).collect();
    let each = median(pods.iter().map(|pod| Memory::of(pod.pid()).whole).collect());
    table.row(
        "two containers, each of 100 such pods (PSS)",
        kb(each),
        None,
        "3000 kB",
        Some(each <= 3000),
    );
}

fn idle_containers(host: &Host, table: &mut Table) {
    const MORE: u64 = 50;
    let many = |count: u64| {
        (0..count).fold(pod("idle"), |pod, number| {
            pod.container(bench(&format!("c{number}"), ["idle"]))
        })
    };
    let cost = |count: u64| Memory::of(settled(host, &many(count), count as usize).pid());
    let each = |pick: fn(Memory) -> u64| {
        let one = || pick(cost(1 + MORE)).saturating_sub(pick(cost(1))) / MORE;
        median((0..runs().div_ceil(3)).map(|_| one()).collect())
    };
    let own = each(|memory| memory.whole - memory.linear);
    table.row(
        "each further idle container, beside its linear memory (PSS)",
        kb(own),
        None,
        "96 kB",
        Some(own <= 96),
    );
    table.row(
        "its linear memory (PSS)",
        kb(each(|memory| memory.linear)),
        None,
        "-",
        None,
    );
}

fn rest(host: &Host, table: &mut Table) {
    const WATCH: Duration = Duration::from_secs(10);
    let process = settled(host, &web_pod(), 1);
    // The threads that opened files wait a second for more of that, and then are gone.
    sleep(Duration::from_secs(2));
    let before = voluntary_switches(process.pid());
    sleep(WATCH);
    let switches = voluntary_switches(process.pid()) - before;
    table.row(
        "voluntary context switches of an idle pod in 10 s",
        switches,
        None,
        "0",
        Some(switches == 0),
    );
}

fn kb(kilobytes: u64) -> String {
    format!("{kilobytes} kB")
}
