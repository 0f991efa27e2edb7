use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1;

use super::{born, claim, config_map, killed, pod, publish, status, store, uid};
use crate::node::{Store, Watch};
use crate::spec::Kind;

fn soon() -> Option<Instant> {
    Some(Instant::now() + Duration::from_secs(20))
}

fn now() -> Option<Instant> {
    Some(Instant::now())
}

/// Whether a reader is woken by what is done; one that waits.
fn wakes(watch: &mut Watch, store: &Store, done: impl FnOnce(&Store) + Send) -> bool {
    assert!(!watch.wait(now()).unwrap(), "nothing has happened before");
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| watch.wait(soon()).unwrap());
        done(store);
        waiting.join().unwrap()
    }) && {
        // One doing may be several changes.
        while watch.wait(now()).unwrap() {}
        true
    }
}

#[test]
fn everything_a_reader_sees_wakes_one_who_waits() {
    let (_dir, store) = store();
    let mut watch = Watch::new(&store, None).unwrap();
    let mut wakes = |done: &(dyn Fn(&Store) + Sync)| assert!(wakes(&mut watch, &store, done));
    wakes(&|store| drop(store.create(pod("web")).unwrap()));
    let uid = uid(&store.stored("default", "web").unwrap()).to_owned();
    wakes(&|store| publish(store, &uid, 0, status("Running")));
    let lock = std::sync::Mutex::new(None);
    wakes(&|store| *lock.lock().unwrap() = Some(born(store, &uid)));
    wakes(&|_| killed(lock.lock().unwrap().take().unwrap()));
    wakes(&|store| drop(store.begin_delete("default", "web", None, None).unwrap()));
    wakes(&|store| store.finish_delete("default", "web", &uid).unwrap());
}

#[test]
fn a_namespace_may_come_and_go_and_come_again() {
    let (_dir, store) = store();
    let mut one = Watch::new(&store, Some("default")).unwrap();
    let mut all = Watch::new(&store, None).unwrap();
    for _ in 0..3 {
        let made = store.create(pod("web")).unwrap();
        for watch in [&mut one, &mut all] {
            assert!(watch.wait(soon()).unwrap());
            while watch.wait(now()).unwrap() {}
        }
        // In the folder that is new since.
        store.begin_delete("default", "web", None, None).unwrap();
        for watch in [&mut one, &mut all] {
            assert!(watch.wait(soon()).unwrap());
        }
        store.finish_delete("default", "web", uid(&made)).unwrap();
        for watch in [&mut one, &mut all] {
            assert!(watch.wait(soon()).unwrap());
            while watch.wait(now()).unwrap() {}
        }
    }
}

#[test]
fn time_passes_without_a_change() {
    let (_dir, store) = store();
    let mut watch = Watch::new(&store, None).unwrap();
    let begin = Instant::now();
    let until = begin + Duration::from_millis(30);
    assert!(!watch.wait(Some(until)).unwrap());
    assert!(Instant::now() >= until);
}

#[test]
fn readers_do_not_wake_each_other() {
    let (_dir, store) = store();
    let made = store.create(pod("web")).unwrap();
    let _lock = born(&store, uid(&made));
    publish(&store, uid(&made), 0, status("Running"));
    let mut watch = Watch::new(&store, None).unwrap();
    store.list(None).unwrap();
    store.get("default", "web").unwrap();
    store.events(None).unwrap();
    drop(Watch::new(&store, None).unwrap());
    assert!(!watch.wait(now()).unwrap());
}

#[test]
fn a_reader_of_another_kind_is_woken_by_its_objects_alone() {
    let (_dir, store) = store();
    let mut watch = Watch::of_kind(&store, Kind::ConfigMap, Some("default")).unwrap();
    let maps = store.objects::<v1::ConfigMap>();
    let made = maps.create(config_map("default", "app", "old")).unwrap();
    assert!(watch.wait(soon()).unwrap());
    while watch.wait(now()).unwrap() {}
    let mut wakes = |done: &(dyn Fn(&Store) + Sync)| assert!(wakes(&mut watch, &store, done));
    wakes(&|store| {
        let new = |map: &mut v1::ConfigMap| {
            *map = config_map("default", "app", "new");
            Ok(())
        };
        store.objects().update("default", "app", new).unwrap();
    });
    let uid = made.metadata.uid.unwrap();
    wakes(&|store| {
        let gone = store
            .objects::<v1::ConfigMap>()
            .remove("default", "app", &uid);
        assert!(gone.unwrap());
    });
    // Others of the kind, and other kinds.
    store.create(pod("web")).unwrap();
    store.objects().create(claim("default", "data")).unwrap();
    maps.create(config_map("other", "app", "v")).unwrap();
    while watch.wait(now()).unwrap() {
        // The folder of the other namespace is new in one that is watched for ours.
    }
    maps.create(config_map("other", "more", "v")).unwrap();
    assert!(!watch.wait(now()).unwrap());
}

#[test]
fn one_watch_may_be_over_several_kinds_and_what_is_in_no_namespace() {
    let (_dir, store) = store();
    let kinds = [Kind::ConfigMap, Kind::Secret, Kind::Node];
    let mut watch = Watch::of_kinds(&store, &kinds, Some("default")).unwrap();
    let node: v1::Node = serde_json::from_value(serde_json::json!({
        "metadata": { "name": "here" },
    }))
    .unwrap();
    for _ in 0..2 {
        let made = store.objects().create(node.clone()).unwrap();
        assert!(watch.wait(soon()).unwrap());
        while watch.wait(now()).unwrap() {}
        let uid = made.metadata.uid.unwrap();
        store
            .objects::<v1::Node>()
            .remove("", "here", &uid)
            .unwrap();
        assert!(watch.wait(soon()).unwrap());
        while watch.wait(now()).unwrap() {}
    }
    store
        .objects()
        .create(v1::Secret {
            metadata: node.metadata.clone(),
            ..v1::Secret::default()
        })
        .unwrap();
    assert!(watch.wait(soon()).unwrap());
}
