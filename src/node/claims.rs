//! What a PersistentVolumeClaim is bound to: a directory of this machine, made when a pod first needs it and kept until the
//! claim is deleted.
//!
//! A claim that a pod names is not removed before that pod is (`pkg/controller/volume/pvcprotection`). Its order: the mark,
//! the directory, the object; whoever is interrupted leaves a claim that is still to be deleted, and whoever comes by next
//! goes on.

use std::os::fd::AsFd;
use std::path::PathBuf;

use k8s_openapi::api::core::v1;
use nix::sys::stat::{Mode, fchmod};

use super::Store;
use super::clear::remove_tree;
use super::disk::Folder;
use super::error::{StoreError, doing};
use super::kind::BOUND;
use super::namespaces::DEFAULT;
use super::objects::Objects;
use super::writers::{Turn, now};
use crate::spec;
use crate::spec::admission::limit_range;

type Claim = v1::PersistentVolumeClaim;

/// Why a pod cannot have the directory of a claim
/// (`pkg/kubelet/volumemanager/populator/desired_state_of_world_populator.go`, `getPVCExtractPV`).
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    #[error(
        "error processing PVC {namespace}/{name}: failed to fetch PVC from API server: {source}"
    )]
    Missing {
        namespace: String,
        name: String,
        source: StoreError,
    },
    #[error("error processing PVC {namespace}/{name}: PVC is being deleted")]
    Deleted { namespace: String, name: String },
    /// Somebody else has removed it.
    #[error("path {path:?} does not exist")]
    Lost { path: PathBuf },
}

impl Store {
    fn claims(&self) -> Objects<Claim> {
        self.objects()
    }

    /// Whether the limit ranges of its namespace allow a claim of this size.
    pub(super) fn check_limits(&self, claim: &Claim) -> Result<(), StoreError> {
        let meta = &claim.metadata;
        let namespace = meta.namespace.as_deref().unwrap_or(DEFAULT);
        let mut ranges = self.objects::<v1::LimitRange>().list(Some(namespace))?;
        ranges.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
        limit_range::check_claim(claim, &ranges).map_err(|message| StoreError::Forbidden {
            kind: spec::Kind::PersistentVolumeClaim.qualified_plural(),
            name: meta.name.clone().unwrap_or_default(),
            message,
        })
    }

    /// The directory of a claim, which is bound to it now if it was not yet.
    ///
    /// # Errors
    /// There is no such claim, or it may not be used.
    pub fn bind_claim(&self, namespace: &str, name: &str) -> Result<PathBuf, ClaimError> {
        let missing = |source| ClaimError::Missing {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            source,
        };
        let claims = self.claims();
        let mut claim = claims.get(namespace, name).map_err(missing)?;
        if !is_bound(&claim) && claim.metadata.deletion_timestamp.is_none() {
            let bind = |claim: &mut Claim| self.bind(claim);
            claim = claims.update(namespace, name, bind).map_err(missing)?.0;
        }
        if claim.metadata.deletion_timestamp.is_some() {
            return Err(ClaimError::Deleted {
                namespace: namespace.to_owned(),
                name: name.to_owned(),
            });
        }
        let path = self.claim_path(&claim);
        if path.symlink_metadata().is_ok_and(|found| found.is_dir()) {
            Ok(path)
        } else {
            Err(ClaimError::Lost { path })
        }
    }

    fn claim_path(&self, claim: &Claim) -> PathBuf {
        let uid = claim.metadata.uid.as_deref().unwrap_or_default();
        self.layout().claims().join(uid)
    }

