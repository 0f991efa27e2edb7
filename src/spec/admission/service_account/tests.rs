use k8s_openapi::api::core::v1;
use serde_json::{Value, json};

use super::{MOUNT_PATH, account_of, fill_in};

const CHANCE: [u8; 5] = [0, 1, 26, 27, 255];
const VOLUME: &str = "kube-api-access-bc9bq";

fn pod(spec: Value) -> v1::Pod {
    let metadata = json!({ "name": "web", "namespace": "shop" });
    serde_json::from_value(json!({ "metadata": metadata, "spec": spec })).unwrap()
}

fn account(fields: Value) -> v1::ServiceAccount {
    let mut account = json!({ "metadata": { "name": "app", "namespace": "shop" } });
    let (Value::Object(all), Value::Object(fields)) = (&mut account, fields) else {
        panic!("not an object")
    };
    all.extend(fields);
    serde_json::from_value(account).unwrap()
}

fn admitted(spec: Value, of: Value) -> Value {
    let mut pod = pod(spec);
    fill_in(&mut pod, Some(&account(of)), CHANCE).unwrap();
    serde_json::to_value(pod.spec).unwrap()
}

fn token_mount(volume: &str) -> Value {
    json!({ "name": volume, "mountPath": MOUNT_PATH, "readOnly": true })
}

#[test]
fn a_pod_that_says_nothing_gets_the_default_account_and_its_token() {
    assert_eq!(
        admitted(json!({ "containers": [{ "name": "app" }] }), json!({})),
        json!({
            "serviceAccount": "default",
            "serviceAccountName": "default",
            "containers": [{ "name": "app", "volumeMounts": [token_mount(VOLUME)] }],
            "volumes": [{
                "name": VOLUME,
                "projected": {
                    "defaultMode": 420,
                    "sources": [
                        { "serviceAccountToken": { "expirationSeconds": 3607, "path": "token" } },
                        { "configMap": {
                            "name": "kube-root-ca.crt",
                            "items": [{ "key": "ca.crt", "path": "ca.crt" }],
                        } },
                        { "downwardAPI": { "items": [{
                            "path": "namespace",
                            "fieldRef": { "apiVersion": "v1", "fieldPath": "metadata.namespace" },
                        }] } },
                    ],
                },
            }],
        })
    );
}

#[test]
fn the_account_is_the_one_that_is_named_under_either_name() {
    for (spec, name) in [
        (json!({}), "default"),
        (json!({ "serviceAccountName": "" }), "default"),
        (json!({ "serviceAccountName": "a" }), "a"),
        (json!({ "serviceAccount": "b" }), "b"),
        (
            json!({ "serviceAccountName": "a", "serviceAccount": "b" }),
            "a",
        ),
        (
            json!({ "serviceAccountName": "", "serviceAccount": "b" }),
            "b",
        ),
    ] {
        let mut spec = spec;
        spec["containers"] = json!([]);
        assert_eq!(account_of(&pod(spec.clone())), name);
        let spec = admitted(spec, json!({}));
        assert_eq!(
            (&spec["serviceAccountName"], &spec["serviceAccount"]),
            (&json!(name), &json!(name))
        );
    }
    assert_eq!(account_of(&v1::Pod::default()), "default");
}

#[test]
fn an_account_that_is_not_there_is_looked_up_in_vain() {
    let mut pod = pod(json!({ "serviceAccountName": "app", "containers": [] }));
    assert_eq!(
        fill_in(&mut pod, None, CHANCE).unwrap_err(),
        "error looking up service account shop/app: serviceaccount \"app\" not found"
    );
}

#[test]
fn the_pod_has_the_last_word_on_the_token() {
    for (of_pod, of_account, mounted) in [
        (None, None, true),
        (None, Some(true), true),
        (None, Some(false), false),
        (Some(true), Some(false), true),
        (Some(false), None, false),
        (Some(false), Some(true), false),
    ] {
        let spec = json!({
            "automountServiceAccountToken": of_pod,
            "containers": [{ "name": "app" }],
        });
        let spec = admitted(spec, json!({ "automountServiceAccountToken": of_account }));
        let volumes = spec.get("volumes").is_some();
        let mounts = spec["containers"][0].get("volumeMounts").is_some();
        assert_eq!(
            (volumes, mounts),
            (mounted, mounted),
            "{of_pod:?} {of_account:?}"
        );
        assert_eq!(spec["serviceAccountName"], "default");
    }
}

