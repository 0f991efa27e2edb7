//! A pod that is defined otherwise while it runs (`computePodActions`, `containerChanged`: a container has changed when its
//! name or its image has).

use std::sync::Arc;

use super::Time;
use super::backoff::Backoff;
use super::life::Life;
use super::record::{Reason, Record, State, Stopping};
use crate::spec::pod::{Container, Pod, Role, Slot};

impl Life {
    /// Takes over what a running pod can: every container's new definition in the slot it has, and new ephemeral containers.
    pub(super) fn update(&mut self, new: Arc<Pod>, now: Time) {
        let old = Arc::clone(&self.pod);
        let of_name = |container: &Container| {
            let mut same = new.containers.iter();
            same.find(|other| other.name == container.name && other.role == container.role)
        };
        let kept = old
            .containers
            .iter()
            .map(|container| of_name(container).unwrap_or(container));
        let added = new.containers.iter().filter(|container| {
            container.role == Role::Ephemeral
                && old
                    .containers
                    .iter()
                    .all(|other| other.name != container.name)
        });
        let containers: Vec<Container> = kept.chain(added).cloned().collect();
        self.records.resize_with(containers.len(), Record::default);
        self.pod = Arc::new(Pod {
            containers,
            // Where the pod lives does not change with it.
            hostname: old.hostname.clone(),
            uid: old.uid.clone(),
            ..Arc::unwrap_or_clone(new)
        });
        for slot in 0..old.containers.len() {
            if old.containers[slot].image != self.pod.containers[slot].image {
                self.redefined(slot, now);
            }
        }
    }

    /// The container has another image now. One that has run for the last time stays as it is, and so does an init
    /// container that runs: the next instance will be of the new image.
    fn redefined(&mut self, slot: Slot, now: Time) {
        let role = self.pod.containers[slot].role;
        let record = &mut self.records[slot];
        // The key of a back-off is the container with its image.
        record.crashes = Backoff::default();
        match &mut record.state {
            State::Fresh | State::Done => {}
            State::Idle { .. } | State::Pulled => self.idle(slot, now),
            State::Pulling | State::Starting => record.outdated = true,
            State::Running(running) => {
                let replaced = matches!(role, Role::App | Role::Sidecar);
                if replaced && matches!(running.stopping, Stopping::No | Stopping::Wanted(_)) {
                    running.stopping = Stopping::Wanted(Reason::Definition);
                }
                self.touched(slot);
            }
        }
    }

    /// Whether it is one of the containers the pod consists of, not one that has joined it.
    pub(super) fn is_regular(&self, slot: Slot) -> bool {
        slot < self.regular
    }
}
