//! The other kinds.

use super::*;

#[test]
fn a_namespace_has_its_name_as_a_label() {
    let namespace = admitted(Kind::Namespace, json!({ "metadata": { "name": "team" } })).value();
    assert_eq!(
        namespace["metadata"]["labels"]["kubernetes.io/metadata.name"],
        "team"
    );
    assert_eq!(namespace["spec"]["finalizers"], json!(["kubernetes"]));
    let foreign = json!({ "metadata": { "name": "a" }, "spec": { "finalizers": ["mine"] } });
    assert_eq!(
        wrong(Kind::Namespace, foreign),
        ["spec.finalizers: Unsupported value: this version of wasmpod would ignore it"]
    );
    assert_eq!(
        wrong(Kind::Namespace, json!({ "metadata": {} })),
        ["metadata.name: Required value: name or generateName is required"]
    );
}

#[test]
fn what_is_in_no_namespace_says_none() {
    for kind in [Kind::Node, Kind::Namespace] {
        let said = wrong(
            kind,
            json!({ "metadata": { "name": "a", "namespace": "b" } }),
        );
        assert_eq!(
            said,
            ["metadata.namespace: Forbidden: not allowed on this type"]
        );
    }
}

#[test]
fn promises_to_others_are_refused() {
    let owned = json!({ "metadata": {
        "name": "a",
        "finalizers": ["x/y"],
        "ownerReferences": [{ "apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u" }],
    } });
    let said = wrong(Kind::ConfigMap, owned);
    assert!(
        said[0].starts_with("metadata.finalizers: ")
            && said[1].starts_with("metadata.ownerReferences: "),
        "{said:?}"
    );
}

#[test]
fn an_account_that_pulls_is_refused_and_one_that_enforces_is_not() {
    let account = json!({
        "metadata": { "name": "a", "annotations": { "kubernetes.io/enforce-mountable-secrets": "true" } },
        "imagePullSecrets": [{ "name": "r" }],
        "secrets": [{ "name": "s" }],
    });
    let said = wrong(Kind::ServiceAccount, account);
    assert_eq!(said.len(), 1, "{said:?}");
}

#[test]
fn claims() {
    let size = |size: &str| json!({ "requests": { "storage": size } });
    let rows = [
        (
            json!({ "accessModes": ["ReadWriteOnce"], "resources": size("1Gi"), "storageClassName": "standard" }),
            vec![],
        ),
        (
            json!({}),
            vec![
                "spec.accessModes: Required value: at least 1 access mode is required",
                "spec.resources[storage]: Required value",
            ],
        ),
        (
            json!({ "accessModes": ["Write"], "resources": size("0") }),
            vec![
                "spec.accessModes: Unsupported value: \"Write\": supported values: \"ReadOnlyMany\", \"ReadWriteMany\", \"ReadWriteOnce\", \"ReadWriteOncePod\"",
                "spec.resources[storage]: Invalid value: \"0\": must be greater than zero",
            ],
        ),
        (
            json!({ "accessModes": ["ReadWriteOncePod", "ReadWriteOnce"], "resources": size("1") }),
            vec![
                "spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes",
                "spec.accessModes: Unsupported value: this version of wasmpod does not keep a second pod from a claim",
            ],
        ),
        (
            json!({ "accessModes": ["ReadWriteOnce"], "resources": size("1"), "volumeMode": "Block", "volumeName": "mine", "selector": {} }),
            vec![
                "spec.selector: Unsupported value: this version of wasmpod would ignore it",
                "spec.volumeName: Unsupported value: this version of wasmpod would ignore it",
                "spec.volumeMode: Unsupported value: this version of wasmpod would ignore it",
            ],
        ),
    ];
    for (spec, expected) in rows {
        assert_eq!(
            wrong(Kind::PersistentVolumeClaim, with_spec(spec)),
            expected
        );
    }
}

#[test]
fn limits_fill_in_each_other() {
    let range = with_spec(json!({ "limits": [
        { "type": "Container", "max": { "cpu": "1000m", "memory": "1Gi" }, "min": { "ephemeral-storage": "1Mi" }, "default": { "memory": "512Mi" } },
        { "type": "Pod", "max": { "cpu": "2" } },
    ] }));
    let spec = admitted(Kind::LimitRange, range).value()["spec"].take();
    assert_eq!(
        spec["limits"][0]["default"],
        json!({ "cpu": "1", "memory": "512Mi" })
    );
    assert_eq!(
        spec["limits"][0]["defaultRequest"],
        json!({ "cpu": "1", "memory": "512Mi", "ephemeral-storage": "1Mi" })
    );
    assert!(spec["limits"][1].get("default").is_none());
}

