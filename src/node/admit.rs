//! Admission of pods on their way into the store: what the objects of their namespace make of them, in the API server's order.
//! The rules are [`crate::spec::admission`]'s; here is where the objects come from.

use std::cell::LazyCell;

use k8s_openapi::api::core::v1;

use super::error::{StoreError, doing};
use super::record::note_after_death;
use super::writers::micros;
use super::{Placement, Process, Store};
use crate::lifecycle::{Event, EventKind, Time};
use crate::spec::admission::{
    self, Account, Admitted, Note, Refusal, Surroundings, service_account,
};
use crate::spec::{Complaint, Kind, PodPreset, Validate};

/// Admits a pod that is to be stored: its namespace is there, it has an account, the presets and limit ranges of its namespace
/// are in it. It has its defaults and is valid. What cannot be honoured of what they add is refused, or comes back as a
/// warning, as `validate` says.
///
/// The notes are for [`note_event`] once the pod is stored.
///
/// # Errors
/// `NotFound` (the namespace), `Forbidden`, `Invalid`, or the machine's.
pub fn admit(
    store: &Store,
    pod: v1::Pod,
    validate: Validate,
) -> Result<(Admitted, Vec<Complaint>), StoreError> {
    admit_by(store, pod, chance(), validate)
}

/// The same for a pod that is to take the place of `live`: what is chosen by chance is chosen as it was then.
///
/// # Errors
/// As there.
pub fn admit_like(
    store: &Store,
    live: &v1::Pod,
    pod: v1::Pod,
    validate: Validate,
) -> Result<(Admitted, Vec<Complaint>), StoreError> {
    let volumes = live
        .spec
        .iter()
        .flat_map(|spec| spec.volumes.iter().flatten());
    let mut names = volumes.into_iter().map(|volume| volume.name.as_str());
    let chance = names.find_map(service_account::chance_of);
    admit_by(store, pod, chance.unwrap_or_else(self::chance), validate)
}

fn admit_by(
    store: &Store,
    pod: v1::Pod,
    chance: [u8; 5],
    validate: Validate,
) -> Result<(Admitted, Vec<Complaint>), StoreError> {
    let namespace = pod.metadata.namespace.clone();
    let namespace = namespace.as_deref().unwrap_or("default");
    let name = LazyCell::new({
        let meta = &pod.metadata;
        let name = meta.name.clone().filter(|name| !name.is_empty());
        let name = name.or_else(|| meta.generate_name.clone());
        move || name.unwrap_or_default()
    });
    store.require_namespace(Kind::Pod, &name, namespace)?;
    let account = service_account::account_of(&pod);
    let account = match store
        .objects::<v1::ServiceAccount>()
        .get(namespace, account)
    {
        Ok(account) => Some(account),
        Err(error) if error.is_not_found() => None,
        Err(error) => return Err(error),
    };
    let mut presets = store.objects::<PodPreset>().list(Some(namespace))?;
    presets.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
    let mut limits = store.objects::<v1::LimitRange>().list(Some(namespace))?;
    limits.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
    let surroundings = Surroundings {
        account: Some(Account {
            object: account.as_ref(),
            chance,
        }),
        presets: &presets,
        limits: &limits,
    };
    admission::admit(pod, &surroundings, validate).map_err(|refusal| match refusal {
        Refusal::Forbidden(message) => StoreError::Forbidden {
            kind: Kind::Pod.qualified_plural(),
            name: name.clone(),
            message,
        },
        Refusal::Invalid(complaints) => StoreError::Invalid {
            kind: "Pod",
            name: name.clone(),
            message: complaints.causes(),
        },
    })
}

/// A pod that was admitted, and stored.
#[derive(Clone, Debug)]
pub struct Created {
    pub pod: v1::Pod,
    /// Only one that is [`Placement::Here`] is to be launched.
    pub placement: Placement,
    /// What of it will not be honoured.
    pub warnings: Vec<Complaint>,
}

/// Admits a pod, stores it, placed if it fits, and notes what was to be said of it.
///
/// # Errors
/// As [`admit`] and [`Store::create_placed`].
pub fn create_pod(store: &Store, pod: v1::Pod, validate: Validate) -> Result<Created, StoreError> {
    let (admitted, warnings) = admit(store, pod, validate)?;
    let (pod, placement) = store.create_placed(admitted.pod)?;
    for note in &admitted.notes {
        if let Err(error) = note_event(store, &pod, note) {
            let name = pod.metadata.name.as_deref().unwrap_or_default();
            tracing::warn!("an event of pod {name:?} is lost: {error}");
        }
    }
    Ok(Created {
        pod,
        placement,
        warnings,
    })
}

/// The last bytes of such a uuid are all chance.
fn chance() -> [u8; 5] {
    let bytes = uuid::Uuid::new_v4().into_bytes();
    [bytes[11], bytes[12], bytes[13], bytes[14], bytes[15]]
}

/// Adds to the events of a stored pod what was to be said before it has a process. One that has a process speaks for itself.
///
/// # Errors
/// The machine's.
pub fn note_event(store: &Store, pod: &v1::Pod, note: &Note) -> Result<(), StoreError> {
    let uid = pod.metadata.uid.as_deref().unwrap_or_default();
    if let Process::Living { .. } = store.process(uid)? {
        return Ok(());
    }
    let event = Event {
        kind: EventKind::Warning,
        reason: note.reason,
        message: note.message.clone().into(),
        slot: None,
        at: Time::from_nanos(micros().saturating_mul(1000)),
    };
    let path = store.layout().events().join(format!("{uid}.json"));
    note_after_death(store.layout(), pod, event).map_err(doing("write", &path))
}
