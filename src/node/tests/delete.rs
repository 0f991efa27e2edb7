use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use k8s_openapi::api::core::v1;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{Fake, born, killed, pod, publish, status, store, uid};
use crate::control::CallError;
use crate::node::delete::delete_by;
use crate::node::disk::step;
use crate::node::update::update_by;
use crate::node::voice::Voice;
use crate::node::{Applied, Deleted, Deletion, Store, StoreError, list};

/// Hears what is said to the pod's process.
#[derive(Default)]
pub struct Ear {
    pub heard: Mutex<Vec<String>>,
    pub answer: Option<fn() -> CallError>,
}

impl Ear {
    fn hear(&self, what: String) -> Result<(), CallError> {
        self.heard.lock().unwrap().push(what);
        self.answer.map_or(Ok(()), |answer| Err(answer()))
    }
}

impl Voice for Ear {
    fn stop(&self, _: &Store, uid: &str, grace: Duration) -> Result<(), CallError> {
        self.hear(format!("stop {uid} {}", grace.as_secs()))
    }

    fn update(&self, _: &Store, uid: &str, object: &v1::Pod) -> Result<(), CallError> {
        let generation = object.metadata.generation.unwrap();
        self.hear(format!("update {uid} {generation}"))
    }
}

fn web() -> Deletion {
    Deletion {
        namespace: "default".to_owned(),
        name: "web".to_owned(),
        ..Deletion::default()
    }
}

fn gone(store: &Store) -> bool {
    matches!(
        store.get("default", "web"),
        Err(StoreError::NotFound { .. })
    )
}

#[test]
fn a_pod_without_a_process_is_gone_at_once() {
    let (_dir, store) = store();
    let made = store.create(pod("web")).unwrap();
    let (machinery, ear) = (Fake::default(), Ear::default());
    assert_eq!(
        delete_by(&store, &machinery, &ear, &web()).unwrap(),
        Deleted::Gone
    );
    assert!(gone(&store) && ear.heard.lock().unwrap().is_empty());
    assert_eq!(*machinery.erased.lock().unwrap(), [uid(&made)]);
    let error = delete_by(&store, &machinery, &ear, &web()).unwrap_err();
    assert_eq!(error.to_string(), "pods \"web\" not found");
}

#[test]
fn a_running_pod_is_told_and_stops_by_itself() {
    let (_dir, store) = store();
    let made = store.create(pod("web")).unwrap();
    let lock = born(&store, uid(&made));
    let (machinery, ear) = (Fake::default(), Ear::default());
    let stopping = Deleted::Stopping {
        uid: uid(&made).to_owned(),
    };
    assert_eq!(
        delete_by(&store, &machinery, &ear, &web()).unwrap(),
        stopping
    );
    let sooner = Deletion {
        grace: Some(3),
        ..web()
    };
    assert_eq!(
        delete_by(&store, &machinery, &ear, &sooner).unwrap(),
        stopping
    );
    let heard = [
        format!("stop {} 30", uid(&made)),
        format!("stop {} 3", uid(&made)),
    ];
    assert_eq!(*ear.heard.lock().unwrap(), heard);
    assert!(
        store
            .get("default", "web")
            .unwrap()
            .metadata
            .deletion_timestamp
            .is_some()
    );
    // What the process does at its end.
    store.finish_delete("default", "web", uid(&made)).unwrap();
    lock.remove().unwrap();
    assert!(gone(&store));
}

#[test]
fn a_lost_pod_is_deleted_without_a_word() {
    let (_dir, store) = store();
    let made = store.create(pod("web")).unwrap();
    publish(&store, uid(&made), 0, status("Running"));
    killed(born(&store, uid(&made)));
    let (machinery, ear) = (Fake::default(), Ear::default());
    assert_eq!(
        delete_by(&store, &machinery, &ear, &web()).unwrap(),
        Deleted::Gone
    );
    assert!(gone(&store) && ear.heard.lock().unwrap().is_empty());
}