#[test]
fn limits_stand_in_order() {
    let item = |item: Value| wrong(Kind::LimitRange, with_spec(json!({ "limits": [item] })));
    let rows = [
        (
            json!({ "type": "Container", "min": { "cpu": "2" }, "max": { "cpu": "1" }, "default": { "cpu": "3" } }),
            vec![
                "spec.limits[0].min[cpu]: Invalid value: \"2\": min value 2 is greater than max value 1",
                "spec.limits[0].defaultRequest[cpu]: Invalid value: \"3\": default request value 3 is greater than max value 1",
                "spec.limits[0].default[cpu]: Invalid value: \"1\": default value 3 is greater than max value 1",
            ],
        ),
        (
            json!({ "type": "Pod", "default": { "cpu": "1" } }),
            vec!["spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod'"],
        ),
        (
            json!({ "type": "PersistentVolumeClaim", "max": {} }),
            vec![
                "spec.limits[0].limits: Required value: either minimum or maximum storage value is required, but neither was provided",
            ],
        ),
        (
            json!({ "type": "PersistentVolumeClaim", "max": { "storage": "2Gi" } }),
            vec![],
        ),
        (
            json!({ "type": "Container", "min": { "cpu": "1" }, "max": { "cpu": "2" }, "maxLimitRequestRatio": { "cpu": "3" } }),
            vec![
                "spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: \"3\": ratio 3 is greater than max/min = 2.000000",
            ],
        ),
        (
            json!({ "type": "Volume", "max": { "memory": "lots" } }),
            vec![
                "spec.limits[0].type: Invalid value: \"Volume\": must be a standard limit type or fully qualified",
                "spec.limits[0].max[memory]: Invalid value: \"lots\": quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
            ],
        ),
        (
            json!({ "type": "Container", "max": { "gpu": "1" } }),
            vec![
                "spec.limits[0].max[gpu]: Invalid value: \"gpu\": must be a standard resource for containers",
                "spec.limits[0].default[gpu]: Invalid value: \"gpu\": must be a standard resource for containers",
                "spec.limits[0].defaultRequest[gpu]: Invalid value: \"gpu\": must be a standard resource for containers",
            ],
        ),
    ];
    for (one, expected) in rows {
        assert_eq!(item(one), expected);
    }
    let twice = json!({ "limits": [
        { "type": "Pod", "max": { "cpu": "1" } },
        { "type": "Pod", "max": { "cpu": "1" } },
    ] });
    assert_eq!(
        wrong(Kind::LimitRange, with_spec(twice)),
        ["spec.limits[1].type: Duplicate value: \"Pod\""]
    );
}

#[test]
fn taints() {
    let taints = |taints: Value| wrong(Kind::Node, with_spec(json!({ "taints": taints })));
    assert!(
        taints(
            json!([{ "key": "a", "effect": "NoSchedule" }, { "key": "a", "effect": "NoExecute" }])
        )
        .is_empty()
    );
    assert_eq!(
        taints(json!([
            { "key": "a", "value": "b c", "effect": "Never" },
            { "key": "b", "effect": "" },
            { "key": "b", "effect": "" },
        ])),
        [
            "spec.taints[0].value: Invalid value: \"b c\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
            "spec.taints[0].effect: Unsupported value: \"Never\": supported values: \"NoSchedule\", \"PreferNoSchedule\", \"NoExecute\"",
            "spec.taints[1].effect: Required value",
            "spec.taints[2].effect: Required value",
            "spec.taints[2]: Duplicate value: \"b\"",
        ]
    );
}

#[test]
fn a_preset_is_judged_as_what_it_adds() {
    let full = json!({
        "selector": { "matchLabels": { "role": "frontend" } },
        "env": [{ "name": "A", "valueFrom": { "fieldRef": { "fieldPath": "metadata.name" } } }],
        "volumes": [{ "name": "cache" }, { "name": "c", "configMap": { "name": "c" } }],
        "volumeMounts": [{ "name": "cache", "mountPath": "/cache" }],
    });
    let spec = admitted(Kind::PodPreset, with_spec(full)).value()["spec"].take();
    assert_eq!(spec["env"][0]["valueFrom"]["fieldRef"]["apiVersion"], "v1");
    assert_eq!(spec["volumes"][0]["emptyDir"], json!({}));
    assert_eq!(spec["volumes"][1]["configMap"]["defaultMode"], 0o644);
    let rows = [
        (
            json!({}),
            vec![
                "spec.volumes.env.envFrom.volumeMounts: Required value: must specify at least one",
            ],
        ),
        (
            json!({ "volumeMounts": [{ "name": "no", "mountPath": "/x" }] }),
            vec!["spec.volumeMounts[0].name: Not found: \"no\""],
        ),
        (
            json!({ "env": [{ "name": "" }] }),
            vec!["spec.env[0].name: Required value"],
        ),
        (
            json!({ "env": [{ "name": "A" }], "selector": { "matchExpressions": [{ "key": "a", "operator": "In" }, { "key": "b", "operator": "Near" }] } }),
            vec![
                "spec.selector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
                "spec.selector.matchExpressions[1].operator: Invalid value: \"Near\": not a valid selector operator",
            ],
        ),
    ];
    for (spec, expected) in rows {
        assert_eq!(wrong(Kind::PodPreset, with_spec(spec)), expected);
    }
    let nfs = json!({ "volumes": [{ "name": "v", "nfs": { "server": "s", "path": "/p" } }] });
    let said = wrong(Kind::PodPreset, with_spec(nfs));
    assert!(
        said.len() == 1 && said[0].starts_with("spec.volumes[0].nfs"),
        "{said:?}"
    );
}

#[test]
fn the_paths_of_a_preset_begin_at_its_folder() {
    let text = "apiVersion: settings.k8s.io/v1alpha1
kind: PodPreset
metadata: {name: a}
spec:
  volumes:
  - {name: v, hostPath: {path: data}}
";
    assert_eq!(
        loaded(text)["spec"]["volumes"][0]["hostPath"]["path"],
        "/m/data"
    );
    let mut loaded = load(&source(text), Validate::Strict).unwrap();
    let written = loaded.others.remove(0).written;
    assert_eq!(written["spec"]["volumes"][0]["hostPath"]["path"], "/m/data");
}
