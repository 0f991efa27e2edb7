//! Presets, and everything together.

use super::*;
use serde_json::{Value, json};

fn preset(name: &str, spec: Value) -> PodPreset {
    let preset = json!({ "metadata": { "name": name, "resourceVersion": "7" }, "spec": spec });
    serde_json::from_value(preset).unwrap()
}

/// With defaults, as it comes out of a manifest.
fn pod(metadata: Value, spec: Value) -> v1::Pod {
    let mut metadata = metadata;
    metadata["name"] = json!("website");
    metadata["namespace"] = json!("default");
    let pod = serde_json::from_value(json!({ "metadata": metadata, "spec": spec })).unwrap();
    super::super::admit_object(pod, Validate::Strict).unwrap().0
}

fn frontend(container: Value) -> v1::Pod {
    let mut container = container;
    container["name"] = json!("website");
    container["image"] = json!("wasmpod/toolbox");
    pod(
        json!({ "labels": { "role": "frontend" } }),
        json!({ "containers": [container] }),
    )
}

/// The one of the Kubernetes documentation, in other words.
fn cache() -> PodPreset {
    preset(
        "allow-database",
        json!({
            "selector": { "matchLabels": { "role": "frontend" } },
            "env": [{ "name": "DB_PORT", "value": "6379" }],
            "volumeMounts": [{ "mountPath": "/cache", "name": "cache-volume" }],
            "volumes": [{ "name": "cache-volume", "emptyDir": {} }],
        }),
    )
}

fn admitted(pod: v1::Pod, presets: &[PodPreset]) -> Admitted {
    let surroundings = Surroundings {
        presets,
        ..Default::default()
    };
    admit(pod, &surroundings, Validate::Strict).unwrap().0
}

fn shown(pod: &v1::Pod) -> Value {
    serde_json::to_value(pod).unwrap()
}

#[test]
fn a_preset_is_merged_into_the_pods_that_it_selects() {
    let Admitted { pod, notes } = admitted(frontend(json!({})), &[cache()]);
    let pod = shown(&pod);
    let container = &pod["spec"]["containers"][0];
    assert_eq!(
        container["env"],
        json!([{ "name": "DB_PORT", "value": "6379" }])
    );
    assert_eq!(
        container["volumeMounts"],
        json!([{ "mountPath": "/cache", "name": "cache-volume" }])
    );
    assert_eq!(
        pod["spec"]["volumes"],
        json!([{ "name": "cache-volume", "emptyDir": {} }])
    );
    assert_eq!(
        pod["metadata"]["annotations"],
        json!({ "podpreset.admission.kubernetes.io/podpreset-allow-database": "7" })
    );
    assert_eq!(notes, []);
}

#[test]
fn init_containers_get_it_too() {
    let pod = pod(
        json!({}),
        json!({
            "initContainers": [{ "name": "setup", "image": "wasmpod/toolbox" }],
            "containers": [{ "name": "app", "image": "wasmpod/toolbox" }],
        }),
    );
    let everybody = preset(
        "all",
        json!({ "selector": {}, "env": [{ "name": "A", "value": "1" }], "envFrom": [{ "configMapRef": { "name": "c" } }] }),
    );
    let pod = shown(&admitted(pod, &[everybody]).pod);
    for list in ["initContainers", "containers"] {
        assert_eq!(pod["spec"][list][0]["env"][0]["name"], "A");
        assert_eq!(
            pod["spec"][list][0]["envFrom"][0]["configMapRef"]["name"],
            "c"
        );
    }
}

