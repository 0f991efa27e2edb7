//! `create`, `apply` and `replace`.

use std::sync::Barrier;
use std::thread;

use super::common::{Host, Process, container, eventually, pod};
use super::{field, host_with, idle, idler, pid, ready, refuses, traces};

#[test]
fn what_is_not_there_is_created_and_what_is_as_it_should_be_stays() {
    let host = Host::new();
    host.file("web.yaml", idler("web").to_string());
    let run = host.run(["apply", "-f", "web.yaml"]).success();
    assert_eq!(run.stdout, "pod/web created\n");
    let run = host.run(["apply", "-f", "web.yaml"]).success();
    assert_eq!(
        (run.stdout.as_str(), run.stderr.as_str()),
        ("pod/web unchanged\n", "")
    );
    refuses(
        host.run(["create", "-f", "web.yaml"]),
        1,
        "Error from server (AlreadyExists): error when creating \"web.yaml\": pods \"web\" already exists",
    );
}

#[test]
fn labels_come_and_go_with_the_manifest_and_others_stay() {
    let labelled = |key: &str| idler("web").set(&format!("metadata.labels.{key}"), "x");
    let host = host_with("web", &labelled("a"));
    let before = pid(&host, "web");
    host.run(["label", "pod", "web", "mine=1"]).success();
    host.file("web.yaml", labelled("b").to_string());
    let run = host.run(["apply", "-f", "web.yaml"]).success();
    assert_eq!(run.stdout, "pod/web configured\n");
    assert_eq!(
        field(&host, "web", "{.metadata.labels}"),
        r#"{"b":"x","mine":"1"}"#
    );
    assert_eq!(pid(&host, "web"), before);
}

#[test]
fn a_new_image_restarts_the_container_and_nothing_else() {
    let host = Host::new();
    let copy = |name: &str| {
        let toolbox = std::fs::read(super::common::guest("toolbox")).expect("a guest");
        host.file(name, toolbox);
    };
    copy("one.wasm");
    copy("two.wasm");
    let web = |image: &str| idler_of(image).to_string();
    host.file("web.yaml", web("./one.wasm"));
    host.run(["apply", "-f", "web.yaml"]).success();
    ready(&host, "web");
    let before = pid(&host, "web");
    host.file("web.yaml", web("./two.wasm"));
    let run = host.run(["apply", "-f", "web.yaml"]).success();
    assert_eq!(run.stdout, "pod/web configured\n");
    host.run([
        "wait",
        "pod/web",
        "--for=jsonpath={.status.containerStatuses[0].restartCount}=1",
    ])
    .success();
    ready(&host, "web");
    assert!(field(&host, "web", "{.spec.containers[0].image}").ends_with("/two.wasm"));
    assert_eq!(pid(&host, "web"), before);
}

fn idler_of(image: &str) -> super::common::Pod {
    pod("web").container(idle().image(image)).grace(1)
}

#[test]
fn what_kubernetes_forbids_is_refused_in_its_words() {
    let host = host_with("web", &idler("web"));
    let other = pod("web")
        .container(container("app").command(["sleep", "7"]))
        .grace(1);
    host.file("web.yaml", other.to_string());
    for verb in ["apply", "replace"] {
        host.run([verb, "-f", "web.yaml"]).assert_code(1).says(&[
            "The Pod \"web\" is invalid: spec: Forbidden: pod updates may not change fields other than ",
            "command",
        ]);
    }
    ready(&host, "web");
    assert!(field(&host, "web", "{.spec.containers[0].command}").contains("100000"));
}

#[test]
fn what_cannot_be_changed_can_be_replaced_by_force() {
    let host = host_with("web", &idler("web"));
    let before = field(&host, "web", "{.metadata.uid}");
    let other = pod("web")
        .container(container("app").command(["sleep", "200000"]))
        .grace(1);
    host.file("web.yaml", other.to_string());
    let run = host.run(["replace", "--force", "-f", "web.yaml"]).success();
    assert_eq!(
        run.stdout,
        "pod \"web\" deleted from default namespace\npod/web replaced\n"
    );
    ready(&host, "web");
    let after = field(&host, "web", "{.metadata.uid}");
    assert_ne!(before, after);
    let run = host.run(["replace", "--force", "-f", "web.yaml"]).success();
    assert!(run.stdout.ends_with("pod/web replaced\n"), "{run}");
}

