//! Admission of pods on their way into the store: what the objects of their namespace make of them, in the API server's order.
//! The rules are [`crate::spec::admission`]'s; here is where the objects come from.

use k8s_openapi::api::core::v1;

use super::error::{StoreError, doing};
use super::record::note_after_death;
use super::writers::micros;
use super::{Placement, Process, Store};
use crate::lifecycle::{Event, EventKind, Time};
use crate::spec::admission::{
    self, Account, Admitted, Note, Refusal, Surroundings, limit_range, preset, service_account,
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
    let namespace = pod.metadata.namespace.as_deref().unwrap_or("default");
    store.require_namespace(Kind::Pod, &name_of(&pod), namespace)?;
    let mut found = Found::of(store, &pod)?;
    let account = (found.account.take(), chance());
    found.admit(pod, Some(account), validate)
}

/// Puts into a pod that is to take the place of `live` again what was put into that one when it was created, as far as it is
/// still there to be put in: most of a pod cannot be changed, so without it nothing could. What has come since is for new pods.
///
/// # Errors
/// As [`admit`].
pub fn admit_like(store: &Store, live: &v1::Pod, mut pod: v1::Pod) -> Result<Admitted, StoreError> {
    let had = |key: &str| {
        let annotations = live.metadata.annotations.as_ref();
        annotations.is_some_and(|annotations| annotations.contains_key(key))
    };
    let volumes = live
        .spec
        .iter()
        .flat_map(|spec| spec.volumes.iter().flatten());
    let mut names = volumes.into_iter().map(|volume| volume.name.as_str());
    let chance = names.find_map(service_account::chance_of);
    let spec = pod.spec.get_or_insert_default();
    if chance.is_none() && spec.automount_service_account_token.is_none() {
        // There is no token in it, and there will be none.
        let live = live.spec.as_ref();
        spec.service_account = live.and_then(|live| live.service_account.clone());
        spec.service_account_name = live.and_then(|live| live.service_account_name.clone());
    }
    let mut found = Found::of(store, &pod)?;
    found.presets.retain(|preset| {
        let name = preset.metadata.name.as_deref().unwrap_or_default();
        had(&format!("{}{name}", preset::MERGED))
    });
    if !had(limit_range::ANNOTATION) {
        found.limits.clear();
    }
    let account = chance.map(|chance| (found.account.take(), chance));
    let (mut admitted, _) = found.admit(pod, account, Validate::Ignore)?;
    // What they were then is what is in the pod.
    let before = live.metadata.annotations.iter().flatten();
    for (key, version) in before.filter(|(key, _)| key.starts_with(preset::MERGED)) {
        let annotations = admitted.pod.metadata.annotations.as_mut();
        if let Some(now) = annotations.and_then(|annotations| annotations.get_mut(key)) {
            now.clone_from(version);
        }
    }
    Ok(admitted)
}

/// What was found around a pod.
struct Found {
    account: Option<v1::ServiceAccount>,
    presets: Vec<PodPreset>,
    limits: Vec<v1::LimitRange>,
}

impl Found {
    fn of(store: &Store, pod: &v1::Pod) -> Result<Found, StoreError> {
        let namespace = pod.metadata.namespace.as_deref().unwrap_or("default");
        let name = service_account::account_of(pod);
        let account = match store.objects::<v1::ServiceAccount>().get(namespace, name) {
            Ok(account) => Some(account),
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(error),
        };
        let mut presets = store.objects::<PodPreset>().list(Some(namespace))?;
        presets.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
        let mut limits = store.objects::<v1::LimitRange>().list(Some(namespace))?;
        limits.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
        Ok(Found {
            account,
            presets,
            limits,
        })
    }

    /// The account may be no matter; else it comes with the chance that names a volume.
    fn admit(
        &self,
        pod: v1::Pod,
        account: Option<(Option<v1::ServiceAccount>, [u8; 5])>,
        validate: Validate,
    ) -> Result<(Admitted, Vec<Complaint>), StoreError> {
        let name = name_of(&pod);
        let surroundings = Surroundings {
            account: account.as_ref().map(|(object, chance)| Account {
                object: object.as_ref(),
                chance: *chance,
            }),
            presets: &self.presets,
            limits: &self.limits,
        };
        admission::admit(pod, &surroundings, validate).map_err(|refusal| match refusal {
            Refusal::Forbidden(message) => StoreError::Forbidden {
                kind: Kind::Pod.qualified_plural(),
                name,
                message,
            },
            Refusal::Invalid(complaints) => StoreError::Invalid {
                kind: "Pod",
                name,
                message: complaints.causes(),
            },
        })
    }
}

/// As messages name a pod that may not have its name yet.
fn name_of(pod: &v1::Pod) -> String {
    let meta = &pod.metadata;
    let name = meta.name.as_deref().filter(|name| !name.is_empty());
    let name = name.or(meta.generate_name.as_deref());
    name.unwrap_or_default().to_owned()
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