#[test]
fn who_is_not_selected_or_wants_none_is_left_alone() {
    let other = preset(
        "other",
        json!({ "selector": { "matchLabels": { "role": "db" } }, "env": [{ "name": "A" }] }),
    );
    let nobody = preset("nobody", json!({ "env": [{ "name": "A" }] }));
    let plain = frontend(json!({}));
    assert_eq!(admitted(plain.clone(), &[other, nobody]).pod, plain);
    for key in [preset::EXCLUDE, preset::MIRROR] {
        let mut excluded = plain.clone();
        let annotations = excluded.metadata.annotations.get_or_insert_default();
        annotations.insert(key.to_owned(), "true".to_owned());
        assert_eq!(
            admitted(excluded.clone(), &[cache()]).pod,
            excluded,
            "{key}"
        );
    }
    let mut not_excluded = plain;
    let annotations = not_excluded.metadata.annotations.get_or_insert_default();
    annotations.insert(preset::EXCLUDE.to_owned(), "false".to_owned());
    assert_ne!(admitted(not_excluded.clone(), &[cache()]).pod, not_excluded);
}

#[test]
fn several_presets_are_merged_and_what_they_say_alike_is_no_conflict() {
    let proxy = preset(
        "proxy",
        json!({
            "selector": { "matchLabels": { "role": "frontend" } },
            "env": [{ "name": "DB_PORT", "value": "6379" }, { "name": "PROXY", "value": "p" }],
            "volumes": [{ "name": "proxy-volume", "emptyDir": {} }, { "name": "cache-volume" }],
            "volumeMounts": [
                { "mountPath": "/etc/proxy", "name": "proxy-volume", "readOnly": false },
                { "mountPath": "/cache", "name": "cache-volume", "subPath": "" },
            ],
        }),
    );
    let own = frontend(
        json!({ "env": [{ "name": "OWN", "value": "o" }, { "name": "DB_PORT", "value": "6379" }] }),
    );
    let Admitted { pod, notes } = admitted(own, &[cache(), proxy]);
    assert_eq!(notes, []);
    let pod = shown(&pod);
    let names = |list: &Value| -> Vec<String> {
        let list = list.as_array().unwrap().iter();
        list.map(|one| one["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let container = &pod["spec"]["containers"][0];
    assert_eq!(names(&container["env"]), ["OWN", "DB_PORT", "PROXY"]);
    assert_eq!(
        names(&container["volumeMounts"]),
        ["cache-volume", "proxy-volume"]
    );
    assert_eq!(
        names(&pod["spec"]["volumes"]),
        ["cache-volume", "proxy-volume"]
    );
    let annotations = pod["metadata"]["annotations"].as_object().unwrap();
    assert_eq!(annotations.len(), 2);
}

#[test]
fn a_conflict_leaves_the_pod_untouched_with_a_note_that_says_which() {
    let rows = [
        (
            json!({ "env": [{ "name": "DB_PORT", "value": "1" }] }),
            "merging env for allow-database has a conflict on DB_PORT: \n\
             {\"name\":\"DB_PORT\",\"value\":\"6379\"}\ndoes not match\n{\"name\":\"DB_PORT\",\"value\":\"1\"}\n in container",
        ),
        (
            json!({ "volumes": [{ "name": "cache-volume", "hostPath": { "path": "/x" } }] }),
            "merging volumes for allow-database has a conflict on cache-volume: \n\
             {\"emptyDir\":{},\"name\":\"cache-volume\"}\ndoes not match\n{\"hostPath\":{\"path\":\"/x\"},\"name\":\"cache-volume\"}\n in container",
        ),
        (
            json!({ "mounts": [{ "name": "cache-volume", "mountPath": "/elsewhere" }], "volumes": [{ "name": "cache-volume", "emptyDir": {} }] }),
            "merging volume mounts for allow-database has a conflict on cache-volume: \n\
             {\"mountPath\":\"/cache\",\"name\":\"cache-volume\"}\ndoes not match\n{\"mountPath\":\"/elsewhere\",\"name\":\"cache-volume\"}\n in container",
        ),
        (
            json!({ "mounts": [{ "name": "own", "mountPath": "/cache" }], "volumes": [{ "name": "own", "emptyDir": {} }] }),
            "merging volume mounts for allow-database has a conflict on mount path /cache: \n\
             {\"mountPath\":\"/cache\",\"name\":\"cache-volume\"}\ndoes not match\n{\"mountPath\":\"/cache\",\"name\":\"own\"}\n in container",
        ),
    ];
    let harmless = preset(
        "harmless",
        json!({ "selector": {}, "env": [{ "name": "H", "value": "h" }] }),
    );
    for (own, message) in rows {
        let mut pod = frontend(json!({ "env": own["env"], "volumeMounts": [] }));
        let spec = pod.spec.as_mut().unwrap();
        spec.volumes = serde_json::from_value(own["volumes"].clone()).unwrap();
        spec.containers[0].volume_mounts = serde_json::from_value(own["mounts"].clone()).unwrap();
        let (pod, _) = super::super::admit_object(pod, Validate::Strict).unwrap();
        let after = admitted(pod.clone(), &[cache(), harmless.clone()]);
        assert_eq!(after.pod, pod, "{message}");
        let [note] = &after.notes[..] else {
            panic!("one note: {:?}", after.notes)
        };
        assert_eq!(note.reason, "PodPresetConflict");
        assert_eq!(note.message, message);
    }
}

#[test]
fn presets_that_contradict_each_other_are_a_conflict() {
    let other = preset(
        "other",
        json!({ "selector": {}, "env": [{ "name": "DB_PORT", "value": "1" }] }),
    );
    let after = admitted(frontend(json!({})), &[cache(), other]);
    assert_eq!(after.pod, frontend(json!({})));
    assert!(
        after.notes[0]
            .message
            .starts_with("merging env for other has a conflict on DB_PORT")
    );
}

#[test]
fn sources_of_variables_are_the_same_if_prefix_and_names_are() {
    let adds = |optional: bool| {
        preset(
            "adds",
            json!({ "selector": {}, "envFrom": [{ "configMapRef": { "name": "c", "optional": optional } }, { "prefix": "P_", "configMapRef": { "name": "c" } }] }),
        )
    };
    let own = frontend(json!({ "envFrom": [{ "configMapRef": { "name": "c" } }] }));
    let merged = admitted(own.clone(), &[adds(false)]).pod;
    let sources = merged.spec.unwrap().containers[0].env_from.clone().unwrap();
    assert_eq!(sources.len(), 2);
    assert_eq!(sources[1].prefix.as_deref(), Some("P_"));
    let conflict = admitted(own.clone(), &[adds(true)]);
    assert_eq!(conflict.pod, own);
    assert!(
        conflict.notes[0]
            .message
            .starts_with("merging envFrom for adds has a conflict: ")
    );
}

fn range(item: Value) -> v1::LimitRange {
    let range = json!({ "metadata": { "name": "cpu-limits" }, "spec": { "limits": [item] } });
    serde_json::from_value(range).unwrap()
}

#[test]
fn what_a_preset_adds_is_valid_or_refused_with_its_name() {
    let broken = preset(
        "broken",
        json!({ "selector": {}, "volumeMounts": [{ "name": "nowhere", "mountPath": "/x" }] }),
    );
    let surroundings = Surroundings {
        presets: &[broken],
        ..Default::default()
    };
    let refused = admit(frontend(json!({})), &surroundings, Validate::Strict).unwrap_err();
    let Refusal::Invalid(complaints) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(
        complaints.to_string(),
        "Pod \"website\": spec.containers[0].volumeMounts[0].name: Not found: \"nowhere\" (it comes from PodPreset \"broken\")"
    );
}

#[test]
fn a_limit_that_cannot_be_honoured_says_which_range_it_came_from() {
    let ranges = [range(
        json!({ "type": "Container", "default": { "cpu": "1" } }),
    )];
    let surroundings = Surroundings {
        limits: &ranges,
        ..Default::default()
    };
    let refused = admit(frontend(json!({})), &surroundings, Validate::Strict).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "Pod \"website\": spec.containers[0].resources.limits[cpu]: Not supported yet: this version of wasmpod would not \
         enforce it (it comes from LimitRange \"cpu-limits\")"
    );
    let (admitted, warnings) = admit(frontend(json!({})), &surroundings, Validate::Warn).unwrap();
    assert_eq!(warnings.len(), 1);
    assert!(admitted.pod.metadata.annotations.is_some());
    let (_, warnings) = admit(frontend(json!({})), &surroundings, Validate::Ignore).unwrap();
    assert_eq!(warnings, []);
}

#[test]
fn a_limit_range_sees_what_presets_and_defaults_have_made_of_the_pod() {
    let ranges = [range(
        json!({ "type": "Container", "max": { "memory": "1Gi" }, "default": { "memory": "512Mi" } }),
    )];
    let surroundings = Surroundings {
        limits: &ranges,
        presets: &[cache()],
        ..Default::default()
    };
    let (admitted, _) = admit(frontend(json!({})), &surroundings, Validate::Strict).unwrap();
    let annotations = admitted.pod.metadata.annotations.unwrap();
    assert_eq!(annotations.len(), 2);
    let large = frontend(json!({ "resources": { "limits": { "memory": "2Gi" } } }));
    let refused = admit(large, &surroundings, Validate::Strict).unwrap_err();
    assert_eq!(
        refused,
        Refusal::Forbidden(
            "[maximum memory usage per Container is 1Gi, but limit is 2Gi]"
                .trim_matches(['[', ']'])
                .to_owned()
        )
    );
}

#[test]
fn an_account_that_is_not_there_forbids_the_pod() {
    let surroundings = Surroundings {
        account: Some(Account::default()),
        ..Default::default()
    };
    let refused = admit(frontend(json!({})), &surroundings, Validate::Strict).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "error looking up service account default/default: serviceaccount \"default\" not found"
    );
}

#[test]
fn the_accounts_token_comes_before_presets() {
    let account = v1::ServiceAccount::default();
    let surroundings = Surroundings {
        account: Some(Account {
            object: Some(&account),
            chance: [0; 5],
        }),
        presets: &[cache()],
        ..Default::default()
    };
    let (admitted, _) = admit(frontend(json!({})), &surroundings, Validate::Strict).unwrap();
    let spec = admitted.pod.spec.unwrap();
    let names: Vec<String> = spec
        .volumes
        .unwrap()
        .into_iter()
        .map(|volume| volume.name)
        .collect();
    assert_eq!(names, ["kube-api-access-bbbbb", "cache-volume"]);
}

#[test]
fn pull_secrets_of_the_account_are_refused_as_those_of_the_pod_would_be() {
    let account: v1::ServiceAccount = serde_json::from_value(json!({
        "metadata": { "name": "default" },
        "imagePullSecrets": [{ "name": "registry" }],
    }))
    .unwrap();
    let surroundings = Surroundings {
        account: Some(Account {
            object: Some(&account),
            chance: [0; 5],
        }),
        ..Default::default()
    };
    let refused = admit(frontend(json!({})), &surroundings, Validate::Strict).unwrap_err();
    let text = refused.to_string();
    let origin = "(it comes from ServiceAccount \"default\")";
    assert!(
        text.contains("spec.imagePullSecrets") && text.contains(origin),
        "{text}"
    );
    let (_, warnings) = admit(frontend(json!({})), &surroundings, Validate::Warn).unwrap();
    assert_eq!(warnings.len(), 1);
}

#[test]
fn a_volumes_name_tells_the_chance_that_made_it() {
    let account = v1::ServiceAccount::default();
    let named = |chance| {
        let mut pod = frontend(json!({}));
        service_account::fill_in(&mut pod, Some(&account), chance).unwrap();
        pod.spec.unwrap().volumes.unwrap()[0].name.clone()
    };
    let name = named([7, 200, 26, 27, 255]);
    let again = service_account::chance_of(&name).unwrap();
    assert_eq!(named(again), name);
    for other in [
        "kube-api-access-",
        "kube-api-access-bbbbbb",
        "kube-api-access-bbbba",
        "data",
    ] {
        assert_eq!(service_account::chance_of(other), None, "{other}");
    }
}
