//! What makes a pod a static one.

use std::path::Path;

use k8s_openapi::api::core::v1;
use k8s_openapi::jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::spec::annotation::MANIFEST;
use crate::spec::{self, LoadedPod};

const HASH: &str = "kubernetes.io/config.hash";
const MIRROR: &str = "kubernetes.io/config.mirror";
const SEEN: &str = "kubernetes.io/config.seen";
const SOURCE: &str = "kubernetes.io/config.source";

/// The pod that a file makes on the machine `node`.
pub(super) fn of_file(loaded: LoadedPod, file: &Path, node: &str, now: Timestamp) -> v1::Pod {
    let LoadedPod {
        mut object, base, ..
    } = loaded;
    spec::anchor(&mut object, &base);
    object.status = None;
    let hash = hash(&object, file, node);
    let metadata = &mut object.metadata;
    let name = metadata.name.clone().unwrap_or_default();
    metadata.name = Some(format!("{name}-{}", node.to_lowercase()));
    metadata
        .namespace
        .get_or_insert_with(|| "default".to_owned());
    metadata.uid.get_or_insert_with(|| hash.clone());
    let annotations = metadata.annotations.get_or_insert_default();
    for (key, value) in [
        (HASH, hash.clone()),
        (MIRROR, hash),
        (SEEN, format!("{now:.9}")),
        (SOURCE, "file".to_owned()),
        (MANIFEST, file.display().to_string()),
    ] {
        annotations.insert(key.to_owned(), value);
    }
    if let Some(spec) = &mut object.spec {
        spec.node_name = Some(node.to_owned());
        tolerate_everything(spec);
    }
    object
}

/// As long as an MD5, which kubelets take.
fn hash(object: &v1::Pod, file: &Path, node: &str) -> String {
    let mut digest = Sha256::new();
    digest.update(format!("host:{node}file:{}", file.display()));
    // An object that was read from text can be written as text.
    digest.update(serde_json::to_vec(object).unwrap_or_default());
    let digest = digest.finalize();
    digest[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// So that trouble with the machine does not evict it.
fn tolerate_everything(spec: &mut v1::PodSpec) {
    let toleration = v1::Toleration {
        operator: Some("Exists".to_owned()),
        effect: Some("NoExecute".to_owned()),
        ..Default::default()
    };
    let tolerations = spec.tolerations.get_or_insert_default();
    if !tolerations.contains(&toleration) {
        tolerations.push(toleration);
    }
}

fn annotation<'p>(pod: &'p v1::Pod, key: &str) -> Option<&'p str> {
    let annotations = pod.metadata.annotations.as_ref()?;
    annotations.get(key).map(String::as_str)
}

pub fn is_static(pod: &v1::Pod) -> bool {
    annotation(pod, SOURCE) == Some("file")
}

/// Tells what was written in the file.
pub fn hash_of(pod: &v1::Pod) -> Option<&str> {
    annotation(pod, HASH)
}

pub(super) fn file_of(pod: &v1::Pod) -> Option<&Path> {
    annotation(pod, MANIFEST).map(Path::new)
}
