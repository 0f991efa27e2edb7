use std::fs;

use super::{born, child, killed, store};
use crate::node::lock::{Lock, tidy};
use crate::node::writers::Turn;
use crate::node::{Hold, HoldError, Process};

const DEAD: Process = Process::Dead {
    last_words: None,
    restarted: false,
};

#[test]
fn a_process_is_known_while_it_holds_its_lock() {
    let (_dir, store) = store();
    assert_eq!(store.process("uid-1").unwrap(), Process::None);
    let lock = born(&store, "uid-1");
    let pid = std::process::id();
    assert_eq!(store.process("uid-1").unwrap(), Process::Living { pid });
    assert_eq!(store.process("uid-2").unwrap(), Process::None);
    lock.remove().unwrap();
    assert_eq!(store.process("uid-1").unwrap(), Process::None);
}

#[test]
fn a_pod_has_one_process() {
    let (_dir, store) = store();
    let lock = born(&store, "uid-1");
    let error = Lock::take(store.layout(), "uid-1").unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "pod uid-1 is already running as process {}",
            std::process::id()
        )
    );
    killed(lock);
    assert_eq!(store.process("uid-1").unwrap(), DEAD);
    let _again = born(&store, "uid-1");
    assert!(matches!(
        store.process("uid-1").unwrap(),
        Process::Living { .. }
    ));
}

#[test]
fn a_process_of_which_nobody_cleans_up_after_is_not_one() {
    let (_dir, store) = store();
    killed(born(&store, "uid-1"));
    let (lock, found) = Lock::clean(store.layout(), "uid-1", Turn::Await).unwrap();
    assert_eq!(found, DEAD);
    assert_eq!(
        store.process("uid-1").unwrap(),
        DEAD,
        "who cleans up is not the pod"
    );
    let error = Lock::clean(store.layout(), "uid-1", Turn::Skip).unwrap_err();
    assert!(matches!(error, HoldError::Busy { .. }), "{error}");
    killed(lock);
    assert_eq!(
        store.process("uid-1").unwrap(),
        DEAD,
        "and when he is killed, it is as before"
    );
}

/// An apply beside a `get` failed because that was just putting in order what the pod's last process had left.
#[test]
fn a_new_process_waits_for_who_cleans_up() {
    for in_order in [true, false] {
        let (_dir, store) = store();
        killed(born(&store, "uid-1"));
        let (lock, _) = Lock::clean(store.layout(), "uid-1", Turn::Await).unwrap();
        std::thread::scope(|scope| {
            let new = scope.spawn(|| Lock::take(store.layout(), "uid-1"));
            if in_order {
                lock.remove().unwrap();
            }
            killed(lock);
            new.join().unwrap().unwrap();
        });
    }
}

#[test]
fn a_lock_of_an_earlier_boot_tells_of_a_restart() {
    let (_dir, store) = store();
    let file = store.layout().lock("uid-1");
    fs::create_dir_all(store.layout().running()).unwrap();
    fs::write(
        &file,
        "{\"pid\":1,\"startTime\":5,\"bootId\":\"long ago\"}\n",
    )
    .unwrap();
    let restarted = Process::Dead {
        last_words: None,
        restarted: true,
    };
    assert_eq!(store.process("uid-1").unwrap(), restarted);
    fs::write(&file, "").unwrap();
    assert_eq!(store.process("uid-1").unwrap(), DEAD, "whatever is in it");
}

#[test]
fn many_take_one_lock_and_one_has_it() {
    let (_dir, store) = store();
    for _ in 0..20 {
        let locks: Vec<_> = std::thread::scope(|scope| {
            let racers: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| Lock::take(store.layout(), "uid-1").ok()))
                .collect();
            racers
                .into_iter()
                .filter_map(|racer| racer.join().unwrap())
                .collect()
        });
        assert_eq!(locks.len(), 1);
        if let [lock] = locks.as_slice() {
            lock.remove().unwrap();
        }
    }
    assert_eq!(fs::read_dir(store.layout().running()).unwrap().count(), 0);
}

#[test]
fn what_a_killed_taker_left_is_tidied() {
    let (_dir, store) = store();
    let running = store.layout().running();
    fs::create_dir_all(&running).unwrap();
    fs::write(running.join(".taking"), "{}").unwrap();
    tidy(&running).unwrap();
    assert_eq!(fs::read_dir(&running).unwrap().count(), 0);
}

#[test]
fn a_hold_that_is_dropped_in_order_leaves_nothing() {
    let (_dir, store) = store();
    fs::create_dir_all(store.layout().running()).unwrap();
    fs::write(store.layout().socket("uid-1"), "").unwrap();
    drop(Hold::take(store.layout(), "uid-1").unwrap());
    assert_eq!(fs::read_dir(store.layout().running()).unwrap().count(), 0);
}

/// How a child that ended so is found.
fn found_after(how: &str) -> (Option<i32>, Process) {
    use std::os::unix::process::ExitStatusExt;
    let (dir, store) = store();
    let ended = child::command(&format!("crash:{how}"), dir.path(), 0)
        .status()
        .unwrap();
    (ended.signal(), store.process("uid-1").unwrap())
}

fn dead(signal: i32) -> Process {
    Process::Dead {
        last_words: Some(signal),
        restarted: false,
    }
}

#[test]
fn a_process_that_crashes_says_of_what() {
    assert_eq!(found_after("segv"), (Some(11), dead(11)));
    assert_eq!(found_after("abort"), (Some(6), dead(6)));
}

#[test]
fn an_exhausted_stack_is_a_crash() {
    // The standard library turns it into an abort after its own message, which is still heard.
    assert_eq!(found_after("stack"), (Some(6), dead(11)));
}

#[test]
fn a_panic_is_no_end_in_order() {
    let (signal, found) = found_after("panic");
    assert_eq!((signal, found), (None, dead(6)));
}

#[test]
fn a_killed_process_says_nothing() {
    assert_eq!(found_after("kill"), (Some(9), DEAD));
    assert_eq!(found_after("fine"), (None, Process::None));
}
