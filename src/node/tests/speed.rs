//! What reading costs, as far as that can be told without a clock.

use super::{born, pod, publish, status, store, uid};

/// The reads and opens of this process so far are of no use here (other tests run beside), so the bound is a time, and a
/// generous one: the program is not optimised, and the machine has other work.
#[test]
fn a_hundred_running_pods_are_listed_at_once() {
    let (_dir, store) = store();
    let locks: Vec<_> = (0..100)
        .map(|n| {
            let made = store.create(pod(&format!("web-{n}"))).unwrap();
            publish(&store, uid(&made), 0, status("Running"));
            born(&store, uid(&made))
        })
        .collect();
    let begin = std::time::Instant::now();
    let pods = store.list(None).unwrap();
    let took = begin.elapsed();
    assert_eq!(pods.len(), locks.len());
    assert!(pods.iter().all(|pod| pod.metadata.annotations.is_some()));
    assert!(took.as_secs() < 2, "{took:?}");
}