#[test]
fn a_replacement_needs_something_to_replace() {
    let host = Host::new();
    host.file("web.yaml", idler("web").to_string());
    refuses(
        host.run(["replace", "-f", "web.yaml"]),
        1,
        "Error from server (NotFound): error when replacing \"web.yaml\": pods \"web\" not found",
    );
}

#[test]
fn a_directory_is_applied_as_far_as_it_goes() {
    let host = Host::new();
    for name in ["a", "b", "c"] {
        host.file(&format!("pods/{name}.yaml"), idler(name).to_string());
    }
    host.file("pods/deep/d.yaml", idler("d").to_string());
    host.file(
        "pods/bad.yaml",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: bad}\nspec: {}\n",
    );
    let run = host.run(["apply", "-f", "pods"]).assert_code(1);
    assert!(run.stderr.contains("pods/bad.yaml"), "{run}");
    // Together, and told in the order of the files.
    assert_eq!(run.stdout, "pod/a created\npod/b created\npod/c created\n");
    let run = host.run(["apply", "-R", "-f", "pods"]).assert_code(1);
    assert!(run.stdout.contains("pod/d created"), "{run}");
    let run = host.run(["delete", "pod", "c", "a", "d", "b"]).success();
    let gone =
        ["c", "a", "d", "b"].map(|pod| format!("pod \"{pod}\" deleted from default namespace\n"));
    assert_eq!(run.stdout, gone.concat());
}

#[test]
fn a_pod_that_cannot_start_leaves_nothing_and_says_why() {
    let taken = std::net::TcpListener::bind(("0.0.0.0", 0)).expect("a port");
    let port = taken.local_addr().expect("bound").port();
    let host = Host::new();
    let web = pod("web").container(idle().host_port(80, port));
    host.file("web.yaml", web.to_string());
    for verb in ["create", "apply"] {
        let run = host.run([verb, "-f", "web.yaml"]).assert_code(1);
        let start = "error: error when creating \"web.yaml\": ";
        assert!(run.stderr.starts_with(start), "{run}");
        assert!(run.stderr.contains(&port.to_string()), "{run}");
        assert_eq!(traces(&host), Vec::<String>::new());
    }
}

#[test]
fn of_two_that_create_at_once_one_wins_and_the_other_says_so() {
    let host = Host::new();
    for round in 0..5 {
        let name = format!("web{round}");
        let file = format!("{name}.yaml");
        host.file(&file, idler(&name).to_string());
        let start = Barrier::new(2);
        let create = || {
            start.wait();
            host.run(["create", "-f", &file])
        };
        let runs = thread::scope(|scope| {
            let other = scope.spawn(create);
            [create(), other.join().expect("no panic")]
        });
        let [won, lost] = match runs[0].code() {
            0 => runs,
            _ => {
                let [a, b] = runs;
                [b, a]
            }
        };
        assert_eq!(won.success().stdout, format!("pod/{name} created\n"));
        refuses(
            lost,
            1,
            &format!(
                "Error from server (AlreadyExists): error when creating \"{file}\": pods \"{name}\" already exists"
            ),
        );
    }
}

#[test]
fn of_two_that_apply_at_once_one_wins_and_the_other_says_so_or_agrees() {
    let host = host_with("web", &idler("web"));
    let variant = |value: &str| {
        idler("web")
            .set("metadata.labels.winner", value)
            .to_string()
    };
    for round in 0..8 {
        let (a, b) = (format!("a{round}"), format!("b{round}"));
        host.file("a.yaml", variant(&a));
        host.file("b.yaml", variant(&b));
        let start = Barrier::new(2);
        let apply = |file: &'static str| {
            start.wait();
            host.run(["apply", "-f", file])
        };
        let (one, two) = thread::scope(|scope| {
            let other = scope.spawn(|| apply("b.yaml"));
            (apply("a.yaml"), other.join().expect("no panic"))
        });
        let winner = field(&host, "web", "{.metadata.labels.winner}");
        assert!(winner == a || winner == b, "{winner}");
        // One after the other is no conflict; at once, the one that lost must have said so.
        for (run, value) in [(one, &a), (two, &b)] {
            if run.code() != 0 {
                assert_ne!(&winner, value, "it lost, but is there: {run}");
                assert!(run.stderr.contains("(Conflict)"), "{run}");
            }
        }
    }
}