#[test]
fn a_container_that_has_something_in_its_place_keeps_that() {
    let own = |path: &str| json!({ "name": "own", "mountPath": path });
    let spec = json!({
        "volumes": [{ "name": "own", "emptyDir": {} }],
        "initContainers": [
            { "name": "prepare" },
            { "name": "other", "volumeMounts": [own(MOUNT_PATH)] },
        ],
        "containers": [
            { "name": "app", "volumeMounts": [own("/data")] },
            { "name": "same", "volumeMounts": [own(&format!("{MOUNT_PATH}/"))] },
            { "name": "below", "volumeMounts": [own(&format!("{MOUNT_PATH}/token"))] },
        ],
    });
    let spec = admitted(spec, json!({}));
    let mounts = |kind: &str, index: usize| {
        let mounts = spec[kind][index]["volumeMounts"].as_array().unwrap();
        mounts
            .iter()
            .map(|mount| mount["name"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(mounts("initContainers", 0), [VOLUME]);
    assert_eq!(mounts("initContainers", 1), ["own"]);
    assert_eq!(mounts("containers", 0), ["own", VOLUME]);
    assert_eq!(mounts("containers", 1), ["own"]);
    assert_eq!(mounts("containers", 2), ["own", VOLUME]);
    assert_eq!(spec["volumes"][1]["name"], VOLUME);
}

#[test]
fn a_volume_that_nobody_mounts_is_not_made() {
    let taken = json!([{ "name": "own", "mountPath": MOUNT_PATH }]);
    let spec = json!({
        "volumes": [{ "name": "own", "emptyDir": {} }],
        "containers": [{ "name": "app", "volumeMounts": taken }],
    });
    assert_eq!(
        admitted(spec, json!({}))["volumes"],
        json!([{ "name": "own", "emptyDir": {} }])
    );
}

#[test]
fn a_pod_that_was_printed_and_comes_back_is_not_given_a_second_token() {
    let once = admitted(json!({ "containers": [{ "name": "app" }] }), json!({}));
    assert_eq!(admitted(once.clone(), json!({})), once);
    // Also when a container has been added meanwhile.
    let mut more = once.clone();
    more["containers"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "name": "new" }));
    let more = admitted(more, json!({}));
    assert_eq!(
        more["containers"][1]["volumeMounts"],
        json!([token_mount(VOLUME)])
    );
    assert_eq!(more["volumes"], once["volumes"]);
}

#[test]
fn pull_secrets_are_the_accounts_unless_the_pod_has_its_own() {
    let of = json!({ "imagePullSecrets": [{ "name": "theirs" }] });
    let secrets = |own: Value| {
        let spec = json!({ "containers": [], "imagePullSecrets": own });
        admitted(spec, of.clone()).get("imagePullSecrets").cloned()
    };
    assert_eq!(secrets(json!([])), Some(of["imagePullSecrets"].clone()));
    assert_eq!(secrets(Value::Null), Some(of["imagePullSecrets"].clone()));
    let own = json!([{ "name": "mine" }]);
    assert_eq!(secrets(own.clone()), Some(own));
    let none = admitted(
        json!({ "containers": [] }),
        json!({ "imagePullSecrets": [] }),
    );
    assert_eq!(none.get("imagePullSecrets"), None);
}

#[test]
fn an_account_may_keep_its_pods_to_its_own_secrets() {
    let of = |enforce: &str| {
        json!({
            "metadata": {
                "name": "app",
                "annotations": { "kubernetes.io/enforce-mountable-secrets": enforce },
            },
            "secrets": [{ "name": "mine" }],
            "imagePullSecrets": [{ "name": "pull" }],
        })
    };
    let key = |name: &str| json!([{ "name": "V", "valueFrom": { "secretKeyRef": { "name": name, "key": "k" } } }]);
    let all = |name: &str| json!([{ "secretRef": { "name": name } }]);
    let container = |env: Value, from: Value| json!([{ "name": "c", "env": env, "envFrom": from }]);
    let none = || json!([]);
    for (spec, refused) in [
        (
            json!({ "containers": [], "volumes": [{ "name": "v", "secret": { "secretName": "other" } }] }),
            "volume with secret.secretName=\"other\" is not allowed because service account app does not reference that secret",
        ),
        (
            json!({ "containers": container(key("other"), none()) }),
            "container c with envVar V referencing secret.secretName=\"other\" is not allowed because service account app does not reference that secret",
        ),
        (
            json!({ "containers": container(none(), all("other")) }),
            "container c with envFrom referencing secret.secretName=\"other\" is not allowed because service account app does not reference that secret",
        ),
        (
            json!({ "containers": [], "initContainers": container(key("other"), none()) }),
            "init container c with envVar V referencing secret.secretName=\"other\" is not allowed because service account app does not reference that secret",
        ),
        (
            json!({ "containers": [], "initContainers": container(none(), all("other")) }),
            "init container c with envFrom referencing secret.secretName=\"other\" is not allowed because service account app does not reference that secret",
        ),
        (
            json!({ "containers": [], "imagePullSecrets": [{ "name": "pull" }, { "name": "mine" }] }),
            "imagePullSecrets[1].name=\"mine\" is not allowed because service account app does not reference that imagePullSecret",
        ),
    ] {
        let check =
            |enforce: &str| fill_in(&mut pod(spec.clone()), Some(&account(of(enforce))), CHANCE);
        assert_eq!(check("true").unwrap_err(), refused);
        assert_eq!(check("1").unwrap_err(), refused);
        assert_eq!(check("false"), Ok(()));
        assert_eq!(check("yes"), Ok(()), "Go does not take it for a truth");
    }
    let own = json!({
        "containers": container(key("mine"), all("mine")),
        "volumes": [{ "name": "v", "secret": { "secretName": "mine" } }],
    });
    assert_eq!(
        fill_in(&mut pod(own), Some(&account(of("true"))), CHANCE),
        Ok(())
    );
}
