//! What the API server says about volumes and mounts.

use super::*;

/// What is said of one volume, without the path to it.
fn of_volume(volume: &str, expected: &[&str]) {
    let spec = format!("volumes: [{{name: v, {volume}}}]");
    let expected: Vec<String> = expected
        .iter()
        .map(|text| format!("spec.volumes[0].{text}"))
        .collect();
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    table(&[("", &spec, &expected)]);
}

#[test]
fn a_volume_of_an_object_names_it() {
    of_volume("secret: {}", &["secret.secretName: Required value"]);
    of_volume("configMap: {}", &["configMap.name: Required value"]);
    of_volume(
        "persistentVolumeClaim: {claimName: \"\"}",
        &["persistentVolumeClaim.claimName: Required value"],
    );
}

#[test]
fn modes_are_between_0_and_0777() {
    const SAID: &str = "must be a number between 0 and 0777 (octal), both inclusive";
    for volume in [
        "configMap: {name: c, defaultMode: 512}",
        "secret: {secretName: s, defaultMode: 512}",
        "downwardAPI: {defaultMode: 512}",
        "projected: {defaultMode: 512}",
    ] {
        let kind = volume.split(':').next().unwrap_or_default();
        let said = format!("{kind}.defaultMode: Invalid value: 512: {SAID}");
        of_volume(volume, &[&said]);
    }
    let said = format!("configMap.items[0].mode: Invalid value: -1: {SAID}");
    of_volume(
        "configMap: {name: c, items: [{key: k, path: p, mode: -1}]}",
        &[&said],
    );
}

#[test]
fn the_path_of_an_item_stays_in_the_volume() {
    for (path, said) in [
        ("/a", &["must be a relative path"][..]),
        ("a/../b", &["must not contain '..'"]),
        ("../a", &["must not contain '..'"]),
        ("..a", &["must not start with '..'"]),
        ("..", &["must not contain '..'", "must not start with '..'"]),
    ] {
        let expected: Vec<String> = said
            .iter()
            .map(|said| format!("secret.items[0].path: Invalid value: {path:?}: {said}"))
            .collect();
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        of_volume(
            &format!("secret: {{secretName: s, items: [{{key: k, path: {path}}}]}}"),
            &expected,
        );
    }
    of_volume(
        "secret: {secretName: s, items: [{key: \"\", path: \"\"}]}",
        &[
            "secret.items[0].key: Required value",
            "secret.items[0].path: Required value",
        ],
    );
}

#[test]
fn a_downward_file_tells_of_a_field_or_of_an_amount() {
    of_volume(
        "downwardAPI: {items: [{path: a}]}",
        &["downwardAPI.items[0]: Required value: one of fieldRef and resourceFieldRef is required"],
    );
    of_volume(
        "downwardAPI: {items: [{path: a, fieldRef: {fieldPath: metadata.name}, resourceFieldRef: {resource: limits.cpu, containerName: app}}]}",
        &[
            "downwardAPI.items[0]: Invalid value: \"resource\": fieldRef and resourceFieldRef can not be specified simultaneously",
        ],
    );
    of_volume(
        "downwardAPI: {items: [{path: a, resourceFieldRef: {resource: limits.cpu}}]}",
        &["downwardAPI.items[0].resourceFieldRef.containerName: Required value"],
    );
    of_volume(
        "downwardAPI: {items: [{path: a, fieldRef: {fieldPath: status.podIP}}]}",
        &[
            "downwardAPI.items[0].fieldRef.fieldPath: Unsupported value: \"status.podIP\": supported values: \"metadata.annotations\", \"metadata.labels\", \"metadata.name\", \"metadata.namespace\", \"metadata.uid\"",
        ],
    );
}

#[test]
fn a_projected_source_is_of_one_kind_and_no_path_is_given_twice() {
    of_volume(
        "projected: {sources: [{secret: {name: a}, configMap: {name: b}}]}",
        &["projected.sources[0]: Forbidden: may not specify more than 1 volume type per source"],
    );
    of_volume(
        "projected: {sources: [{secret: {name: a, items: [{key: k, path: p}]}}, {configMap: {name: b, items: [{key: k, path: p}]}}]}",
        &["projected: Invalid value: \"b\": conflicting duplicate paths"],
    );
    of_volume(
        "projected: {sources: [{secret: {name: a, items: [{key: k, path: p}]}}, {downwardAPI: {items: [{path: p, fieldRef: {fieldPath: metadata.name}}]}}]}",
        &["projected: Invalid value: \"p\": conflicting duplicate paths"],
    );
    of_volume(
        "projected: {sources: [{secret: {}}, {configMap: {}}]}",
        &[
            "projected.sources[0].secret.name: Required value",
            "projected.sources[1].configMap.name: Required value",
        ],
    );
}

#[test]
fn a_token_lives_between_ten_minutes_and_2_to_the_32_seconds() {
    of_volume(
        "projected: {sources: [{serviceAccountToken: {path: t, expirationSeconds: 599}}]}",
        &[
            "projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes",
        ],
    );
    of_volume(
        "projected: {sources: [{serviceAccountToken: {path: t, expirationSeconds: 4294967297}}]}",
        &[
            "projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 4294967297: may not specify a duration larger than 2^32 seconds",
        ],
    );
    of_volume(
        "projected: {sources: [{serviceAccountToken: {path: \"\"}}, {serviceAccountToken: {path: ../t}}]}",
        &[
            "projected.sources[0].serviceAccountToken.path: Required value",
            "projected.sources[1].serviceAccountToken.path: Invalid value: \"../t\": must not contain '..'",
        ],
    );
}

