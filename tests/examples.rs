//! Every folder of `examples/` has its test here, and runs by it.

mod common;

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use common::{Host, Process, Run, eventually, free_port};
use nix::sys::signal::Signal;

/// Example, and what of it is tested below.
const TESTED: &[&str] = &[
    "01-hello",
    "02-init-page",
    "03-sidecar",
    "04-log-shipper",
    "05-localhost",
    "06-job",
    "07-crash-loop",
    "08-detached",
    "09-projected-secret",
    "10-downward-volume",
    "11-live-configmap",
    "12-host-aliases",
    "13-pod-preset",
    "14-token",
];

fn folder(example: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples")
        .join(example)
}

fn arguments(example: &str, flags: &[&str]) -> Vec<String> {
    let file = folder(example).join("pod.yaml").display().to_string();
    ["run", &file]
        .iter()
        .chain(flags)
        .map(|word| (*word).to_owned())
        .collect()
}

fn run(example: &str, flags: &[&str]) -> Run {
    Host::new().run(arguments(example, flags))
}

fn spawn(host: &Host, example: &str, flags: &[&str]) -> Process {
    host.spawn(arguments(example, flags))
}

#[test]
fn every_example_has_a_readme_and_a_test() {
    let found: BTreeSet<String> = std::fs::read_dir(folder(""))
        .expect("examples/ can be read")
        .map(|entry| entry.expect("an entry can be read").path())
        .filter(|path| path.is_dir())
        .map(|path| {
            path.file_name()
                .expect("it has a name")
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    let tested: BTreeSet<String> = TESTED.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(found, tested);
    for example in TESTED {
        assert!(
            folder(example).join("README.md").is_file(),
            "{example} has no README.md"
        );
    }
}

#[test]
fn hello_prints_its_line() {
    let run = run("01-hello", &[]).success();
    assert_eq!(run.stdout, "hello from a pod\n");
}

#[test]
fn init_page_serves_what_the_init_container_fetched() {
    let host = Host::new();
    let port = free_port();
    let text = std::fs::read_to_string(folder("02-init-page").join("pod.yaml"))
        .expect("the example is there");
    let file = host.file(
        "pod.yaml",
        text.replace("hostPort: 8080", &format!("hostPort: {port}")),
    );
    let process = host.spawn(["run".as_ref(), file.as_os_str()]);
    let answer = eventually("the page is served", || {
        fetch(port).filter(|answer| answer.contains(" 200 "))
    });
    assert!(
        answer.contains("# Kubernetes-managed hosts file."),
        "{answer}"
    );
    process.signal(Signal::SIGINT);
    process.wait().assert_code(143);
}

fn fetch(port: u16) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream
        .write_all(b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n")
        .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

#[test]
fn sidecar_runs_to_its_end() {
    let run = run("03-sidecar", &[]).success();
    assert!(
        run.stdout.contains("sidecar\n"),
        "the page is the pod's host name: {run}"
    );
}

#[test]
fn log_shipper_prints_the_log_of_the_application() {
    // The sidecar looks ten times a second and is stopped when the application ends: the last line may be missed.
    let run = run("04-log-shipper", &["--prefix"]).success();
    assert!(run.stdout.contains("[shipper] line 3 of 5\n"), "{run}");
}

#[test]
fn localhost_reaches_both_servers() {
    let run = run("05-localhost", &["--prefix"]).success();
    assert!(run.stdout.contains("[client] localhost\n"), "{run}");
    assert!(run.stdout.contains("[client] ok\n"), "{run}");
}

#[test]
fn job_succeeds_at_the_third_attempt() {
    let run = run("06-job", &[]).success();
    assert_eq!(run.stdout, "run 1 of 3\nrun 2 of 3\nrun 3 of 3\n");
}

#[test]
fn job_succeeds_on_the_simulated_machine() {
    let run = run("06-job", &["--sim", "-o", "events"]).success();
    assert_eq!(run.stdout.matches("  Started  ").count(), 3, "{run}");
}

#[test]
fn crash_loop_backs_off() {
    let host = Host::new();
    let process = spawn(&host, "07-crash-loop", &["-o", "events"]);
    process
        .stdout
        .wait_for("Back-off restarting failed container crash");
    process.signal(Signal::SIGTERM);
    process.wait().assert_code(1);
}

#[test]
fn crash_loop_backs_off_to_five_minutes_on_the_simulated_machine() {
    let run = run("07-crash-loop", &["--sim", "-o", "events"]).assert_code(1);
    let starts: Vec<&str> = run
        .stdout
        .lines()
        .filter(|line| line.contains("  Started  "))
        .filter_map(|line| line.split(['.', ' ']).find(|word| !word.is_empty()))
        .collect();
    assert_eq!(
        starts[..9],
        ["0", "0", "10", "30", "70", "150", "310", "610", "910"],
        "{run}"
    );
}

#[test]
fn detached_is_asked_and_deleted_by_the_verbs_of_its_readme() {
    let host = Host::new();
    let file = folder("08-detached").join("pod.yaml");
    let file = file.to_str().expect("the path is UTF-8");
    let says = |args: &[&str], text: &str| {
        let run = host.run(args).success();
        assert_eq!(run.stdout, text, "{run}");
    };
    says(&["apply", "-f", file], "pod/web created\n");
    says(
        &["wait", "--for=condition=Ready", "pod/web"],
        "pod/web condition met\n",
    );
    says(&["exec", "web", "--", "cat", "/www/index.html"], "web\n");
    let pods = host.run(["get", "pods"]).success();
    assert!(pods.stdout.contains("web    1/1     Running   0"), "{pods}");
    says(
        &["delete", "pod", "web"],
        "pod \"web\" deleted from default namespace\n",
    );
}

/// Applies an example, and waits until its pod is ready.
fn applied(example: &str, pod: &str) -> Host {
    let host = Host::new();
    let file = folder(example).join("pod.yaml").display().to_string();
    host.run(["apply", "-f", &file]).success();
    let pod = format!("pod/{pod}");
    host.run(["wait", "--for=condition=Ready", &pod]).success();
    host
}

fn asked(host: &Host, args: &[&str]) -> String {
    host.run(args).success().stdout
}

#[test]
fn projected_secret_has_both_files_in_the_atomic_layout() {
    let host = applied("09-projected-secret", "projected");
    let log = asked(&host, &["logs", "projected"]);
    assert_eq!(log, "I am admin, and my password has 12 characters.\n");
    let drawn = asked(
        &host,
        &["exec", "projected", "--", "tree", "-a", "/projected-volume"],
    );
    let dated = drawn
        .lines()
        .find_map(|line| line.strip_prefix("|-- ..data -> "))
        .unwrap_or_else(|| panic!("no ..data in {drawn}"));
    assert_eq!(
        drawn,
        format!(
            "/projected-volume\n|-- {dated}\n|   |-- pass\n|   `-- user\n|-- ..data -> {dated}\n|-- pass -> ..data/pass\n`-- user -> ..data/user\n\n3 directories, 4 files\n"
        )
    );
    let uid = asked(
        &host,
        &["get", "pod", "projected", "-o", "jsonpath={.metadata.uid}"],
    );
    let place = format!("data/pods/{uid}/volumes/kubernetes.io~projected/all-in-one");
    let mut found = Vec::new();
    walk(&host.root().join(place), "", &mut found);
    let links = ["..data -> ", "pass -> ..data/pass", "user -> ..data/user"];
    let mut expected = vec![
        dated.to_owned(),
        format!("{dated}/pass"),
        format!("{dated}/user"),
        format!("{}{dated}", links[0]),
        links[1].to_owned(),
        links[2].to_owned(),
    ];
    expected.sort();
    found.sort();
    assert_eq!(found, expected, "on the machine");
}

/// Everything below a directory of the machine, links with where they point.
fn walk(directory: &Path, above: &str, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(directory).expect("the volume can be read") {
        let path = entry.expect("an entry can be read").path();
        let name = path.file_name().expect("it has a name").to_string_lossy();
        let name = format!("{above}{name}");
        match std::fs::read_link(&path) {
            Ok(target) => found.push(format!("{name} -> {}", target.display())),
            Err(_) => found.push(name.clone()),
        }
        if !path.is_symlink() && path.is_dir() {
            walk(&path, &format!("{name}/"), found);
        }
    }
}

#[test]
fn secrets_are_not_shown() {
    let host = Host::new();
    let file = folder("09-projected-secret").join("pod.yaml");
    host.run(["apply".as_ref(), "-f".as_ref(), file.as_os_str()])
        .success();
    for args in [["get", "secrets"], ["describe", "secrets"]] {
        let page = asked(&host, &args);
        assert!(page.contains("user"), "{page}");
        assert!(
            !page.contains("admin") && !page.contains("YWRtaW4"),
            "{page}"
        );
    }
}

#[test]
fn downward_volume_prints_labels_annotations_and_the_limit() {
    let run = run("10-downward-volume", &[]).success();
    assert_eq!(
        run.stdout,
        "== labels\ncluster=\"test-cluster1\"\nrack=\"rack-22\"\nzone=\"us-est-coast\"\n\
         == annotations\nbuild=\"two\"\nbuilder=\"john-doe\"\n== limit\n64\n"
    );
}

#[test]
fn live_configmap_is_printed_as_it_is_edited() {
    let host = applied("11-live-configmap", "fan");
    let prints = |text: &str| {
        eventually(text, || {
            asked(&host, &["logs", "fan"]).contains(text).then_some(())
        });
    };
    prints("my preferred sport is football\n");
    let create = [
        "create",
        "configmap",
        "sport",
        "--from-literal=sport=cricket",
    ];
    let create: Vec<_> = create
        .iter()
        .chain(&["--dry-run=client", "-o", "yaml"])
        .collect();
    let made = host.run(create).success().stdout;
    let applied = host.run_with_input(["apply", "-f", "-"], made).success();
    assert_eq!(applied.stdout, "configmap/sport configured\n");
    prints("my preferred sport is cricket\n");
}

#[test]
fn host_aliases_are_seen_by_lookups() {
    let run = run("12-host-aliases", &[]).success();
    let (file, looked_up) = run.stdout.split_once("--\n").expect("two parts");
    assert!(
        file.ends_with("\n\n# Entries added by HostAliases.\n127.0.0.1\tfoo.local\tbar.local\n10.1.2.3\tfoo.remote\tbar.remote\n"),
        "{file}"
    );
    let own = "192.0.0.8       hostaliases.shop.default.svc.cluster.local hostaliases\n";
    assert_eq!(
        looked_up,
        format!(
            "127.0.0.1       foo.local bar.local\n10.1.2.3        foo.remote bar.remote\n{own}{own}"
        )
    );
}

#[test]
fn pod_preset_adds_a_variable_and_a_volume() {
    let host = applied("13-pod-preset", "website");
    let page = asked(&host, &["get", "pod", "website", "-o", "yaml"]);
    for part in [
        "    podpreset.admission.kubernetes.io/podpreset-allow-database: \"",
        "    env:\n    - name: DB_PORT\n      value: \"6379\"\n",
        "    - mountPath: /cache\n      name: cache-volume\n",
        "  - emptyDir: {}\n    name: cache-volume\n",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    let exec = ["exec", "website", "--", "printenv", "DB_PORT"];
    assert_eq!(asked(&host, &exec), "6379\n");
}

#[test]
fn token_is_good_for_its_audience_and_no_other() {
    let host = applied("14-token", "robot");
    let read = [
        "exec",
        "robot",
        "--",
        "cat",
        "/var/run/secrets/tokens/vault-token",
    ];
    let token = asked(&host, &read);
    let review = ["token", "review", "--audience", "vault", "-"];
    let good = host.run_with_input(review, &token).success();
    for part in [
        "  authenticated: true\n",
        "    username: system:serviceaccount:default:build-robot\n",
        "      authentication.kubernetes.io/pod-name:\n      - robot\n",
    ] {
        assert!(good.stdout.contains(part), "{good}");
    }
    let other = host.run_with_input(["token", "review", "-"], &token);
    assert_eq!(other.code(), 1, "{other}");
    assert!(asked(&host, &["token", "jwks"]).contains("\"alg\": \"ES256\""));
}

#[test]
fn embed_starts_reads_and_stops_a_pod() {
    let program = std::env::current_exe().expect("a test knows itself");
    let built = program
        .parent()
        .and_then(Path::parent)
        .expect("tests lie in deps/")
        .join("examples/embed");
    let run = Host::new()
        .spawn_command(std::process::Command::new(built))
        .wait()
        .success();
    // What lies between two looks is not seen, so how it began may not be.
    assert!(run.stdout.contains("phase: Running\n"), "{run}");
    assert!(
        run.stdout.ends_with("phase: Failed\nended: Failed\n"),
        "{run}"
    );
}
