//! Fields and types.

use super::*;

#[test]
fn an_unknown_field_is_told_with_path_line_and_nearest_field() {
    let text = pod(
        "imagePulPolicy: Always\nports: [{containerport: 80, containerPort: 80}]\nfoo: 1",
        "restartpolicy: Never",
    );
    assert_eq!(
        refused(&text),
        [
            "pod.yaml:9: Pod \"web\": spec.containers[0].imagePulPolicy: Unknown field: did you mean \"imagePullPolicy\"?",
            "pod.yaml:10: Pod \"web\": spec.containers[0].ports[0].containerport: Unknown field: did you mean \"containerPort\"?",
            "pod.yaml:11: Pod \"web\": spec.containers[0].foo: Unknown field: known here are args, command, env, envFrom, image, imagePullPolicy, lifecycle, livenessProbe, name, ports, readinessProbe, resizePolicy, resources, restartPolicy, restartPolicyRules, securityContext, startupProbe, stdin, stdinOnce, terminationMessagePath, terminationMessagePolicy, tty, volumeDevices, volumeMounts, workingDir",
            "pod.yaml:12: Pod \"web\": spec.restartpolicy: Unknown field: did you mean \"restartPolicy\"?",
        ]
    );
}

#[test]
fn unknown_fields_are_warnings_or_nothing_when_asked_so() {
    let text = pod("foo: 1\nlivenessProbe: {exec: {command: [x]}}", "");
    assert_eq!(complaints(text.clone(), Validate::Warn).len(), 2);
    assert!(load(&source(text.clone()), Validate::Warn).is_ok());
    assert_eq!(complaints(text, Validate::Ignore), Vec::<String>::new());
}

#[test]
fn every_value_of_a_wrong_type_is_told_at_once() {
    let text = pod(
        "env: [{name: A, value: 8080}, {name: B, value: yes}]\nports: [{containerPort: http}, {containerPort: 99999999999}]\nargs: run\ntty: 1\nresources: [x]",
        "hostNetwork: \"true\"\nactiveDeadlineSeconds: 1.5",
    );
    assert_eq!(
        refused(&text),
        [
            "pod.yaml:9: Pod \"web\": spec.containers[0].env[0].value: Invalid value: 8080: must be a string (write it in quotes: \"8080\")",
            "pod.yaml:9: Pod \"web\": spec.containers[0].env[1].value: Invalid value: yes: must be a string (write it in quotes: \"yes\")",
            "pod.yaml:10: Pod \"web\": spec.containers[0].ports[0].containerPort: Invalid value: \"http\": must be an integer",
            "pod.yaml:10: Pod \"web\": spec.containers[0].ports[1].containerPort: Invalid value: 99999999999: must be an integer between -2147483648 and 2147483647",
            "pod.yaml:11: Pod \"web\": spec.containers[0].args: Invalid value: \"run\": must be a list",
            "pod.yaml:12: Pod \"web\": spec.containers[0].tty: Invalid value: 1: must be true or false",
            "pod.yaml:13: Pod \"web\": spec.containers[0].resources: Invalid value: a list: must be an object",
            "pod.yaml:14: Pod \"web\": spec.hostNetwork: Invalid value: \"true\": must be true or false",
            "pod.yaml:15: Pod \"web\": spec.activeDeadlineSeconds: Invalid value: 1.5: must be an integer",
        ]
    );
}

#[test]
fn a_field_twice_is_an_error_that_says_which_counts() {
    let text = pod("image: ./other.wasm", "");
    assert_eq!(
        refused(&text),
        ["pod.yaml:9: Pod \"web\": spec.containers[0].image: Duplicate field: the last one counts"]
    );
    let lenient = load(&source(text), Validate::Ignore).expect("loads");
    assert_eq!(
        lenient.pods[0]
            .object
            .spec
            .as_ref()
            .expect("spec")
            .containers[0]
            .image
            .as_deref(),
        Some("./other.wasm")
    );
}

#[test]
fn a_timestamp_that_is_none_is_told_like_the_rest() {
    let said = refused(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n  creationTimestamp: yesterday\n",
    );
    assert_eq!(said.len(), 1);
    assert!(
        said[0].starts_with(
            "pod.yaml:5: Pod \"web\": metadata.creationTimestamp: Invalid value: \"yesterday\": "
        ),
        "{}",
        said[0]
    );
}

#[test]
fn null_is_the_same_as_not_written() {
    assert_eq!(
        loaded(&pod(
            "env:\nargs: ~\nresources: null",
            "volumes:\nhostNetwork:"
        ))
        .len(),
        1
    );
}

#[test]
fn what_kubectl_prints_can_be_loaded_again() {
    let text = format!(
            "{}status:\n  phase: Running\n",
            pod("", "").replace("  name: web\n", "  name: web\n  uid: x\n  resourceVersion: \"1\"\n  creationTimestamp: \"2026-01-31T12:00:00Z\"\n  managedFields:\n  - {manager: kubectl, fieldsV1: {\"f:a\": {}}}\n")
        );
    assert_eq!(loaded(&text).len(), 1);
}
