//! What the API server says about where a pod may run.

use super::*;

#[test]
fn a_node_selector_is_of_labels() {
    table(&[(
        "",
        "nodeSelector: {a/b/c: x, disk: -ssd}",
        &[
            "spec.nodeSelector: Invalid value: \"a/b/c\": a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
            "spec.nodeSelector: Invalid value: \"-ssd\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
        ],
    )]);
}

/// What is said of the terms that a node must meet.
fn of_terms(terms: &str, expected: &[&str]) {
    let path = "requiredDuringSchedulingIgnoredDuringExecution";
    let spec = format!("affinity: {{nodeAffinity: {{{path}: {{nodeSelectorTerms: [{terms}]}}}}}}");
    let expected: Vec<String> = expected
        .iter()
        .map(|text| format!("spec.affinity.nodeAffinity.{path}.nodeSelectorTerms{text}"))
        .collect();
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    table(&[("", &spec, &expected)]);
}

#[test]
fn a_required_term_has_an_operator_and_the_values_it_takes() {
    of_terms(
        "",
        &[": Required value: must have at least one node selector term"],
    );
    for (requirement, said) in [
        (
            "operator: In",
            "values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
        ),
        (
            "operator: Exists, values: [a]",
            "values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
        ),
        (
            "operator: Gt, values: [\"1\", \"2\"]",
            "values: Required value: must be specified single value when `operator` is 'Lt' or 'Gt'",
        ),
        (
            "operator: Is",
            "operator: Invalid value: \"Is\": not a valid selector operator",
        ),
    ] {
        of_terms(
            &format!("{{matchExpressions: [{{key: disk, {requirement}}}]}}"),
            &[&format!("[0].matchExpressions[0].{said}")],
        );
    }
    of_terms(
        "{matchFields: [{key: metadata.uid, operator: In, values: [a]}]}",
        &[
            "[0].matchFields[0].key: Invalid value: \"metadata.uid\": not a valid field selector key",
        ],
    );
    of_terms(
        "{matchFields: [{key: metadata.name, operator: In, values: [a, b]}]}",
        &[
            "[0].matchFields[0].values: Required value: must be only one value when `operator` is 'In' or 'NotIn' for node field selector",
        ],
    );
}

#[test]
fn preferences_have_weights_and_pods_a_topology() {
    let node = "spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0]";
    let pods = "spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0]";
    table(&[
        (
            "",
            "affinity: {nodeAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 0, preference: {}}]}}",
            &[&format!(
                "{node}.weight: Invalid value: 0: must be in the range 1-100"
            )],
        ),
        (
            "",
            "affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: kubernetes.io/hostname, labelSelector: {matchExpressions: [{key: a, operator: In}]}}]}}",
            &[&format!(
                "{pods}.labelSelector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'"
            )],
        ),
        (
            "",
            "affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: a, matchLabelKeys: [a]}]}}",
            &[&format!(
                "{pods}.matchLabelKeys: Forbidden: must not be specified when labelSelector is not set"
            )],
        ),
        (
            "",
            "affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: a, labelSelector: {}, matchLabelKeys: [a], mismatchLabelKeys: [a]}]}}",
            &[&format!(
                "{pods}.matchLabelKeys[0]: Invalid value: \"a\": exists in both matchLabelKeys and mismatchLabelKeys"
            )],
        ),
    ]);
    let said = refused(&pod(
        "",
        "affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: \"\"}]}}",
    ));
    assert_eq!(
        said[0],
        format!("pod.yaml:9: Pod \"web\": {pods}.topologyKey: Required value: can not be empty")
    );
}

#[test]
fn a_toleration_says_what_it_bears() {
    for (toleration, said) in [
        (
            "{}",
            "operator: Invalid value: \"\": operator must be Exists when `key` is empty, which means \"match all values and all keys\"",
        ),
        (
            "{key: a, effect: NoSchedule, tolerationSeconds: 1}",
            "effect: Invalid value: \"NoSchedule\": effect must be 'NoExecute' when `tolerationSeconds` is set",
        ),
        (
            "{key: a, operator: Exists, value: b}",
            "operator: Invalid value: \"b\": value must be empty when `operator` is 'Exists'",
        ),
        (
            "{key: a, operator: Is}",
            "operator: Unsupported value: \"Is\": supported values: \"Equal\", \"Exists\"",
        ),
        (
            "{key: a, effect: Never}",
            "effect: Unsupported value: \"Never\": supported values: \"NoSchedule\", \"PreferNoSchedule\", \"NoExecute\"",
        ),
    ] {
        table(&[(
            "",
            &format!("tolerations: [{toleration}]"),
            &[&format!("spec.tolerations[0].{said}")],
        )]);
    }
}

#[test]
fn placement_is_accepted_in_all_its_forms() {
    let spec = "nodeSelector: {kubernetes.io/os: linux, empty: \"\"}
schedulerName: mine
tolerations: [{operator: Exists}, {key: a, value: b, effect: NoExecute, tolerationSeconds: 30}]
affinity:
  nodeAffinity:
    requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: a, operator: Gt, values: [\"1\"]}]}]}
    preferredDuringSchedulingIgnoredDuringExecution: [{weight: 1, preference: {matchExpressions: [{key: a, operator: In, values: [-not a label-]}]}}]
  podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {a: b}}}]}";
    assert_eq!(loaded(&pod("", spec)).len(), 1);
}
