//! `LimitRange`: what containers request and are limited to if they say nothing, and what they may say at all
//! (`plugin/pkg/admission/limitranger/admission.go`).

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Written;

use super::origin::Origins;
use super::preset::aggregate;
use crate::spec::Quantity;

/// Tells what was filled in.
pub const ANNOTATION: &str = "kubernetes.io/limit-ranger";

type List = BTreeMap<String, Written>;

/// Fills in what containers leave open. Of several ranges the first one that says something decides.
pub(super) fn fill_in(pod: &mut v1::Pod, ranges: &[v1::LimitRange], origins: &mut Origins) {
    for range in ranges {
        let defaults = Defaults::of(range);
        let name = range.metadata.name.as_deref().unwrap_or_default();
        let mut told = Vec::new();
        let spec = pod.spec.get_or_insert_default();
        for (index, container) in spec.containers.iter_mut().enumerate() {
            let place = format!("spec.containers[{index}].resources");
            defaults.fill(container, "container", &mut told, &mut |field| {
                origins.limit_range(format!("{place}.{field}"), name);
            });
        }
        for (index, container) in spec.init_containers.iter_mut().flatten().enumerate() {
            let place = format!("spec.initContainers[{index}].resources");
            defaults.fill(container, "init container", &mut told, &mut |field| {
                origins.limit_range(format!("{place}.{field}"), name);
            });
        }
        if !told.is_empty() {
            let annotations = pod.metadata.annotations.get_or_insert_default();
            let text = format!("LimitRanger plugin set: {}", told.join("; "));
            annotations.insert(ANNOTATION.to_owned(), text);
        }
    }
}

/// What the items for containers of one range say together; later ones override earlier ones.
#[derive(Default)]
struct Defaults {
    limits: List,
    requests: List,
}

impl Defaults {
    fn of(range: &v1::LimitRange) -> Defaults {
        let mut defaults = Defaults::default();
        for item in items(range, "Container") {
            let (limits, requests) = defaulted(item);
            defaults.limits.extend(limits);
            defaults.requests.extend(requests);
        }
        defaults
    }

    fn fill(
        &self,
        container: &mut v1::Container,
        what: &str,
        told: &mut Vec<String>,
        origin: &mut dyn FnMut(String),
    ) {
        let resources = container.resources.get_or_insert_default();
        let lists = [
            (
                &self.requests,
                &mut resources.requests,
                "request",
                "requests",
            ),
            (&self.limits, &mut resources.limits, "limit", "limits"),
        ];
        for (defaults, list, word, field) in lists {
            let mut set = Vec::new();
            for (name, quantity) in defaults {
                let list = list.get_or_insert_default();
                if !list.contains_key(name) {
                    list.insert(name.clone(), quantity.clone());
                    set.push(name.as_str());
                    origin(format!("{field}[{name}]"));
                }
            }
            if !set.is_empty() {
                let (set, name) = (set.join(", "), &container.name);
                told.push(format!("{set} {word} for {what} {name}"));
            }
        }
    }
}

/// The default limits and requests of an item for containers, with what they have if nothing is said
/// (`pkg/apis/core/v1/defaults.go` `SetDefaults_LimitRangeItem`).
fn defaulted(item: &v1::LimitRangeItem) -> (List, List) {
    let mut limits = list(&item.default).clone();
    add_missing(&mut limits, list(&item.max));
    let mut requests = list(&item.default_request).clone();
    add_missing(&mut requests, &limits);
    add_missing(&mut requests, list(&item.min));
    (limits, requests)
}

fn add_missing(to: &mut List, from: &List) {
    for (name, quantity) in from {
        to.entry(name.clone()).or_insert_with(|| quantity.clone());
    }
}

