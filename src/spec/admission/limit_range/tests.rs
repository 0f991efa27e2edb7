use super::*;
use serde_json::{Value, json};

fn range(name: &str, limits: Value) -> v1::LimitRange {
    let range = json!({ "metadata": { "name": name }, "spec": { "limits": limits } });
    serde_json::from_value(range).unwrap()
}

fn pod(containers: Value, init: Value) -> v1::Pod {
    let pod = json!({
        "metadata": { "name": "web" },
        "spec": { "containers": containers, "initContainers": init },
    });
    serde_json::from_value(pod).unwrap()
}

fn one(resources: Value) -> v1::Pod {
    pod(
        json!([{ "name": "app", "resources": resources }]),
        json!([]),
    )
}

fn resources(pod: &v1::Pod, index: usize) -> Value {
    let spec = serde_json::to_value(pod.spec.as_ref().unwrap()).unwrap();
    spec["containers"][index]["resources"].clone()
}

fn annotation(pod: &v1::Pod) -> &str {
    &pod.metadata.annotations.as_ref().unwrap()[ANNOTATION]
}

#[test]
fn what_containers_leave_open_is_filled_in_and_told() {
    let range = range(
        "mem",
        json!([{ "type": "Container", "default": { "memory": "512Mi" }, "defaultRequest": { "cpu": "100m", "memory": "256Mi" } }]),
    );
    let mut pod = pod(
        json!([{ "name": "app" }, { "name": "own", "resources": { "limits": { "memory": "1Gi" }, "requests": { "memory": "1Gi", "cpu": "1" } } }]),
        json!([{ "name": "setup" }]),
    );
    let mut origins = Origins::default();
    fill_in(&mut pod, &[range], &mut origins);
    assert_eq!(
        resources(&pod, 0),
        json!({ "limits": { "memory": "512Mi" }, "requests": { "cpu": "100m", "memory": "256Mi" } })
    );
    assert_eq!(
        resources(&pod, 1),
        json!({ "limits": { "memory": "1Gi" }, "requests": { "memory": "1Gi", "cpu": "1" } })
    );
    assert_eq!(
        annotation(&pod),
        "LimitRanger plugin set: cpu, memory request for container app; memory limit for container app; \
         cpu, memory request for init container setup; memory limit for init container setup"
    );
}

#[test]
fn defaults_follow_from_what_else_the_range_says() {
    let rows = [
        (
            json!({ "max": { "memory": "1Gi" } }),
            json!({ "limits": { "memory": "1Gi" }, "requests": { "memory": "1Gi" } }),
        ),
        (
            json!({ "min": { "memory": "1Mi" } }),
            json!({ "requests": { "memory": "1Mi" } }),
        ),
        (
            json!({ "min": { "memory": "1Mi" }, "max": { "memory": "1Gi" }, "default": { "memory": "2Mi" } }),
            json!({ "limits": { "memory": "2Mi" }, "requests": { "memory": "2Mi" } }),
        ),
    ];
    for (mut item, expected) in rows {
        item["type"] = json!("Container");
        let mut pod = one(json!({}));
        fill_in(
            &mut pod,
            &[range("a", json!([item]))],
            &mut Origins::default(),
        );
        assert_eq!(resources(&pod, 0), expected, "{item}");
    }
}

#[test]
fn the_first_range_decides_and_one_that_sets_nothing_says_nothing() {
    let of = |memory: &str| {
        let item = json!({ "type": "Container", "default": { "memory": memory }, "defaultRequest": { "memory": "1Mi" } });
        range(memory, json!([item]))
    };
    let mut pod = one(json!({}));
    fill_in(&mut pod, &[of("2Mi"), of("3Mi")], &mut Origins::default());
    assert_eq!(resources(&pod, 0)["limits"]["memory"], "2Mi");
    let mut quiet = one(json!({}));
    let claims = range(
        "claims",
        json!([{ "type": "PersistentVolumeClaim", "min": { "storage": "1Gi" } }]),
    );
    fill_in(&mut quiet, &[claims], &mut Origins::default());
    assert_eq!(quiet.metadata.annotations, None);
}

