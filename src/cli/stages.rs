//! The order in which the objects of manifests are worked on: that of the manifests, as far as anybody can tell.
//!
//! What a pod needs (its namespace, its account, its configuration, the presets and limits that its admission looks at) is there
//! when it stands before the pod. Pods that stand one behind the other know nothing of each other, and take their time to
//! start: they are worked on together, and what came of them is told in the order of the manifests.

use std::sync::Mutex;

use super::documents::Document;
use super::fleet::{self, InOrder};
use super::locked;
use crate::spec::Kind;

/// Does the work for each document, and tells what came of it.
pub fn for_each<R: Send>(
    documents: &[Document],
    work: impl Fn(&Document) -> R + Sync,
    mut tell: impl FnMut(R) + Send,
) {
    let pods = |a: &Document, b: &Document| a.kind() == Kind::Pod && b.kind() == Kind::Pod;
    for stage in documents.chunk_by(pods) {
        let told = Mutex::new(InOrder::new(&mut tell));
        fleet::together(&by_object(stage), |documents| {
            for (place, document) in documents {
                let result = work(document);
                locked(&told).done(*place, result);
            }
        });
    }
}

/// What is said of one object several times is done in the order in which it was said. Each document with its place.
fn by_object(documents: &[Document]) -> Vec<Vec<(usize, &Document)>> {
    let mut places = std::collections::HashMap::new();
    let mut groups: Vec<Vec<(usize, &Document)>> = Vec::new();
    for document in documents.iter().enumerate() {
        let (
            _,
            Document {
                name, namespace, ..
            },
        ) = document;
        let name = (!name.is_empty()).then_some(name);
        // One without a name is another one each time.
        let Some(name) = name else {
            groups.push(vec![document]);
            continue;
        };
        let place = *places.entry((namespace, name)).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.push(document),
            None => groups.push(vec![document]),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::spec::Object;

    fn document(kind: Kind, name: &str, at: usize) -> Document {
        let value =
            json!({"metadata": {"name": name, "generation": at}, "spec": {"containers": []}});
        Document {
            namespace: "default".to_owned(),
            name: name.to_owned(),
            source: at.to_string(),
            object: Object::from_value(kind, value.clone()).unwrap(),
            base: "/".into(),
            written: value,
        }
    }

    #[test]
    fn objects_keep_their_place_among_pods() {
        let documents = [
            document(Kind::ConfigMap, "a", 0),
            document(Kind::Pod, "a", 1),
            document(Kind::Pod, "b", 2),
            document(Kind::Pod, "a", 3),
            document(Kind::Secret, "a", 4),
            document(Kind::Pod, "c", 5),
        ];
        let (seen, mut told) = (Mutex::new(Vec::new()), Vec::new());
        let work = |document: &Document| {
            seen.lock().unwrap().push(document.source.clone());
            document.source.clone()
        };
        for_each(&documents, work, |source| told.push(source));
        assert_eq!(told, ["0", "1", "2", "3", "4", "5"]);
        let seen = seen.into_inner().unwrap();
        let place = |at: usize| seen.iter().position(|one| *one == at.to_string()).unwrap();
        assert_eq!(seen.len(), documents.len());
        assert_eq!((place(0), place(4), place(5)), (0, 4, 5));
        assert!(place(1) < place(3), "{seen:?}");
    }

    #[test]
    fn those_without_a_name_are_each_their_own() {
        let documents = [document(Kind::Pod, "", 0), document(Kind::Pod, "", 1)];
        assert_eq!(by_object(&documents).len(), 2);
    }
}
