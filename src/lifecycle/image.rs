//! What became of a pull (`EnsureImageExists`, `pullImage`, `evalCRIPullErr`).

use super::event;
use super::life::Life;
use super::observe::{RELIST, RETRY};
use super::record::State;
use super::{ImageProblem, Pulled, Time};
use crate::spec::pod::Slot;

impl Life {
    pub(super) fn image_ready(
        &mut self,
        slot: Slot,
        image_id: String,
        pulled: Option<Pulled>,
        now: Time,
    ) {
        if self.is_outdated(slot, now) {
            return;
        }
        let image = &self.pod.containers[slot].image;
        let text = event::pulled(image.written(), pulled);
        if let Some(pulls) = self.pulls.get_mut(image.written()) {
            pulls.last_error.clear();
        }
        let record = &mut self.records[slot];
        record.image_id = image_id;
        record.image = Some(image.shown().to_owned());
        self.say(Some(slot), now, text);
        self.put(slot, State::Pulled);
    }

    /// The answer is about an image that is not wanted any more: the container begins anew with the one that is.
    fn is_outdated(&mut self, slot: Slot, now: Time) -> bool {
        let outdated = std::mem::take(&mut self.records[slot].outdated);
        if outdated {
            self.idle(slot, now);
        }
        outdated
    }

    /// The events and the waiting state of an image that is not there (`EnsureImageExists`, `pullImage`, `evalCRIPullErr`).
    pub(super) fn image_failed(
        &mut self,
        slot: Slot,
        problem: ImageProblem,
        message: String,
        now: Time,
    ) {
        if self.is_outdated(slot, now) {
            return;
        }
        let image = self.pod.containers[slot].image.written();
        let failed = |message: &str| {
            event::warning(
                "Failed",
                format!("Failed to pull image {image:?}: {message}"),
            )
        };
        let unusable = |what: &str| {
            let rest = message
                .strip_prefix(problem.as_str())
                .map_or_else(|| format!(": {message}"), str::to_owned);
            format!("image pull failed for {image} because {what}{rest}")
        };
        let (text, message) = match problem {
            ImageProblem::ErrImagePull => (failed(&message), message),
            ImageProblem::RegistryUnavailable => {
                (failed(&message), unusable("the registry is unavailable"))
            }
            ImageProblem::SignatureValidationFailed => (
                failed(&message),
                unusable("the signature validation failed"),
            ),
            ImageProblem::ErrImageNeverPull => {
                let message =
                    format!("Container image {image:?} is not present with pull policy of Never");
                (
                    event::warning("ErrImageNeverPull", message.clone()),
                    message,
                )
            }
            ImageProblem::ImageInspectError => {
                let message = format!("Failed to inspect image {image:?}: {message}");
                (event::warning("InspectFailed", message.clone()), message)
            }
            ImageProblem::InvalidImageName => {
                let message = format!("Failed to apply default image tag {image:?}: {message}");
                (event::warning("InspectFailed", message.clone()), message)
            }
        };
        self.say(Some(slot), now, text);
        self.say(Some(slot), now, event::failed(problem.as_str()));
        let pulled = matches!(
            problem,
            ImageProblem::ErrImagePull
                | ImageProblem::RegistryUnavailable
                | ImageProblem::SignatureValidationFailed
        );
        if pulled {
            let image = self.pod.containers[slot].image.written();
            let pulls = self.pulls.entry(image.to_owned()).or_default();
            pulls.backoff.next(now, now, &super::backoff::Pace::pulls());
            pulls.last_error = format!("{}: {message}", problem.as_str());
        }
        self.records[slot].set_problem(problem.as_str(), message);
        // A failed pull is looked at again at once, to find that it has to wait.
        self.idle(slot, now + if pulled { RELIST } else { RETRY });
    }
}
