use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Fake, born, killed, phase, pod, publish, status, store, uid};
use crate::node::{LaunchError, Launched, Launcher, Store, due};

fn launcher(store: &Store, script: &str) -> Launcher {
    Launcher::new(store.clone(), Arc::new(Fake::running(script)))
}

fn end(launched: Launched) {
    let mut process = launched.process.unwrap();
    process.kill().unwrap();
    process.wait().unwrap();
}

#[test]
fn a_process_is_launched_when_it_says_ready() {
    let (_dir, store) = store();
    let made = store.create(pod("web")).unwrap();
    let script = "echo started for $1 $2 $3 $4 >&2; echo ready; exec cat /dev/zero >/dev/null";
    let launched = launcher(&store, script).launch(&made).unwrap();
    assert_eq!(launched.attempt, 0);
    assert_eq!(launched.pid, launched.process.as_ref().unwrap().id());
    let logs = store.layout().pod_logs("default", "web", uid(&made));
    assert_eq!(
        fs::read_to_string(logs.join("pod.log")).unwrap(),
        format!("started for default web {} 0\n", uid(&made))
    );
    end(launched);
}

#[test]
fn what_it_says_instead_is_why_it_failed() {
    let (_dir, store) = store();
    let made = store.create(pod("web")).unwrap();
    let script = "echo 'bind host port 80: permission denied'; exit 1";
    let error = launcher(&store, script).launch(&made).unwrap_err();
    assert!(matches!(error, LaunchError::Refused(_)));
    assert_eq!(error.to_string(), "bind host port 80: permission denied");
}

#[test]
fn an_end_without_a_word_is_told_with_the_log() {
    let (_dir, store) = store();
    let made = store.create(pod("web")).unwrap();
    let first = launcher(&store, "echo one >&2; exit 3").launch(&made);
    assert_eq!(
        first.unwrap_err().to_string(),
        "the pod process ended before it was ready (exit status: 3): one"
    );
    let second = launcher(&store, "kill -9 $$").launch(&made);
    assert_eq!(
        second.unwrap_err().to_string(),
        "the pod process ended before it was ready (signal: 9 (SIGKILL))"
    );
}

#[test]
fn a_program_that_is_not_there_is_named() {
    struct Nowhere;
    impl crate::node::Machinery for Nowhere {
        fn command(&self, _: &str, _: &str, _: &str, _: u32) -> std::process::Command {
            std::process::Command::new("/nowhere/wasmpod")
        }
        fn sweep(&self, _: &str) -> anyhow::Result<()> {
            Ok(())
        }
    }
    let (_dir, store) = store();
    let made = store.create(pod("web")).unwrap();
    let error = Launcher::new(store, Arc::new(Nowhere))
        .launch(&made)
        .unwrap_err();
    assert!(
        error.to_string().starts_with("start /nowhere/wasmpod: "),
        "{error}"
    );
}

#[test]
fn one_that_gives_up_is_let_to_put_its_things_in_order() {
    let (dir, store) = store();
    let made = store.create(pod("web")).unwrap();
    let done = dir.path().join("done");
    // Both streams of words are closed while it still works.
    let script = format!(
        "echo no; exec >&- 2>&-; i=0; while [ $i -lt 3000 ]; do i=$((i+1)); done; : >{}",
        done.display()
    );
    let error = launcher(&store, &script).launch(&made).unwrap_err();
    assert_eq!(error.to_string(), "no");
    assert!(done.exists());
}

#[test]
fn one_that_hangs_is_ended() {
    let (dir, store) = store();
    let made = store.create(pod("web")).unwrap();
    let fifo = dir.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let script = format!("echo $$ >&2; exec cat {}", fifo.display());
    let launcher = launcher(&store, &script).patience(Duration::from_millis(50));
    let error = launcher.launch(&made).unwrap_err();
    assert!(matches!(error, LaunchError::Late { .. }), "{error}");
    let logs = store.layout().pod_logs("default", "web", uid(&made));
    let pid = fs::read_to_string(logs.join("pod.log")).unwrap();
    if let Ok(pid) = pid.trim().parse::<u32>() {
        assert!(
            !fs::exists(format!("/proc/{pid}")).unwrap(),
            "it is gone, and reaped"
        );
    }
}