#[test]
fn sizes_and_kinds_of_places_are_checked() {
    of_volume(
        "emptyDir: {sizeLimit: -1}",
        &["emptyDir.sizeLimit: Forbidden: SizeLimit field must be a valid resource quantity"],
    );
    of_volume(
        "hostPath: {path: /a, type: Folder}",
        &[
            "hostPath.type: Unsupported value: \"Folder\": supported values: \"\", \"BlockDevice\", \"CharDevice\", \"Directory\", \"DirectoryOrCreate\", \"File\", \"FileOrCreate\", \"Socket\"",
        ],
    );
    of_volume("hostPath: {path: \"\"}", &["hostPath.path: Required value"]);
}

#[test]
fn two_ways_to_write_one_place_are_one_place() {
    for other in ["/c/", "c", "//c", "/a/../c", "/c/."] {
        let said = format!(
            "spec.containers[0].volumeMounts[1].mountPath: Invalid value: {other:?}: must be unique"
        );
        table(&[(
            &format!("volumeMounts: [{{name: v, mountPath: /c}}, {{name: v, mountPath: {other}}}]"),
            "volumes: [{name: v}]",
            &[&said],
        )]);
    }
}

#[test]
fn a_mount_is_recursively_read_only_if_it_is_read_only() {
    let path = "spec.containers[0].volumeMounts[0]";
    for (modes, said) in [
        (
            "recursiveReadOnly: Enabled",
            vec!["recursiveReadOnly: Forbidden: may only be specified when readOnly is true"],
        ),
        (
            "recursiveReadOnly: Always",
            vec![
                "recursiveReadOnly: Unsupported value: \"Always\": supported values: \"Disabled\", \"Enabled\", \"IfPossible\"",
            ],
        ),
        (
            "readOnly: true, recursiveReadOnly: IfPossible, mountPropagation: HostToContainer",
            vec![
                "recursiveReadOnly: Forbidden: may only be specified when mountPropagation is None or not specified",
                "mountPropagation: Not supported yet: this version of wasmpod would ignore it",
            ],
        ),
        (
            "mountPropagation: Bidirectional",
            vec![
                "mountPropagation: Forbidden: Bidirectional mount propagation is available only to privileged containers",
                "mountPropagation: Not supported yet: this version of wasmpod would ignore it",
            ],
        ),
    ] {
        let said: Vec<String> = said.iter().map(|said| format!("{path}.{said}")).collect();
        let said: Vec<&str> = said.iter().map(String::as_str).collect();
        table(&[(
            &format!("volumeMounts: [{{name: v, mountPath: /c, {modes}}}]"),
            "volumes: [{name: v}]",
            &said,
        )]);
    }
}

#[test]
fn the_group_of_volumes_is_a_group() {
    table(&[
        (
            "",
            "securityContext: {fsGroup: -1}",
            &[
                "spec.securityContext.fsGroup: Invalid value: -1: must be between 0 and 2147483647, inclusive",
            ],
        ),
        (
            "",
            "securityContext: {fsGroup: 1, fsGroupChangePolicy: Never}",
            &[
                "spec.securityContext.fsGroupChangePolicy: Unsupported value: \"Never\": supported values: \"Always\", \"OnRootMismatch\"",
            ],
        ),
    ]);
}

#[test]
fn defaults_are_filled_in_and_quantities_written_shortest() {
    let spec = "volumes:
- {name: a, configMap: {name: c}}
- {name: b, secret: {secretName: s, defaultMode: 0400}}
- {name: c, emptyDir: {medium: Memory, sizeLimit: 1024Ki}}
- {name: d, hostPath: {path: /d}}
- name: e
  projected:
    sources:
    - {serviceAccountToken: {path: t}}
    - {downwardAPI: {items: [{path: name, fieldRef: {fieldPath: metadata.name}}, {path: memory, resourceFieldRef: {containerName: app, resource: limits.memory}}]}}";
    let pods = loaded(&pod("", spec));
    let printed = serde_json::to_value(&pods[0]).expect("prints");
    let volume = |index: usize| &printed["spec"]["volumes"][index];
    assert_eq!(volume(0)["configMap"]["defaultMode"], 0o644);
    assert_eq!(volume(1)["secret"]["defaultMode"], 0o400);
    assert_eq!(volume(2)["emptyDir"]["sizeLimit"], "1Mi");
    assert_eq!(volume(3)["hostPath"]["type"], "");
    let projected = &volume(4)["projected"];
    assert_eq!(projected["defaultMode"], 0o644);
    let sources = &projected["sources"];
    assert_eq!(sources[0]["serviceAccountToken"]["expirationSeconds"], 3600);
    let items = &sources[1]["downwardAPI"]["items"];
    assert_eq!(items[0]["fieldRef"]["apiVersion"], "v1");
    assert_eq!(items[1]["resourceFieldRef"]["divisor"], "0");
}