/// Whether the pod keeps to the ranges. In the API server's words, what follows `is forbidden: `; the first range that it does
/// not keep to is told about, whole.
pub(super) fn check(pod: &v1::Pod, ranges: &[v1::LimitRange]) -> Result<(), String> {
    ranges.iter().try_for_each(|range| {
        let mut errors = Vec::new();
        for item in range.spec.iter().flat_map(|spec| &spec.limits) {
            match item.type_.as_str() {
                "Container" => containers(pod).for_each(|container| {
                    let amounts = container.resources.as_ref();
                    let requests = amounts.map_or(&EMPTY, |amounts| list(&amounts.requests));
                    let limits = amounts.map_or(&EMPTY, |amounts| list(&amounts.limits));
                    Bounds {
                        item,
                        requests,
                        limits,
                    }
                    .check(&mut errors);
                }),
                "Pod" => {
                    let requests = sum(pod, |resources| list(&resources.requests));
                    let limits = sum(pod, |resources| list(&resources.limits));
                    let (requests, limits) = (&requests, &limits);
                    Bounds {
                        item,
                        requests,
                        limits,
                    }
                    .check(&mut errors);
                }
                _ => {}
            }
        }
        refuse(&errors)
    })
}

/// The same for a claim, whose requests alone are looked at.
///
/// # Errors
/// What follows `persistentvolumeclaims "NAME" is forbidden: `.
pub fn check_claim(
    claim: &v1::PersistentVolumeClaim,
    ranges: &[v1::LimitRange],
) -> Result<(), String> {
    let resources = claim.spec.as_ref().and_then(|spec| spec.resources.as_ref());
    let requests = resources.map_or(&EMPTY, |resources| list(&resources.requests));
    ranges.iter().try_for_each(|range| {
        let mut errors = Vec::new();
        for item in items(range, "PersistentVolumeClaim") {
            let bounds = Bounds {
                item,
                requests,
                limits: &EMPTY,
            };
            for (name, min) in list(&item.min) {
                errors.extend(bounds.below(name, min));
            }
            for (name, max) in list(&item.max) {
                errors.extend(bounds.request_above(name, max));
            }
        }
        refuse(&errors)
    })
}

fn refuse(errors: &[String]) -> Result<(), String> {
    if errors.is_empty() {
        return Ok(());
    }
    Err(aggregate(errors))
}

fn items<'a>(
    range: &'a v1::LimitRange,
    kind: &'a str,
) -> impl Iterator<Item = &'a v1::LimitRangeItem> {
    let items = range.spec.iter().flat_map(|spec| &spec.limits);
    items.filter(move |item| item.type_ == kind)
}

fn containers(pod: &v1::Pod) -> impl Iterator<Item = &v1::Container> {
    let spec = pod.spec.iter();
    spec.flat_map(|spec| {
        let init = spec.init_containers.iter().flatten();
        spec.containers.iter().chain(init)
    })
}

static EMPTY: List = List::new();

fn list(list: &Option<List>) -> &List {
    list.as_ref().unwrap_or(&EMPTY)
}

/// One item, and what it bounds.
struct Bounds<'a> {
    item: &'a v1::LimitRangeItem,
    requests: &'a List,
    limits: &'a List,
}