    /// The directory first: a claim that says it is bound has one. The caller has the lock of all writers.
    fn bind(&self, claim: &mut Claim) -> Result<(), StoreError> {
        if claim.metadata.deletion_timestamp.is_some() || is_bound(claim) {
            return Ok(());
        }
        let uid = claim.metadata.uid.as_deref().unwrap_or_default();
        let make = || -> std::io::Result<()> {
            let folder = Folder::make(&self.layout().claims())?.make_sub(uid)?;
            // As an emptyDir's: whoever a container runs as has to be able to write. Above it only the owner may pass.
            Ok(fchmod(folder.as_fd(), Mode::from_bits_truncate(0o777))?)
        };
        make().map_err(doing("make", &self.claim_path(claim)))?;
        let volume = format!("pvc-{uid}");
        claim.spec.get_or_insert_default().volume_name = Some(volume);
        let annotations = claim.metadata.annotations.get_or_insert_default();
        annotations.insert(BOUND.to_owned(), "yes".to_owned());
        Ok(())
    }

    /// Marks a claim for deletion. A mark is never taken back.
    pub(super) fn mark_claim(
        &self,
        namespace: &str,
        name: &str,
        uid: &str,
    ) -> Result<(), StoreError> {
        let mark = |claim: &mut Claim| {
            // Another one has the name by now: that one was not meant.
            if claim.metadata.uid.as_deref() == Some(uid) {
                claim.metadata.deletion_timestamp.get_or_insert_with(now);
                claim.metadata.deletion_grace_period_seconds = Some(0);
            }
            Ok(())
        };
        self.claims().update(namespace, name, mark).map(|_| ())
    }

    /// Removes a claim that is to go and its directory, if no pod names it any more. Whether it is gone.
    pub(super) fn finish_claim(
        &self,
        turn: Turn,
        namespace: &str,
        name: &str,
    ) -> Result<bool, StoreError> {
        let Some(claim) = self.claims().find(namespace, name)? else {
            return Ok(true);
        };
        if claim.metadata.deletion_timestamp.is_none() || self.is_claimed(namespace, name)? {
            return Ok(false);
        }
        // Nobody can have it any more: a claim with a mark is not given out.
        let path = self.claim_path(&claim);
        remove_tree(&path).map_err(doing("remove", &path))?;
        let uid = claim.metadata.uid.as_deref().unwrap_or_default();
        self.claims().remove_in(turn, namespace, name, uid)
    }

    /// The same for one that could not be marked, because there is no room left on the disk to write it. It is not given
    /// out meanwhile.
    pub(super) fn remove_unmarked_claim(
        &self,
        namespace: &str,
        name: &str,
        uid: &str,
    ) -> Result<bool, StoreError> {
        self.claims()
            .remove_if(Turn::Await, namespace, name, uid, |claim| {
                if self.is_claimed(namespace, name)? {
                    return Ok(false);
                }
                let path = self.claim_path(claim);
                remove_tree(&path).map_err(doing("remove", &path))?;
                Ok(true)
            })
    }

    /// Whether a pod names the claim, running or not.
    pub(super) fn is_claimed(&self, namespace: &str, name: &str) -> Result<bool, StoreError> {
        let pods = self.stored_all(Some(namespace))?;
        Ok(pods.iter().any(|pod| names_claim(pod, name)))
    }

    pub(super) fn settle_claims(&self, turn: Turn, namespace: &str) {
        let settle = || -> Result<(), StoreError> {
            for claim in self.claims().list(Some(namespace))? {
                if claim.metadata.deletion_timestamp.is_some() {
                    let name = claim.metadata.name.as_deref().unwrap_or_default();
                    self.finish_claim(turn, namespace, name)?;
                }
            }
            Ok(())
        };
        if let Err(error) = settle() {
            tracing::warn!("a claim of namespace {namespace} is not removed: {error}");
        }
    }
}

fn is_bound(claim: &Claim) -> bool {
    let volume = claim
        .spec
        .as_ref()
        .and_then(|spec| spec.volume_name.as_deref());
    volume.is_some_and(|volume| !volume.is_empty())
}

fn names_claim(pod: &v1::Pod, name: &str) -> bool {
    let volumes = pod
        .spec
        .iter()
        .flat_map(|spec| spec.volumes.iter().flatten());
    let mut claims = volumes.filter_map(|volume| volume.persistent_volume_claim.as_ref());
    claims.any(|claim| claim.claim_name == name)
}
