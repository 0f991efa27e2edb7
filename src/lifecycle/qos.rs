//! The quality of service class (`pkg/apis/core/v1/helper/qos`).

use crate::spec::pod::{Pod, Role};

/// What `status.qosClass` says. All containers count, init containers included, but for ephemeral ones; a value of zero
/// counts as none.
pub fn class(pod: &Pod) -> &'static str {
    let set = |value: Option<u64>| value.filter(|&value| value > 0);
    let mut any = false;
    let mut guaranteed = true;
    let members = pod.containers.iter();
    for container in members.filter(|container| container.role != Role::Ephemeral) {
        let r = &container.resources;
        for (request, limit) in [
            (r.cpu_request, r.cpu_limit),
            (r.memory_request, r.memory_limit),
        ] {
            let (request, limit) = (set(request), set(limit));
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