impl Bounds<'_> {
    fn check(&self, errors: &mut Vec<String>) {
        for (name, min) in list(&self.item.min) {
            errors.extend(self.below(name, min));
        }
        for (name, max) in list(&self.item.max) {
            errors.extend(self.above(name, max));
        }
        for (name, ratio) in list(&self.item.max_limit_request_ratio) {
            errors.extend(self.beyond_ratio(name, ratio));
        }
    }

    fn below(&self, name: &str, min: &Written) -> Option<String> {
        let (request, limit) = (self.requests.get(name), self.limits.get(name));
        let says = |what: String| {
            let kind = &self.item.type_;
            Some(format!(
                "minimum {name} usage per {kind} is {}{what}",
                shown(min)
            ))
        };
        let bound = read(min);
        match (request, limit) {
            (None, _) => says(".  No request is specified".to_owned()),
            (Some(request), _) if read(request) < bound => {
                says(format!(", but request is {}", shown(request)))
            }
            (_, Some(limit)) if read(limit) < bound => {
                says(format!(", but limit is {}", shown(limit)))
            }
            _ => None,
        }
    }

    fn above(&self, name: &str, max: &Written) -> Option<String> {
        let (request, limit) = (self.requests.get(name), self.limits.get(name));
        let bound = read(max);
        match (limit, request) {
            (None, _) => self.says_above(name, max, ".  No limit is specified"),
            (Some(limit), _) if read(limit) > bound => {
                self.says_above(name, max, &format!(", but limit is {}", shown(limit)))
            }
            (_, Some(request)) if read(request) > bound => {
                self.says_above(name, max, &format!(", but request is {}", shown(request)))
            }
            _ => None,
        }
    }

    fn request_above(&self, name: &str, max: &Written) -> Option<String> {
        match self.requests.get(name) {
            None => self.says_above(name, max, ".  No request is specified"),
            Some(request) if read(request) > read(max) => {
                self.says_above(name, max, &format!(", but request is {}", shown(request)))
            }
            Some(_) => None,
        }
    }

    fn says_above(&self, name: &str, max: &Written, what: &str) -> Option<String> {
        let kind = &self.item.type_;
        Some(format!(
            "maximum {name} usage per {kind} is {}{what}",
            shown(max)
        ))
    }

    fn beyond_ratio(&self, name: &str, ratio: &Written) -> Option<String> {
        let amount = |list: &List| list.get(name).map_or(0, |amount| read(amount).milli());
        let (request, limit) = (amount(self.requests), amount(self.limits));
        let says = |what: String| {
            let kind = &self.item.type_;
            Some(format!(
                "{name} max limit to request ratio per {kind} is {}, but {what}",
                shown(ratio)
            ))
        };
        if request == 0 {
            return says("no request is specified or request is 0".to_owned());
        }
        if limit == 0 {
            return says("no limit is specified or limit is 0".to_owned());
        }
        // limit / request > ratio, in whole numbers.
        if limit * 1000 > read(ratio).milli() * request {
            let observed = limit as f64 / request as f64;
            return says(format!("provided ratio is {observed:.6}"));
        }
        None
    }
}

/// What the whole pod asks for: all that run together, or the init container that needs most beside the sidecars before it
/// (`podRequests`, `podLimits`).
fn sum(pod: &v1::Pod, pick: fn(&v1::ResourceRequirements) -> &List) -> List {
    let of = |container: &v1::Container| {
        container
            .resources
            .as_ref()
            .map(pick)
            .cloned()
            .unwrap_or_default()
    };
    let (mut all, mut sidecars, mut peak) = (List::new(), List::new(), List::new());
    let Some(spec) = &pod.spec else {
        return all;
    };
    for container in &spec.containers {
        add(&mut all, &of(container));
    }
    for container in spec.init_containers.iter().flatten() {
        let mut own = of(container);
        if container.restart_policy.as_deref() == Some("Always") {
            add(&mut all, &own);
            add(&mut sidecars, &own);
            own.clone_from(&sidecars);
        } else {
            add(&mut own, &sidecars);
        }
        raise(&mut peak, &own);
    }
    raise(&mut all, &peak);
    all
}

fn add(to: &mut List, more: &List) {
    for (name, amount) in more {
        let total = match to.get(name) {
            Some(so_far) => Written(read(so_far).plus(read(amount)).to_string()),
            None => amount.clone(),
        };
        to.insert(name.clone(), total);
    }
}

fn raise(to: &mut List, floor: &List) {
    for (name, amount) in floor {
        if to
            .get(name)
            .is_none_or(|so_far| read(amount) > read(so_far))
        {
            to.insert(name.clone(), amount.clone());
        }
    }
}

/// Stored objects are valid: what cannot be read is not there.
fn read(written: &Written) -> Quantity {
    written.0.parse().unwrap_or(Quantity::ZERO)
}

fn shown(written: &Written) -> String {
    read(written).to_string()
}

#[cfg(test)]
#[path = "limit_range/tests.rs"]
mod tests;