#[test]
fn a_pod_that_is_not_the_one_meant_stays() {
    let (_dir, store) = store();
    store.create(pod("web")).unwrap();
    let other = Deletion {
        uid: Some("other".to_owned()),
        ..web()
    };
    let error = delete_by(&store, &Fake::default(), &Ear::default(), &other).unwrap_err();
    assert_eq!(error.reason(), "Conflict");
    assert!(!gone(&store));
}

#[test]
fn leftovers_that_cannot_be_removed_keep_the_pod() {
    let (_dir, store) = store();
    store.create(pod("web")).unwrap();
    let stuck = Fake {
        stuck: true,
        ..Fake::default()
    };
    let error = delete_by(&store, &stuck, &Ear::default(), &web()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "error killing pod: device or resource busy"
    );
    let marked = store.get("default", "web").unwrap();
    assert!(marked.metadata.deletion_timestamp.is_some());
    delete_by(&store, &Fake::default(), &Ear::default(), &web()).unwrap();
    assert!(gone(&store));
}

/// A process that holds the lock of `uid`: a child of ours that waits for the end of its standard input.
fn holder(store: &Store, root: &std::path::Path, uid: &str) -> std::process::Child {
    use std::io::Read;
    let script = super::child::script(&format!("hold:{uid}"), root);
    let mut child = std::process::Command::new("sh")
        .args(["-c", &script])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut ready = [0; 6];
    child
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut ready)
        .unwrap();
    assert_eq!(&ready, b"ready\n");
    assert_eq!(store.process(uid).unwrap().pid(), Some(child.id()));
    child
}

pub fn unreachable() -> CallError {
    CallError::Unreachable {
        path: "x.sock".into(),
        error: io::ErrorKind::ConnectionRefused.into(),
    }
}

#[test]
fn one_that_cannot_be_spoken_to_is_sent_a_signal() {
    use std::os::unix::process::ExitStatusExt;
    let (dir, store) = store();
    let made = store.create(pod("web")).unwrap();
    let mut child = holder(&store, dir.path(), uid(&made));
    let ear = Ear {
        answer: Some(unreachable),
        ..Ear::default()
    };
    let deleted = delete_by(&store, &Fake::default(), &ear, &web()).unwrap();
    assert!(matches!(deleted, Deleted::Stopping { .. }));
    assert_eq!(child.wait().unwrap().signal(), Some(15));
}

#[test]
fn by_force_a_deaf_process_is_killed_and_nothing_stays() {
    use std::os::unix::process::ExitStatusExt;
    let (dir, store) = store();
    let made = store.create(pod("web")).unwrap();
    let mut child = holder(&store, dir.path(), uid(&made));
    let ear = Ear {
        answer: Some(|| CallError::Silent),
        ..Ear::default()
    };
    let error = delete_by(&store, &Fake::default(), &ear, &web()).unwrap_err();
    assert_eq!(
        error.reason(),
        "InternalError",
        "without force the one who asked is told"
    );
    let by_force = Deletion {
        grace: Some(0),
        force: true,
        ..web()
    };
    let deleted = delete_by(&store, &Fake::default(), &ear, &by_force).unwrap();
    assert_eq!(deleted, Deleted::Gone);
    assert_eq!(child.wait().unwrap().signal(), Some(9));
    assert!(gone(&store));
    assert_eq!(
        std::fs::read_dir(store.layout().running()).unwrap().count(),
        0
    );
}

/// A delete failed when the process was killed while it was told.
#[test]
fn one_that_dies_while_it_is_told_is_deleted_all_the_same() {
    static VICTIM: AtomicI32 = AtomicI32::new(0);
    let (dir, store) = store();
    let made = store.create(pod("web")).unwrap();
    let mut child = holder(&store, dir.path(), uid(&made));
    VICTIM.store(child.id().cast_signed(), Ordering::SeqCst);
    let ear = Ear {
        answer: Some(|| {
            let victim = Pid::from_raw(VICTIM.load(Ordering::SeqCst));
            kill(victim, Signal::SIGKILL).unwrap();
            CallError::Lost("connection reset".to_owned())
        }),
        ..Ear::default()
    };
    let colour = |pod: &mut v1::Pod| {
        pod.metadata
            .labels
            .get_or_insert_default()
            .insert("colour".to_owned(), "red".to_owned());
        Ok(())
    };
    let update = || update_by(&store, &ear, "default", "web", colour);
    assert_eq!(update().unwrap().1, Applied::Configured);
    child.wait().unwrap();
    let mut child = holder(&store, dir.path(), uid(&made));
    VICTIM.store(child.id().cast_signed(), Ordering::SeqCst);
    let deleted = delete_by(&store, &Fake::default(), &ear, &web()).unwrap();
    assert_eq!(deleted, Deleted::Gone);
    child.wait().unwrap();
    assert!(gone(&store));
}

