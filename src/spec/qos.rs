//! The quality of service class (`pkg/apis/core/v1/helper/qos`), of an object.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Written;

use super::Quantity;

/// What `status.qosClass` says of the pod. All containers count, init containers included, but for ephemeral ones; a value of
/// zero counts as none.
pub fn class(pod: &v1::Pod) -> &'static str {
    let Some(spec) = &pod.spec else {
        return "BestEffort";
    };
    let (mut any, mut guaranteed) = (false, true);
    let init = spec.init_containers.iter().flatten();
    for container in spec.containers.iter().chain(init) {
        let resources = container.resources.as_ref();
        for name in ["cpu", "memory"] {
            let request = amount(resources.and_then(|all| all.requests.as_ref()), name);
            let limit = amount(resources.and_then(|all| all.limits.as_ref()), name);
            any |= request.is_some() || limit.is_some();
            guaranteed &= limit.is_some() && request == limit;
        }
    }
    match (any, guaranteed) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}

fn amount(list: Option<&BTreeMap<String, Written>>, name: &str) -> Option<Quantity> {
    let amount: Quantity = list?.get(name)?.0.parse().ok()?;
    Some(amount).filter(|amount| *amount > Quantity::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn all_containers_have_a_say() {
        let both = |cpu: &str| json!({ "cpu": cpu, "memory": "1Mi" });
        let rows = [
            (json!([{}]), "BestEffort"),
            (json!([{ "requests": { "cpu": "0" } }]), "BestEffort"),
            (json!([{ "requests": { "cpu": "1m" } }, {}]), "Burstable"),
            (
                json!([{ "requests": both("1"), "limits": both("1000m") }]),
                "Guaranteed",
            ),
            (
                json!([{ "requests": both("1"), "limits": both("2") }]),
                "Burstable",
            ),
            (
                json!([{ "requests": both("1"), "limits": both("1") }, {}]),
                "Burstable",
            ),
        ];
        for (resources, class) in rows {
            let containers = resources.as_array().unwrap().iter();
            let containers: Vec<_> = containers
                .map(|resources| json!({ "name": "a", "resources": resources }))
                .collect();
            let pod = json!({ "metadata": {}, "spec": { "containers": containers } });
            let pod: v1::Pod = serde_json::from_value(pod).unwrap();
            assert_eq!(super::class(&pod), class, "{resources}");
        }
    }
}