/// Whoever comes second may find the pod stored and not yet running, and start it, too: it has one process all the same.
#[test]
fn a_new_pod_that_two_apply_at_once_runs_once() {
    let host = Host::new();
    for round in 0..8 {
        let name = format!("web{round}");
        let file = format!("{name}.yaml");
        host.file(&file, idler(&name).to_string());
        let both = [(); 2].map(|()| host.spawn(["apply", "-f", &file]));
        let both = both.map(Process::wait);
        let created = format!("pod/{name} created\n");
        assert!(both.iter().any(|run| run.stdout == created), "{both:?}");
        for run in both.into_iter().filter(|run| run.code() != 0) {
            run.says(&["Error from server (AlreadyExists)"]);
        }
        ready(&host, &name);
    }
    let pods = host.processes().len();
    assert_eq!(pods, 8);
}

/// Both have read the pod when the first of them writes: a lock that all writers take is held until both wait for it.
#[test]
fn an_apply_that_another_one_overtook_says_so() {
    let host = host_with("web", &idler("web"));
    let lock = std::fs::File::open(host.root().join("data/objects/.lock")).expect("a lock");
    let variant = |value: &str| idler("web").set("metadata.labels.winner", value);
    host.file("a.yaml", variant("a").to_string());
    host.file("b.yaml", variant("b").to_string());
    lock.lock().expect("nobody writes");
    let both = ["a.yaml", "b.yaml"].map(|file| host.spawn(["apply", "-f", file]));
    eventually("both wait", || {
        let waits = |process: &Process| waits_for_a_lock(process.pid());
        both.iter().all(waits).then_some(())
    });
    lock.unlock().expect("it was held");
    let [a, b] = both.map(Process::wait);
    let (winner, won, lost) = if a.code() == 0 {
        ("a", a, b)
    } else {
        ("b", b, a)
    };
    assert_eq!(won.success().stdout, "pod/web configured\n");
    let lost = lost.assert_code(1).says(&[
        "Error from server (Conflict): ",
        "Operation cannot be fulfilled on pods \"web\": the object has been modified; \
         please apply your changes to the latest version and try again",
    ]);
    assert_eq!(lost.stdout, "");
    assert_eq!(field(&host, "web", "{.metadata.labels.winner}"), winner);
}

/// In the same moment, somebody who changes something else is merged with.
#[test]
fn an_apply_that_a_label_overtook_is_made_again() {
    let host = host_with("web", &idler("web"));
    let lock = std::fs::File::open(host.root().join("data/objects/.lock")).expect("a lock");
    host.file(
        "web.yaml",
        idler("web").set("metadata.labels.a", "1").to_string(),
    );
    lock.lock().expect("nobody writes");
    let apply = host.spawn(["apply", "-f", "web.yaml"]);
    let label = host.spawn(["label", "pod", "web", "b=2"]);
    eventually("both wait", || {
        (waits_for_a_lock(apply.pid()) && waits_for_a_lock(label.pid())).then_some(())
    });
    lock.unlock().expect("it was held");
    assert_eq!(apply.wait().success().stdout, "pod/web configured\n");
    assert_eq!(label.wait().success().stdout, "pod/web labeled\n");
    assert_eq!(
        field(&host, "web", "{.metadata.labels}"),
        r#"{"a":"1","b":"2"}"#
    );
}

/// `/proc/locks` lists who waits behind an arrow.
fn waits_for_a_lock(pid: u32) -> bool {
    let locks = std::fs::read_to_string("/proc/locks").expect("the kernel's list of locks");
    let pid = pid.to_string();
    let waits = |line: &str| line.contains("->") && line.split_whitespace().any(|word| word == pid);
    locks.lines().any(waits)
}