#[test]
fn what_is_out_of_bounds_is_refused_in_the_api_servers_words() {
    let rows = [
        (
            json!({ "type": "Container", "min": { "memory": "100Mi" } }),
            json!({}),
            "minimum memory usage per Container is 100Mi.  No request is specified",
        ),
        (
            json!({ "type": "Container", "min": { "memory": "100Mi" } }),
            json!({ "requests": { "memory": "99Mi" } }),
            "minimum memory usage per Container is 100Mi, but request is 99Mi",
        ),
        (
            json!({ "type": "Container", "min": { "memory": "100Mi" } }),
            json!({ "requests": { "memory": "100Mi" }, "limits": { "memory": "99Mi" } }),
            "minimum memory usage per Container is 100Mi, but limit is 99Mi",
        ),
        (
            json!({ "type": "Container", "max": { "cpu": "800m" } }),
            json!({ "requests": { "cpu": "500m" } }),
            "maximum cpu usage per Container is 800m.  No limit is specified",
        ),
        (
            json!({ "type": "Container", "max": { "cpu": "800m" } }),
            json!({ "limits": { "cpu": "1500m" }, "requests": { "cpu": "500m" } }),
            "maximum cpu usage per Container is 800m, but limit is 1500m",
        ),
        (
            json!({ "type": "Container", "max": { "memory": "1Gi" } }),
            json!({ "limits": { "memory": "1Gi" }, "requests": { "memory": "2048Mi" } }),
            "maximum memory usage per Container is 1Gi, but request is 2Gi",
        ),
        (
            json!({ "type": "Container", "maxLimitRequestRatio": { "memory": "2" } }),
            json!({ "limits": { "memory": "3Mi" } }),
            "memory max limit to request ratio per Container is 2, but no request is specified or request is 0",
        ),
        (
            json!({ "type": "Container", "maxLimitRequestRatio": { "memory": "2" } }),
            json!({ "requests": { "memory": "3Mi" } }),
            "memory max limit to request ratio per Container is 2, but no limit is specified or limit is 0",
        ),
        (
            json!({ "type": "Container", "maxLimitRequestRatio": { "memory": "2" } }),
            json!({ "limits": { "memory": "500Mi" }, "requests": { "memory": "200Mi" } }),
            "memory max limit to request ratio per Container is 2, but provided ratio is 2.500000",
        ),
        (
            json!({ "type": "Pod", "max": { "memory": "1Gi" } }),
            json!({ "limits": { "memory": "1025Mi" } }),
            "maximum memory usage per Pod is 1Gi, but limit is 1025Mi",
        ),
        (
            json!({ "type": "Container", "max": { "cpu": "1", "memory": "1Gi" } }),
            json!({}),
            "[maximum cpu usage per Container is 1.  No limit is specified, \
             maximum memory usage per Container is 1Gi.  No limit is specified]",
        ),
    ];
    for (item, resources, text) in rows {
        let refused = check(
            &one(resources.clone()),
            &[range("a", json!([item.clone()]))],
        );
        assert_eq!(refused.unwrap_err(), text, "{item} {resources}");
    }
}

#[test]
fn what_is_just_within_bounds_is_fine() {
    let within = json!({ "requests": { "memory": "100Mi" }, "limits": { "memory": "200Mi" } });
    let items = [
        json!({ "type": "Container", "min": { "memory": "100Mi" }, "max": { "memory": "200Mi" }, "maxLimitRequestRatio": { "memory": "2" } }),
        json!({ "type": "Pod", "min": { "memory": "100Mi" }, "max": { "memory": "200Mi" } }),
        json!({ "type": "PersistentVolumeClaim", "max": { "memory": "1" } }),
        json!({ "type": "Container" }),
    ];
    for item in items {
        assert_eq!(
            check(&one(within.clone()), &[range("a", json!([item]))]),
            Ok(())
        );
    }
}

#[test]
fn a_pod_needs_what_runs_together_or_the_hungriest_beginning() {
    let amount =
        |memory: &str| json!({ "requests": { "memory": memory }, "limits": { "memory": memory } });
    let pod = pod(
        json!([{ "name": "a", "resources": amount("10Mi") }, { "name": "b", "resources": amount("20Mi") }]),
        json!([
            { "name": "sidecar", "restartPolicy": "Always", "resources": amount("5Mi") },
            { "name": "setup", "resources": amount("40Mi") },
            { "name": "late", "restartPolicy": "Always", "resources": amount("1Mi") },
        ]),
    );
    let total = sum(&pod, |resources| list(&resources.limits));
    // 40 + 5 while it sets up; 10 + 20 + 5 + 1 afterwards.
    assert_eq!(total["memory"].0, "45Mi");
}

#[test]
fn claims_are_bound_by_what_they_request() {
    let range = range(
        "storage",
        json!([{ "type": "PersistentVolumeClaim", "min": { "storage": "1Gi" }, "max": { "storage": "2Gi" } }]),
    );
    let claim = |storage: &str| {
        let claim = json!({ "metadata": {}, "spec": { "resources": { "requests": { "storage": storage } } } });
        serde_json::from_value(claim).unwrap()
    };
    let ranges = [range];
    assert_eq!(check_claim(&claim("1Gi"), &ranges), Ok(()));
    assert_eq!(
        check_claim(&claim("3Gi"), &ranges).unwrap_err(),
        "maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 3Gi"
    );
    assert_eq!(
        check_claim(&claim("512Mi"), &ranges).unwrap_err(),
        "minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 512Mi"
    );
}
