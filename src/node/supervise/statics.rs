//! The pods of the manifests' directory.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1;

use super::super::error::StoreError;
use super::super::manifests::{self, Found, Manifests};
use super::super::{Deletion, Sight};
use super::{Note, Supervisor, key, name, wall};

/// The manifests are looked at this often even if nothing tells that they changed (kubelet `fileCheckFrequency`): the
/// directory may be on a disk of another machine.
const LOOK_AGAIN: Duration = Duration::from_secs(20);

/// The directory of manifests and what was found in it.
pub(super) struct Directory {
    pub manifests: Manifests,
    found: Found,
    pub look_at: Instant,
    /// Of which static pods it was told that they cannot be made, and why.
    told: HashMap<(String, String), String>,
}

impl Directory {
    pub fn new(manifests: Manifests) -> Directory {
        Directory {
            manifests,
            found: Found::default(),
            look_at: Instant::now(),
            told: HashMap::new(),
        }
    }
}

impl Supervisor {
    pub(super) fn look_now(&mut self) {
        if let Some(directory) = &mut self.manifests {
            directory.look_at = Instant::now();
        }
    }

    pub(super) fn look_at_manifests(&mut self) {
        let Some(directory) = &mut self.manifests else {
            return;
        };
        let now = Instant::now();
        if now < directory.look_at {
            return;
        }
        directory.look_at = now + LOOK_AGAIN;
        let mut found = directory.manifests.look(wall());
        for problem in std::mem::take(&mut found.problems) {
            (self.tell)(&Note::Manifest(problem));
        }
        directory.found = found;
    }

    /// Makes the stored static pods those of the directory.
    pub(super) fn settle_statics(&mut self, sights: &[Sight]) {
        let Some(directory) = &mut self.manifests else {
            return;
        };
        let mut there = HashSet::new();
        for sight in sights {
            let pod = &sight.pod;
            let key = key(pod);
            let wanted = directory.found.pods.get(&key);
            there.insert(key);
            if !manifests::is_static(pod) || pod.metadata.deletion_timestamp.is_some() {
                continue;
            }
            let stays = match wanted {
                Some(wanted) => manifests::hash_of(wanted) == manifests::hash_of(pod),
                None => directory.found.spares(pod),
            };
            if !stays {
                (self.tell)(&Note::Deleting { pod: name(pod) });
                let wish = deletion(pod);
                if let Err(error) =
                    super::super::delete(&self.store, self.machinery.as_ref(), &wish)
                {
                    (self.tell)(&Note::Trouble(format!("pod {}: {error}", name(pod))));
                }
            }
        }
        let missing = directory
            .found
            .pods
            .iter()
            .filter(|(key, _)| !there.contains(*key));
        for (key, pod) in missing {
            match self.store.create(pod.clone()) {
                Ok(pod) => {
                    directory.told.remove(key);
                    (self.tell)(&Note::Created { pod: name(&pod) });
                }
                // Its predecessor is on its way out; the watch tells when it is gone.
                Err(StoreError::AlreadyExists { .. }) => {}
                Err(error) => {
                    let why = error.to_string();
                    if directory.told.get(key) != Some(&why) {
                        (self.tell)(&Note::Manifest(format!("pod {}: {why}", name(pod))));
                        directory.told.insert(key.clone(), why);
                    }
                }
            }
        }
    }
}

fn deletion(pod: &v1::Pod) -> Deletion {
    let (namespace, name) = key(pod);
    Deletion {
        namespace,
        name,
        uid: pod.metadata.uid.clone(),
        ..Deletion::default()
    }
}