/// What `get -o yaml` prints can be given back, with its status, its pid and all.
#[test]
fn a_printed_object_can_be_applied_replaced_and_created_again() {
    let host = host_with("web", &idler("web").set("metadata.labels.a", "1"));
    let printed = |host: &Host| {
        let run = host.run(["wait", "--for=create", "pod/web", "-o", "yaml"]);
        host.file("printed.yaml", run.success().stdout);
    };
    printed(&host);
    let run = host.run(["replace", "-f", "printed.yaml"]).success();
    assert_eq!(run.stdout, "pod/web replaced\n");
    // What was put there is remembered, and says more than this manifest.
    for outcome in ["configured", "unchanged"] {
        let run = host.run(["apply", "-f", "web.yaml"]).success();
        assert_eq!(run.stdout, format!("pod/web {outcome}\n"));
    }
    printed(&host);
    host.run(["apply", "-f", "printed.yaml"]).success();
    host.run(["label", "pod", "web", "b=2"]).success();
    host.run(["replace", "-f", "printed.yaml"])
        .assert_code(1)
        .says(&["(Conflict)", "the object has been modified"]);
    host.run(["delete", "pod", "web"]).success();
    let run = host.run(["create", "-f", "printed.yaml"]).success();
    assert_eq!(run.stdout, "pod/web created\n");
    ready(&host, "web");
    assert_eq!(field(&host, "web", "{.metadata.labels}"), r#"{"a":"1"}"#);
}

#[test]
fn what_names_no_object_is_refused_before_anything_is_done() {
    let host = Host::new();
    host.file("web.yaml", idler("web").to_string());
    host.file("comments.yaml", "# nothing\n---\n");
    std::fs::create_dir(host.work().join("empty")).expect("a folder");
    let cases: [(&[&str], &str); 5] = [
        (
            &["apply", "-f", "web.yaml", "-f", "nope.yaml"],
            "error: the path \"nope.yaml\" does not exist",
        ),
        (
            &["create", "-f", "web.yaml", "-f", "empty"],
            "error: error reading [empty]: recognized file extensions are [.json .yaml .yml]",
        ),
        (
            &["apply", "-f", "comments.yaml"],
            "error: no objects passed to apply",
        ),
        (
            &["create", "-f", "web.yaml", "-l", "a=b"],
            "error: no objects passed to create",
        ),
        (&["replace"], "error: must specify one of -f and -k"),
    ];
    for (args, words) in cases {
        refuses(host.run(args), 1, words);
        assert_eq!(traces(&host), Vec::<String>::new());
    }
}

#[test]
fn a_dry_run_changes_nothing() {
    let host = Host::new();
    host.file("web.yaml", idler("web").to_string());
    let said = |args: &[&str]| host.run(args).success().stdout;
    assert_eq!(
        said(&["apply", "-f", "web.yaml", "--dry-run=client"]),
        "pod/web created (dry run)\n"
    );
    assert_eq!(
        said(&["create", "-f", "web.yaml", "--dry-run=server"]),
        "pod/web created (server dry run)\n"
    );
    let shown = said(&["create", "-f", "web.yaml", "--dry-run=client", "-o", "yaml"]);
    assert!(shown.contains("namespace: default"), "{shown}");
    assert_eq!(traces(&host), Vec::<String>::new());
}

#[test]
fn objects_can_be_named_printed_and_read_from_standard_input() {
    let host = Host::new();
    let both = format!("{}\n---\n{}\n", idler("a"), idler("b"));
    let run = host
        .run_with_input(["apply", "-f", "-", "-o", "name"], &both)
        .success();
    let mut names: Vec<&str> = run.stdout.lines().collect();
    names.sort_unstable();
    assert_eq!(names, ["pod/a", "pod/b"]);
    let run = host
        .run_with_input(["apply", "-f", "-", "-o", "json"], &both)
        .success();
    let list: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(list["kind"], "List");
    assert_eq!(list["items"].as_array().map(Vec::len), Some(2));
}

#[test]
fn a_namespace_that_contradicts_the_manifest_is_refused() {
    let host = Host::new();
    host.file(
        "web.yaml",
        idler("web").set("metadata.namespace", "a").to_string(),
    );
    refuses(
        host.run(["-n", "b", "apply", "-f", "web.yaml"]),
        1,
        "error: the namespace from the provided object \"a\" does not match the namespace \"b\". \
         You must pass '--namespace=a' to perform this operation.",
    );
    host.run(["create", "namespace", "a"]).success();
    host.run(["apply", "-f", "web.yaml"]).success();
    host.run(["-n", "a", "wait", "pod/web", "--for=condition=Ready"])
        .success();
}

#[test]
fn a_generated_name_is_for_create_alone() {
    let host = Host::new();
    let web = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"generateName":"web-"},
        "spec":{"containers":[{"name":"app","image":"wasmpod/toolbox","command":["sleep","1000"]}]}}"#;
    host.file("web.json", web);
    let run = host.run(["create", "-f", "web.json"]).success();
    let name = run.stdout.trim_end().trim_end_matches(" created");
    assert!(
        name.starts_with("pod/web-") && name.len() == "pod/web-".len() + 5,
        "{run}"
    );
    refuses(
        host.run(["apply", "-f", "web.json"]),
        1,
        "error: from web-: cannot use generate name with apply",
    );
}
