//! Each row: what was applied before, what is there, what is applied, what comes of it.

use serde_json::json;

use super::*;

fn check(last: Value, live: Value, new: Value, expected: Value) {
    let merged = three_way(Some(&last), &live, &new);
    assert_eq!(merged, expected, "last {last}\nlive {live}\nnew {new}");
}

#[test]
fn fields_are_set_deleted_or_left() {
    // Set by the one who applies, deleted by him, set by somebody else, and a default.
    check(
        json!({"labels": {"a": "1", "gone": "1"}}),
        json!({"labels": {"a": "1", "gone": "1", "foreign": "1"}, "uid": "u"}),
        json!({"labels": {"a": "2", "b": "3"}}),
        json!({"labels": {"a": "2", "b": "3", "foreign": "1"}, "uid": "u"}),
    );
}

#[test]
fn a_whole_map_that_is_not_applied_any_more_is_deleted() {
    check(
        json!({"labels": {"a": "1"}}),
        json!({"labels": {"a": "1"}, "name": "x"}),
        json!({}),
        json!({"name": "x"}),
    );
}

#[test]
fn null_deletes() {
    check(
        json!({}),
        json!({"a": 1, "b": {"c": 1, "d": 2}}),
        json!({"a": null, "b": {"c": null}, "e": {"f": null, "g": 1}}),
        json!({"b": {"d": 2}, "e": {"g": 1}}),
    );
}

#[test]
fn without_a_last_time_nothing_is_deleted() {
    let live = json!({"labels": {"a": "1"}});
    let new = json!({"labels": {"b": "1"}});
    assert_eq!(
        three_way(None, &live, &new),
        json!({"labels": {"a": "1", "b": "1"}})
    );
}

#[test]
fn containers_are_merged_by_name_and_keep_their_defaults() {
    check(
        json!({"containers": [{"name": "a", "image": "one", "tty": true}, {"name": "gone", "image": "x"}]}),
        json!({"containers": [
            {"name": "a", "image": "one", "tty": true, "imagePullPolicy": "Always"},
            {"name": "gone", "image": "x"},
            {"name": "injected", "image": "y"},
        ]}),
        json!({"containers": [{"name": "new", "image": "z"}, {"name": "a", "image": "two"}]}),
        json!({"containers": [
            {"name": "new", "image": "z"},
            {"name": "a", "image": "two", "imagePullPolicy": "Always"},
            {"name": "injected", "image": "y"},
        ]}),
    );
}

#[test]
fn what_others_have_put_between_stays_between() {
    let names = |names: &[&str]| {
        let items: Vec<Value> = names.iter().map(|name| json!({"name": name})).collect();
        json!({ "env": items })
    };
    let rows: [(&[&str], &[&str], &[&str]); 4] = [
        (&["a", "X", "b"], &["a", "b"], &["a", "X", "b"]),
        (&["X", "a"], &["a"], &["X", "a"]),
        (&["a", "b", "X"], &["b", "a"], &["b", "a", "X"]),
        (&["X", "Y"], &["a"], &["a", "X", "Y"]),
    ];
    for (live, new, expected) in rows {
        check(names(&[]), names(live), names(new), names(expected));
    }
}

#[test]
fn every_list_with_a_merge_key_is_merged_by_it() {
    let rows = [
        ("initContainers", "name"),
        ("ephemeralContainers", "name"),
        ("imagePullSecrets", "name"),
        ("schedulingGates", "name"),
        ("volumeMounts", "mountPath"),
        ("volumeDevices", "devicePath"),
        ("hostAliases", "ip"),
        ("topologySpreadConstraints", "topologyKey"),
        ("ownerReferences", "uid"),
    ];
    for (list, key) in rows {
        check(
            json!({}),
            json!({list: [{key: "1", "default": true}]}),
            json!({list: [{key: "1", "set": true}]}),
            json!({list: [{key: "1", "default": true, "set": true}]}),
        );
    }
    check(
        json!({}),
        json!({"ports": [{"containerPort": 80, "protocol": "TCP"}]}),
        json!({"ports": [{"containerPort": 80, "name": "http"}]}),
        json!({"ports": [{"containerPort": 80, "protocol": "TCP", "name": "http"}]}),
    );
}

#[test]
fn other_lists_are_replaced() {
    for list in ["args", "command", "tolerations", "readinessGates", "items"] {
        check(
            json!({list: ["a"]}),
            json!({list: ["a", "b"]}),
            json!({list: ["c"]}),
            json!({list: ["c"]}),
        );
    }
}

#[test]
fn finalizers_are_a_set() {
    check(
        json!({"finalizers": ["mine", "gone"]}),
        json!({"finalizers": ["foreign", "gone", "mine"]}),
        json!({"finalizers": ["mine", "new"]}),
        json!({"finalizers": ["mine", "new", "foreign"]}),
    );
}

#[test]
fn a_volume_that_becomes_another_kind_keeps_nothing_of_the_old_one() {
    check(
        json!({"volumes": [{"name": "v"}]}),
        json!({"volumes": [{"name": "v", "emptyDir": {}}]}),
        json!({"volumes": [{"name": "v", "hostPath": {"path": "/x"}}]}),
        json!({"volumes": [{"name": "v", "hostPath": {"path": "/x"}}]}),
    );
    // Without a change the default stays.
    let live = json!({"volumes": [{"name": "v", "hostPath": {"path": "/x", "type": ""}}]});
    let new = json!({"volumes": [{"name": "v", "hostPath": {"path": "/x"}}]});
    check(new.clone(), live.clone(), new, live);
}

#[test]
fn a_port_number_used_twice_is_taken_as_written() {
    let both = json!({"ports": [
        {"containerPort": 53, "protocol": "UDP"}, {"containerPort": 53, "protocol": "TCP"},
    ]});
    let one = json!({"ports": [{"containerPort": 53, "protocol": "TCP"}]});
    check(one.clone(), one.clone(), both.clone(), both.clone());
    check(both.clone(), both, one.clone(), one);
}

#[test]
fn applying_the_same_again_changes_nothing() {
    let new = json!({
        "metadata": {"name": "web", "labels": {"a": "b"}},
        "spec": {
            "containers": [{"name": "app", "image": "x", "ports": [{"containerPort": 80}], "env": [{"name": "A", "value": "1"}]}],
            "volumes": [{"name": "v"}],
        },
    });
    let live = json!({
        "metadata": {"name": "web", "namespace": "default", "labels": {"a": "b"}, "uid": "u"},
        "spec": {
            "containers": [{"name": "app", "image": "x", "imagePullPolicy": "Always",
                "ports": [{"containerPort": 80, "protocol": "TCP"}], "env": [{"name": "A", "value": "1"}]}],
            "volumes": [{"name": "v"}],
            "restartPolicy": "Always",
        },
    });
    check(new.clone(), live.clone(), new, live);
}

#[test]
fn a_value_of_another_kind_replaces() {
    check(
        json!({}),
        json!({"a": {"b": 1}}),
        json!({"a": [1]}),
        json!({"a": [1]}),
    );
    check(json!(null), json!(null), json!({"a": 1}), json!({"a": 1}));
}
