//! The quality of service class (`pkg/apis/core/v1/helper/qos`), for pods that have no status yet.

use k8s_openapi::api::core::v1::{PodSpec, PodStatus, ResourceRequirements};

use crate::spec::Quantity;

pub fn class(spec: &PodSpec, status: &PodStatus) -> String {
    if let Some(class) = status.qos_class.as_ref().filter(|class| !class.is_empty()) {
        return class.clone();
    }
    let containers = spec
        .containers
        .iter()
        .chain(spec.init_containers.iter().flatten());
    let (mut any, mut guaranteed) = (false, true);
    for container in containers {
        for name in ["cpu", "memory"] {
            let (request, limit) = amounts(container.resources.as_ref(), name);
            any |= request.is_some() || limit.is_some();
            guaranteed &= limit.is_some() && request == limit;
        }
    }
    match (any, guaranteed) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
    .to_owned()
}

/// Request and limit; none of something is as good as nothing said.
fn amounts(
    resources: Option<&ResourceRequirements>,
    name: &str,
) -> (Option<Quantity>, Option<Quantity>) {
    let amount = |amounts: Option<&std::collections::BTreeMap<String, _>>| {
        let amount: Option<&k8s_openapi::apimachinery::pkg::api::resource::Quantity> =
            amounts?.get(name);
        amount?
            .0
            .parse::<Quantity>()
            .ok()
            .filter(|amount| *amount > Quantity::ZERO)
    };
    (
        amount(resources.and_then(|resources| resources.requests.as_ref())),
        amount(resources.and_then(|resources| resources.limits.as_ref())),
    )
}
