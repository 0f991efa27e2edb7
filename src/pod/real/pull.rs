//! Making the code of an image present.

use super::images::{Fetched, Look};
use super::{Real, Report};
use crate::lifecycle::{ImageProblem, Input};
use crate::spec::pod::Slot;

impl Real {
    /// Code that is there already is taken at once. What has to be compiled takes its time on a thread of its own: the pod
    /// goes on meanwhile.
    pub(super) fn pull(&mut self, slot: Slot) {
        let container = &self.pod.containers[slot];
        match self.images.look(slot, container) {
            Look::Loaded(fetched) => self.fetched(slot, fetched),
            Look::Missing(fetch) => {
                let report = self.report.clone();
                let thread = std::thread::Builder::new().name(container.name.clone());
                let spawned = thread.spawn(move || {
                    let _ = report.send(Report::Fetched {
                        slot,
                        fetched: fetch.run(),
                    });
                });
                if let Err(error) = spawned {
                    self.tell(Input::ImageFailed {
                        slot,
                        reason: ImageProblem::ImageInspectError,
                        message: format!("could not start a thread: {error}"),
                    });
                }
            }
        }
    }

    pub(super) fn fetched(&mut self, slot: Slot, fetched: Fetched) {
        let input = match self.images.keep(slot, fetched) {
            Ok(image_id) => Input::ImageReady {
                slot,
                image_id,
                pulled: None,
            },
            Err((reason, message)) => Input::ImageFailed {
                slot,
                reason,
                message,
            },
        };
        self.tell(input);
    }
}
