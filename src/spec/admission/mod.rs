//! What an API server's admission plugins make of a pod that is being created: presets, defaults from limit ranges, and the
//! word that it may not be.
//!
//! Everything that the plugins look at is an argument ([`Surroundings`]), so that a pod that is stored and one that is only
//! run are admitted by the same rules.

pub mod limit_range;
mod origin;
pub mod preset;
pub mod service_account;
#[cfg(test)]
mod tests;

use k8s_openapi::api::core::v1;

use super::preset::PodPreset;
use super::{Complaint, Complaints, Validate, update};
use origin::Origins;

/// What there is in the pod's namespace.
#[derive(Clone, Copy, Debug, Default)]
pub struct Surroundings<'a> {
    /// None: accounts are no matter to this pod.
    pub account: Option<Account<'a>>,
    /// In order of their names.
    pub presets: &'a [PodPreset],
    /// In order of their names.
    pub limits: &'a [v1::LimitRange],
}

/// The service account of a pod.
#[derive(Clone, Copy, Debug, Default)]
pub struct Account<'a> {
    /// The one that [`service_account::account_of`] names, if it exists.
    pub object: Option<&'a v1::ServiceAccount>,
    /// Becomes the end of a volume's name.
    pub chance: [u8; 5],
}

/// A pod that may be created.
#[derive(Clone, Debug, PartialEq)]
pub struct Admitted {
    pub pod: v1::Pod,
    /// Events of the pod: what the plugins have to say of it.
    pub notes: Vec<Note>,
}

/// A warning among the pod's events, by a plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    pub reason: &'static str,
    pub message: String,
}

/// Why a pod may not be created.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// What follows `pods "web" is forbidden: `.
    #[error("{0}")]
    Forbidden(String),
    /// What the plugins made of it is not valid, or cannot be honoured.
    #[error("{0}")]
    Invalid(Complaints),
}

/// Admits a pod that is to be created. It has its defaults and is valid; so it is again afterwards, and what the plugins put
/// into it is honoured or complained of, with the object that it came from.
///
/// The order is the API server's: the service account, presets, limit ranges
/// (`pkg/kubeapiserver/options/plugins.go` `AllOrderedPlugins`). What cannot be honoured is refused, or gives back a warning, as
/// `validate` says.
///
/// # Errors
/// A plugin forbids it, or what was made of it is not valid.
pub fn admit(
    mut pod: v1::Pod,
    surroundings: &Surroundings,
    validate: Validate,
) -> Result<(Admitted, Vec<Complaint>), Refusal> {
    update::check_new(&pod).map_err(Refusal::Invalid)?;
    let mut origins = Origins::default();
    let before = pod.clone();
    if let Some(account) = &surroundings.account
        && !preset::is_mirror(&pod)
    {
        service_account::fill_in(&mut pod, account.object, account.chance)
            .map_err(Refusal::Forbidden)?;
        if pull_secrets(&pod) != pull_secrets(&before) {
            let path = "spec.imagePullSecrets".to_owned();
            origins.service_account(path, service_account::account_of(&pod));
        }
    }
    let notes: Vec<Note> = preset::merge(&mut pod, surroundings.presets, &mut origins)
        .into_iter()
        .collect();
    limit_range::fill_in(&mut pod, surroundings.limits, &mut origins);
    limit_range::check(&pod, surroundings.limits).map_err(Refusal::Forbidden)?;
    if origins.is_empty() {
        return Ok((Admitted { pod, notes }, Vec::new()));
    }
    let (pod, news) = checked_again(&before, pod, &origins)?;
    match validate {
        Validate::Strict if !news.is_empty() => Err(Refusal::Invalid(Complaints(news))),
        Validate::Strict | Validate::Ignore => Ok((Admitted { pod, notes }, Vec::new())),
        Validate::Warn => Ok((Admitted { pod, notes }, news)),
    }
}

fn pull_secrets(pod: &v1::Pod) -> &[v1::LocalObjectReference] {
    let spec = pod.spec.as_ref();
    let secrets = spec.and_then(|spec| spec.image_pull_secrets.as_deref());
    secrets.unwrap_or_default()
}

/// The pod with the defaults of what was put into it, and what of that cannot be honoured. What is said of the pod as its
/// author wrote it was said when it was read.
fn checked_again(
    before: &v1::Pod,
    pod: v1::Pod,
    origins: &Origins,
) -> Result<(v1::Pod, Vec<Complaint>), Refusal> {
    let known = super::admit_object(before.clone(), Validate::Warn);
    let known = known.map(|(_, complaints)| complaints).unwrap_or_default();
    match super::admit_object(pod, Validate::Warn) {
        Ok((pod, mut news)) => {
            news.retain(|complaint| !known.contains(complaint));
            news.iter_mut().for_each(|one| origins.explain(one));
            Ok((pod, news))
        }
        Err(mut complaints) => {
            complaints.0.retain(|complaint| !known.contains(complaint));
            complaints.0.iter_mut().for_each(|one| origins.explain(one));
            Err(Refusal::Invalid(complaints))
        }
    }
}
