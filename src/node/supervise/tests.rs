//! With shells as the pods' processes. What needs signals is tried with the real program.

use std::time::Duration;

use super::*;
use crate::node::tests::{Fake, pod, store};

#[test]
fn launches_are_made_beside_everything_else_and_told_by_the_bell() {
    let (_dir, store) = store();
    let machinery = Arc::new(Fake::running(
        "[ $2 != b ] && echo ready; exec 1>&-; exit 3",
    ));
    let mut starts = Starts::new(Launcher::new(store.clone(), machinery)).unwrap();
    for name in ["a", "b", "c"] {
        starts.begin(store.create(pod(name)).unwrap());
    }
    let mut results = HashMap::new();
    while results.len() < 3 {
        let until = Instant::now() + Duration::from_secs(60);
        let ready = wait_for(&[Some(starts.fd())], Some(until)).unwrap();
        assert!(ready[0], "the bell does not ring");
        for (pod, result) in starts.results() {
            if let Ok(launched) = &result {
                assert!(launched.process.is_some());
            }
            results.insert(name(&pod), result.is_ok());
        }
    }
    let expected = [
        ("default/a", true),
        ("default/b", false),
        ("default/c", true),
    ];
    for (pod, well) in expected {
        assert_eq!(results[pod], well, "{pod}");
    }
    assert_eq!(starts.give_up(), 0);
}

#[test]
fn what_was_not_begun_is_given_up() {
    let (_dir, store) = store();
    let machinery = Arc::new(Fake::running("echo no"));
    let mut starts = Starts::new(Launcher::new(store.clone(), machinery)).unwrap();
    starts.most = 0;
    starts.begin(store.create(pod("a")).unwrap());
    assert_eq!(starts.give_up(), 0);
}

#[test]
fn a_wait_ends_at_its_time() {
    let (reader, _writer) = std::io::pipe().unwrap();
    let fd = std::os::fd::AsFd::as_fd(&reader);
    let until = Instant::now() + Duration::from_millis(5);
    assert_eq!(
        wait_for(&[Some(fd), None], Some(until)).unwrap(),
        [false, false]
    );
    assert!(Instant::now() >= until);
}
