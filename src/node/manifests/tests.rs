use std::fs;
use std::path::Path;

use k8s_openapi::jiff::Timestamp;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tempfile::TempDir;

use super::*;

fn manifests() -> (TempDir, Manifests) {
    let dir = tempfile::tempdir().unwrap();
    let manifests = Manifests::new(dir.path().to_owned(), "Node1".to_owned()).unwrap();
    (dir, manifests)
}

fn look(manifests: &mut Manifests) -> Found {
    manifests.look(Timestamp::from_second(1_769_860_800).unwrap())
}

fn write(dir: &Path, file: &str, name: &str, image: &str) {
    let text = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n  containers: [{{name: app, image: {image}}}]\n"
    );
    fs::write(dir.join(file), text).unwrap();
}

fn names(found: &Found) -> Vec<&str> {
    found.pods.keys().map(|(_, name)| name.as_str()).collect()
}

fn changed(manifests: &Manifests) -> bool {
    let mut fds = [PollFd::new(manifests.fd(), PollFlags::POLLIN)];
    poll(&mut fds, PollTimeout::ZERO).unwrap() > 0
}

#[test]
fn a_file_becomes_a_pod_of_this_machine() {
    let (dir, mut manifests) = manifests();
    write(dir.path(), "web", "web", "./app.wasm");
    let found = look(&mut manifests);
    let pod = &found.pods[&("default".to_owned(), "web-node1".to_owned())];
    let annotations = pod.metadata.annotations.as_ref().unwrap();
    let uid = pod.metadata.uid.as_deref().unwrap();
    assert_eq!((uid.len(), hash_of(pod)), (32, Some(uid)));
    assert_eq!(annotations["kubernetes.io/config.source"], "file");
    assert_eq!(annotations["kubernetes.io/config.mirror"], uid);
    assert_eq!(
        annotations["kubernetes.io/config.seen"],
        "2026-01-31T12:00:00.000000000Z"
    );
    let spec = pod.spec.as_ref().unwrap();
    assert_eq!(spec.node_name.as_deref(), Some("Node1"));
    let toleration = &spec.tolerations.as_ref().unwrap()[0];
    assert_eq!(toleration.effect.as_deref(), Some("NoExecute"));
    let image = spec.containers[0].image.as_deref().map(Path::new);
    assert_eq!(image, Some(dir.path().join("app.wasm").as_path()));
}

#[test]
fn a_uid_that_is_written_stays() {
    let (dir, mut manifests) = manifests();
    let text = "{apiVersion: v1, kind: Pod, metadata: {name: a, uid: abc, namespace: other},\
                spec: {containers: [{name: app, image: wasmpod/toolbox}]}}";
    fs::write(dir.path().join("a"), text).unwrap();
    let found = look(&mut manifests);
    let pod = &found.pods[&("other".to_owned(), "a-node1".to_owned())];
    assert_eq!(pod.metadata.uid.as_deref(), Some("abc"));
    assert_ne!(hash_of(pod), Some("abc"));
}

#[test]
fn the_same_text_is_the_same_pod_and_another_text_another() {
    let (dir, mut manifests) = manifests();
    let uid = |manifests: &mut Manifests| {
        let found = look(manifests);
        found.pods.values().next().unwrap().metadata.uid.clone()
    };
    write(dir.path(), "web", "web", "wasmpod/toolbox");
    let first = uid(&mut manifests);
    // Written again, and read by another process.
    write(dir.path(), "web", "web", "wasmpod/toolbox");
    assert_eq!(uid(&mut manifests), first);
    let mut another = Manifests::new(dir.path().to_owned(), "Node1".to_owned()).unwrap();
    assert_eq!(uid(&mut another), first);
    write(dir.path(), "web", "web", "a.wasm");
    assert_ne!(uid(&mut manifests), first);
}

#[test]
fn changes_are_told() {
    let (dir, mut manifests) = manifests();
    assert!(names(&look(&mut manifests)).is_empty());
    assert!(!changed(&manifests));
    write(dir.path(), "b", "b", "wasmpod/toolbox");
    assert!(changed(&manifests));
    assert_eq!(names(&look(&mut manifests)), ["b-node1"]);
    assert!(!changed(&manifests));
    fs::rename(dir.path().join("b"), dir.path().join(".b")).unwrap();
    assert!(changed(&manifests));
    assert!(names(&look(&mut manifests)).is_empty());
}

#[test]
fn a_file_that_is_no_pod_keeps_the_pod_it_was_and_is_told_once() {
    let (dir, mut manifests) = manifests();
    write(dir.path(), "web", "web", "wasmpod/toolbox");
    let pod = look(&mut manifests).pods.into_values().next().unwrap();
    fs::write(dir.path().join("web"), "kind: Pod\nspec: [").unwrap();
    let found = look(&mut manifests);
    assert!(found.pods.is_empty() && found.spares(&pod));
    assert_eq!(found.problems.len(), 1);
    assert!(found.problems[0].contains("web"), "{:?}", found.problems);
    assert!(look(&mut manifests).problems.is_empty());
    // As an editor leaves it for a moment.
    fs::write(dir.path().join("web"), "").unwrap();
    let found = look(&mut manifests);
    assert!(found.spares(&pod) && found.problems.is_empty());
    fs::remove_file(dir.path().join("web")).unwrap();
    assert!(!look(&mut manifests).spares(&pod));
}

#[test]
fn a_directory_that_is_not_there_tells_nothing() {
    let (dir, mut manifests) = manifests();
    write(dir.path(), "web", "web", "wasmpod/toolbox");
    let pod = look(&mut manifests).pods.into_values().next().unwrap();
    let away = dir.path().with_extension("away");
    fs::rename(dir.path(), &away).unwrap();
    assert!(changed(&manifests));
    let found = look(&mut manifests);
    assert!(found.spares(&pod));
    assert_eq!(found.problems.len(), 1);
    fs::rename(&away, dir.path()).unwrap();
    assert_eq!(names(&look(&mut manifests)), ["web-node1"]);
}

#[test]
fn what_is_no_single_pod_is_told() {
    let (dir, mut manifests) = manifests();
    write(dir.path(), "a", "web", "wasmpod/toolbox");
    write(dir.path(), "b", "web", "wasmpod/toolbox");
    fs::create_dir(dir.path().join("c")).unwrap();
    let two = fs::read_to_string(dir.path().join("a")).unwrap();
    fs::write(dir.path().join("d"), format!("{two}---\n{two}")).unwrap();
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app}\n";
    fs::write(dir.path().join("e"), format!("{two}---\n{map}")).unwrap();
    let found = look(&mut manifests);
    assert_eq!(names(&found), ["web-node1"]);
    let expected = [
        ("b", "pod \"web-node1\" is also in "),
        ("c", "not a file, so there is no manifest in it"),
        ("d", "holds 2 pods, and a static manifest holds exactly one"),
        (
            "e",
            "holds ConfigMap \"app\", and a static manifest holds a pod and nothing else",
        ),
    ];
    for (problem, (file, text)) in found.problems.iter().zip(expected) {
        assert!(problem.contains(text), "{file}: {problem}");
    }
    assert_eq!(found.problems.len(), expected.len());
}