#[test]
fn by_force_even_what_cannot_be_understood_goes() {
    let (_dir, store) = store();
    store.create(pod("web")).unwrap();
    let file = store.layout().objects().join("pods/default/web.json");
    std::fs::write(&file, "{").unwrap();
    let delete = |force| {
        let wish = Deletion { force, ..web() };
        delete_by(&store, &Fake::default(), &Ear::default(), &wish)
    };
    assert!(matches!(delete(false), Err(StoreError::Corrupt { .. })));
    assert_eq!(delete(true).unwrap(), Deleted::Gone);
    assert!(!file.exists());
}

#[test]
fn a_full_disk_does_not_keep_what_is_on_it() {
    let (dir, store) = store();
    let made = store.create(pod("web")).unwrap();
    let (machinery, ear) = (Fake::default(), Ear::default());
    let lock = born(&store, uid(&made));
    step::fill(&dir.path().join("data"), true);
    let error = delete_by(&store, &machinery, &ear, &web()).unwrap_err();
    assert!(
        error.to_string().contains("No space left on device"),
        "{error}"
    );
    killed(lock);
    assert_eq!(
        delete_by(&store, &machinery, &ear, &web()).unwrap(),
        Deleted::Gone
    );
    step::fill(&dir.path().join("data"), false);
    assert!(gone(&store));
    assert_eq!(*machinery.erased.lock().unwrap(), [uid(&made)]);
}

#[test]
fn a_running_pod_hears_of_its_change() {
    let (_dir, store) = store();
    let made = store.create(pod("web")).unwrap();
    let ear = Ear::default();
    let deadline = |secs| {
        let change = move |pod: &mut v1::Pod| {
            pod.spec.as_mut().unwrap().active_deadline_seconds = Some(secs);
            Ok(())
        };
        update_by(&store, &ear, "default", "web", change).unwrap();
    };
    deadline(1);
    assert!(ear.heard.lock().unwrap().is_empty(), "nobody is there");
    let _lock = born(&store, uid(&made));
    deadline(1);
    assert!(ear.heard.lock().unwrap().is_empty(), "nothing has changed");
    deadline(2);
    assert_eq!(
        *ear.heard.lock().unwrap(),
        [format!("update {} 3", uid(&made))]
    );
}

/// A pod ran on for ever when the delete that had marked it was killed before it told the process.
#[test]
fn a_process_that_was_not_told_of_its_deletion_is_reminded_by_who_reads() {
    use std::os::unix::process::ExitStatusExt;
    let (dir, store) = store();
    let made = store.create(pod("web")).unwrap();
    let mut child = holder(&store, dir.path(), uid(&made));
    store.begin_delete("default", "web", None, Some(1)).unwrap();
    // As if it had been a while ago.
    let file = store.layout().objects().join("pods/default/web.json");
    let mut marked = store.stored("default", "web").unwrap();
    let time = &mut marked.metadata.deletion_timestamp.as_mut().unwrap().0;
    *time = time
        .saturating_sub(k8s_openapi::jiff::SignedDuration::from_secs(5))
        .unwrap();
    std::fs::write(&file, serde_json::to_vec(&marked).unwrap()).unwrap();
    let seen = list(&store, &Fake::default(), None).unwrap();
    assert!(seen[0].process.pid().is_some());
    assert_eq!(child.wait().unwrap().signal(), Some(15));
    assert!(list(&store, &Fake::default(), None).unwrap().is_empty());
}
