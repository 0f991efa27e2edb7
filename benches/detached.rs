//! Pods that outlive their command: from `apply` until one is ready, five hundred of them, and the verbs against many.

mod measure;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::yield_now;
use std::time::{Duration, Instant};

use measure::common::{Host, container, guest, pod};
use measure::process::Memory;
use measure::{Table, median, ms, runs};
use serde_json::Value;

const MANY: usize = 500;

fn main() {
    let host = Host::new();
    let mut table = Table::new("Detached pods");
    one(&host, &mut table);
    many(&host, &mut table);
}

/// One container that rests.
fn manifest(name: &str) -> String {
    let idle = container("app")
        .image(guest("bench-p2").display())
        .args(["idle"]);
    pod(name).grace(1).container(idle).to_string()
}

fn one(host: &Host, table: &mut Table) {
    let file = host.file("one.yaml", manifest("one"));
    apply_until_ready(host, &file);
    let mut ready = Vec::new();
    for _ in 0..runs() {
        delete_all(host);
        ready.push(apply_until_ready(host, &file));
    }
    let ready = median(ready);
    table.row(
        "apply of one cached container, to Ready",
        ms(ready),
        None,
        "15 ms",
        Some(ready <= Duration::from_millis(15)),
    );

    let exec = || timed(|| drop(host.run(["exec", "one", "--", "true"]).success()));
    let bare = || {
        timed(|| {
            assert!(
                Command::new("/bin/true")
                    .status()
                    .expect("/bin/true runs")
                    .success()
            )
        })
    };
    exec();
    let (exec, bare) = (
        median((0..runs()).map(|_| exec()).collect()),
        median((0..runs()).map(|_| bare()).collect()),
    );
    let over = exec.saturating_sub(bare);
    let text = format!("{} (over {} of /bin/true)", ms(over), ms(bare));
    table.row(
        "exec POD -- true",
        text,
        None,
        "5 ms over a bare process",
        Some(over <= Duration::from_millis(5)),
    );
    delete_all(host);
}

fn many(host: &Host, table: &mut Table) {
    for number in 0..MANY {
        host.file(
            &format!("many/p{number}.yaml"),
            manifest(&format!("p{number}")),
        );
    }
    let applied = timed(|| drop(host.run(["apply", "-f", "many"]).success()));
    let rate = MANY as f64 / applied.as_secs_f64();
    table.row(
        &format!("{MANY} pods by one apply -f DIR"),
        format!("{} ({rate:.0} pods/s)", ms(applied)),
        None,
        "-",
        None,
    );
    host.run([
        "wait",
        "pods",
        "--all",
        "--for=condition=Ready",
        "--timeout=60s",
    ])
    .success();

    let get = median(
        (0..runs())
            .map(|_| timed(|| drop(host.run(["get", "pods"]).success())))
            .collect(),
    );
    table.row(
        &format!("get pods, {MANY} running"),
        ms(get),
        None,
        "50 ms",
        Some(get <= Duration::from_millis(50)),
    );

    let each: Vec<u64> = pids(host)
        .into_iter()
        .map(|pid| Memory::of(pid).whole)
        .collect();
    let sum: u64 = each.iter().sum();
    table.row(
        &format!("{MANY} pods together (PSS)"),
        format!("{} MB", sum / 1024),
        None,
        "-",
        None,
    );
    table.row(
        "each of them (PSS)",
        format!("{} kB", median(each)),
        None,
        "-",
        None,
    );

    let deleted = timed(|| delete_all(host));
    table.row(
        &format!("{MANY} pods deleted"),
        ms(deleted),
        None,
        "-",
        None,
    );
}

fn delete_all(host: &Host) {
    host.run(["delete", "pods", "--all"]).success();
}

/// From the command until the status on disk, which every reader reads, says Ready.
fn apply_until_ready(host: &Host, file: &Path) -> Duration {
    let statuses = host.root().join("data/status");
    let begun = Instant::now();
    let command = host.spawn(["apply".as_ref(), "-f".as_ref(), file.as_os_str()]);
    let deadline = begun + Duration::from_secs(10);
    while !any_ready(&statuses) {
        assert!(Instant::now() < deadline, "not ready within ten seconds");
        yield_now();
    }
    let took = begun.elapsed();
    command.wait().success();
    took
}

fn any_ready(statuses: &Path) -> bool {
    let files = fs::read_dir(statuses).into_iter().flatten().flatten();
    files
        .filter_map(|file| fs::read(file.path()).ok())
        .filter_map(|text| serde_json::from_slice::<Value>(&text).ok())
        .any(|record| {
            let conditions = record["status"]["conditions"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            conditions
                .iter()
                .any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
        })
}

fn pids(host: &Host) -> Vec<u32> {
    let said = host.run(["get", "pods", "-o", "json"]).success();
    let list: Value = serde_json::from_str(&said.stdout).expect("get prints JSON");
    let pods = list["items"].as_array().cloned().unwrap_or_default();
    let pid = |pod: &Value| {
        pod["metadata"]["annotations"]["wasmpod.dev/pid"]
            .as_str()?
            .parse()
            .ok()
    };
    pods.iter().filter_map(pid).collect()
}

fn timed(work: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}