#[test]
fn one_that_babbles_is_cut_short() {
    let (_dir, store) = store();
    let made = store.create(pod("web")).unwrap();
    let error = launcher(&store, "exec cat /dev/zero")
        .launch(&made)
        .unwrap_err();
    assert!(error.to_string().len() < 64 << 10);
}

#[test]
fn a_pod_that_runs_is_left_alone() {
    let (_dir, store) = store();
    let made = store.create(pod("web")).unwrap();
    publish(&store, uid(&made), 2, status("Running"));
    let _lock = born(&store, uid(&made));
    let launched = launcher(&store, "exit 9").launch(&made).unwrap();
    assert_eq!((launched.pid, launched.attempt), (std::process::id(), 2));
    assert!(launched.process.is_none());
}

#[test]
fn a_lost_pod_is_put_in_order_before_it_is_started_again() {
    let (_dir, store) = store();
    let made = store.create(pod("web")).unwrap();
    publish(&store, uid(&made), 4, status("Running"));
    killed(born(&store, uid(&made)));
    let launched = launcher(
        &store,
        "echo $4 >&2; echo ready; exec cat /dev/zero >/dev/null",
    );
    let launched = launched.launch(&made).unwrap();
    assert_eq!(launched.attempt, 5);
    assert_eq!(phase(&store.get("default", "web").unwrap()), "Failed");
    assert_eq!(store.events_of(uid(&made)).unwrap().len(), 1);
    end(launched);
}

#[test]
fn many_are_launched_a_few_at_a_time_and_answered_in_order() {
    let (dir, store) = store();
    let pods: Vec<_> = (0..30)
        .map(|n| store.create(pod(&format!("web-{n}"))).unwrap())
        .collect();
    // Each makes a file while it starts and counts those of the others.
    let script = format!(
        "mkdir -p {0}; touch {0}/$2; ls {0} | wc -l >&2; rm {0}/$2; case $2 in *7) echo no $2;; *) echo ready;; esac",
        dir.path().join("starting").display()
    );
    let results = launcher(&store, &script).launch_all(&pods);
    assert_eq!(results.len(), 30);
    for (pod, result) in pods.iter().zip(results) {
        let name = pod.metadata.name.as_deref().unwrap();
        match result {
            Ok(launched) => {
                launched.process.unwrap().wait().unwrap();
                assert!(!name.ends_with('7'));
            }
            Err(error) => assert_eq!(error.to_string(), format!("no {name}")),
        }
        let logs = store.layout().pod_logs("default", name, uid(pod));
        let others = fs::read_to_string(logs.join("pod.log")).unwrap();
        assert!(others.trim().parse::<usize>().unwrap() <= 16);
    }
    assert!(launcher(&store, "exit").launch_all(&[]).is_empty());
}

#[test]
fn a_launch_waits_for_the_process_and_not_for_the_clock() {
    let (_dir, store) = store();
    let made = store.create(pod("web")).unwrap();
    let begin = Instant::now();
    let launched = launcher(&store, "echo ready").launch(&made).unwrap();
    assert!(begin.elapsed() < Duration::from_secs(5));
    launched.process.unwrap().wait().unwrap();
}

#[test]
fn what_is_due_follows_from_what_is_seen() {
    let (_dir, store) = store();
    let made = store.create(pod("web")).unwrap();
    let due = || due(&store.sight("default", "web").unwrap());
    let reason = |reason: &str| {
        let mut status = status("Failed");
        status.reason = Some(reason.to_owned());
        status
    };
    assert_eq!(due(), Some(0), "never started");
    let lock = born(&store, uid(&made));
    assert_eq!(due(), None, "starting");
    publish(&store, uid(&made), 0, status("Running"));
    assert_eq!(due(), None, "running");
    killed(lock);
    assert_eq!(due(), Some(1), "lost");
    publish(&store, uid(&made), 1, reason("SandboxLost"));
    assert_eq!(due(), Some(2), "lost, and put in order");
    publish(&store, uid(&made), 1, reason("DeadlineExceeded"));
    assert_eq!(due(), None, "over");
    publish(&store, uid(&made), 1, status("Succeeded"));
    assert_eq!(due(), None, "over");
    publish(&store, uid(&made), 1, status("Running"));
    store.begin_delete("default", "web", None, None).unwrap();
    assert_eq!(due(), None, "to be deleted");
}
