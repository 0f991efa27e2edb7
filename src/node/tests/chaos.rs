//! Several processes at once on the same few pods, killed wherever it hits them, while somebody reads.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use k8s_openapi::api::core::v1;

use super::crash::{assert_no_litter, files, started};
use super::delete::{Ear, unreachable};
use super::{Fake, child, layout, phase, pod, resolved, status, uid};
use crate::node::delete::delete_by;
use crate::node::lock::Lock;
use crate::node::{Deletion, Record, Store, StoreError, reconcile};

const ROUNDS: u64 = 5;
const AT_ONCE: u64 = 4;
const DOINGS: u64 = 30;
const NAMES: [&str; 3] = ["a", "b", "c"];

/// Numbers that look like chance and are the same every time (Knuth's MMIX generator).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// The child's part.
pub fn play(seed: &str, root: &Path) {
    let store = Store::new(layout(root));
    let mut dice = Dice(seed.parse().unwrap());
    for _ in 0..DOINGS {
        let name = NAMES[dice.below(3) as usize];
        let done = match dice.below(6) {
            0 | 1 => store.create(pod(name)).map(drop),
            2 => colour(&store, name, dice.below(1000)),
            3 => delete(&store, name, dice.below(2) == 0),
            4 => live(&store, name, dice.below(2) == 0),
            _ => reconcile(&store, &Fake::default()).map(drop),
        };
        match done {
            Ok(())
            | Err(
                StoreError::NotFound { .. }
                | StoreError::AlreadyExists { .. }
                | StoreError::Conflict { .. },
            ) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

fn colour(store: &Store, name: &str, value: u64) -> Result<(), StoreError> {
    let change = |pod: &mut v1::Pod| {
        let labels = pod.metadata.labels.get_or_insert_default();
        labels.insert("colour".to_owned(), value.to_string());
        Ok(())
    };
    store.update("default", name, change).map(drop)
}

fn delete(store: &Store, name: &str, force: bool) -> Result<(), StoreError> {
    let wish = Deletion {
        namespace: "default".to_owned(),
        name: name.to_owned(),
        grace: force.then_some(0),
        force,
        ..Deletion::default()
    };
    let deaf = Ear {
        answer: Some(unreachable),
        ..Ear::default()
    };
    delete_by(store, &Fake::default(), &deaf, &wish).map(drop)
}

/// The life of a pod's process in short; it may end without its last word.
fn live(store: &Store, name: &str, in_order: bool) -> Result<(), StoreError> {
    let object = store.stored("default", name)?;
    let uid = uid(&object).to_owned();
    let Ok(lock) = Lock::take(store.layout(), &uid) else {
        return Ok(());
    };
    // Its object may have gone before its lock was there.
    let object = store.stored("default", name)?;
    let attempt = store
        .published(&uid)?
        .map_or(0, |published| published.sandbox_attempt + 1);
    if object.metadata.uid.as_deref() != Some(&uid) || object.metadata.deletion_timestamp.is_some()
    {
        lock.remove().unwrap();
        return Ok(());
    }
    let record = Record::open(store.layout(), &object, resolved(&object), attempt);
    record.event(started());
    record.status(Arc::new(status("Running")));
    if !in_order {
        return Ok(());
    }
    record.status(Arc::new(status("Succeeded")));
    record.finish().unwrap();
    if store
        .stored("default", name)?
        .metadata
        .deletion_timestamp
        .is_some()
    {
        store.finish_delete("default", name, &uid)?;
    }
    lock.remove().unwrap();
    Ok(())
}

/// A reader finds whole pods, whatever goes on.
fn read(store: &Store) {
    let pods = store.list(None).unwrap();
    assert!(pods.len() <= NAMES.len());
    for pod in pods {
        assert_eq!(pod.spec.as_ref().unwrap().containers.len(), 1);
        assert!(["Pending", "Running", "Succeeded", "Failed", "Unknown"].contains(&phase(&pod)));
    }
    for name in NAMES {
        match store.get("default", name) {
            Ok(_) | Err(StoreError::NotFound { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
    store.events(None).unwrap();
}

#[test]
fn many_processes_killed_at_random_leave_whole_pods_and_no_litter() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::new(layout(root.path()));
    let mut dice = Dice(7);
    for round in 0..ROUNDS {
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    read(&store);
                }
            });
            let children: Vec<_> = (0..AT_ONCE)
                .map(|n| {
                    let role = format!("chaos:{}", round * AT_ONCE + n);
                    let lethal = 1 + dice.below(200);
                    child::command(&role, root.path(), lethal).spawn().unwrap()
                })
                .collect();
            for mut child in children {
                let ended = child.wait().unwrap();
                let killed = matches!(ended.signal(), Some(9 | 15));
                assert!(ended.success() || killed, "{ended}");
            }
            over.store(true, Ordering::Relaxed);
            reader.join().unwrap();
        });
    }
    reconcile(&store, &Fake::default()).unwrap();
    for pod in store.list(None).unwrap() {
        assert_ne!(phase(&pod), "Unknown");
        delete(&store, pod.metadata.name.as_deref().unwrap(), false).unwrap();
    }
    reconcile(&store, &Fake::default()).unwrap();
    assert_no_litter(root.path(), "chaos", 0);
    let layout = store.layout();
    for place in [
        &layout.statuses(),
        &layout.events(),
        &layout.running(),
        &layout.objects().join("pods"),
    ] {
        assert_eq!(files(place), 0, "{}", place.display());
    }
}
