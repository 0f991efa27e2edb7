//! What the API server says about variables, their sources, and names.

use super::*;

/// What is said of one entry of `env`, without the path to it.
fn of_source(source: &str, expected: &[&str]) {
    let container = format!("env: [{{name: A, valueFrom: {{{source}}}}}]");
    let expected: Vec<String> = expected
        .iter()
        .map(|text| format!("spec.containers[0].env[0].valueFrom{text}"))
        .collect();
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    table(&[(
        &container,
        "volumes: [{name: e}, {name: s, secret: {secretName: s}}]",
        &expected,
    )]);
}

#[test]
fn a_variable_has_one_source_or_a_value() {
    of_source(
        "",
        &[
            ": Invalid value: \"\": must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`",
        ],
    );
    of_source(
        "configMapKeyRef: {name: c, key: k}, secretKeyRef: {name: s, key: k}",
        &[": Invalid value: \"\": may not have more than one field specified at a time"],
    );
    table(&[(
        "env: [{name: A, value: x, valueFrom: {configMapKeyRef: {name: c, key: k}}}]",
        "",
        &[
            "spec.containers[0].env[0].valueFrom: Invalid value: \"\": may not be specified when `value` is not empty",
        ],
    )]);
}

#[test]
fn a_key_of_an_object_has_a_name_and_a_key() {
    of_source(
        "configMapKeyRef: {name: c, key: \"\"}",
        &[".configMapKeyRef.key: Required value"],
    );
    of_source(
        "secretKeyRef: {name: s, key: a/b}",
        &[
            ".secretKeyRef.key: Invalid value: \"a/b\": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
        ],
    );
    of_source(
        "secretKeyRef: {name: s, key: ..}",
        &[".secretKeyRef.key: Invalid value: \"..\": must not be '..'"],
    );
    of_source(
        "secretKeyRef: {name: s, key: ..a}",
        &[".secretKeyRef.key: Invalid value: \"..a\": must not start with '..'"],
    );
    let subdomain = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
    let said = format!(".configMapKeyRef.name: Invalid value: \"A\": {subdomain}");
    of_source("configMapKeyRef: {name: A, key: k}", &[&said]);
}

#[test]
fn a_variable_tells_of_fields_that_fit_into_one() {
    let fields = "\"metadata.name\", \"metadata.namespace\", \"metadata.uid\", \"spec.nodeName\", \"spec.serviceAccountName\", \"status.hostIP\", \"status.hostIPs\", \"status.podIP\", \"status.podIPs\"";
    for path in ["metadata.labels", "status.phase", "spec.restartPolicy"] {
        let said = format!(
            ".fieldRef.fieldPath: Unsupported value: \"{path}\": supported values: {fields}"
        );
        of_source(&format!("fieldRef: {{fieldPath: {path}}}"), &[&said]);
    }
    of_source(
        "fieldRef: {fieldPath: metadata.generation}",
        &[
            ".fieldRef.fieldPath: Invalid value: \"metadata.generation\": error converting fieldPath: field label not supported: metadata.generation",
        ],
    );
    of_source(
        "fieldRef: {fieldPath: \"metadata.name['x']\"}",
        &[
            ".fieldRef.fieldPath: Invalid value: \"metadata.name['x']\": error converting fieldPath: field label does not support subscript: metadata.name['x']",
        ],
    );
    of_source(
        "fieldRef: {apiVersion: v2, fieldPath: metadata.name}",
        &[
            ".fieldRef.fieldPath: Invalid value: \"metadata.name\": error converting fieldPath: unsupported pod version: v2",
        ],
    );
    of_source(
        "fieldRef: {fieldPath: \"metadata.labels['']\"}",
        &[
            ".fieldRef: Invalid value: \"\": name part must be non-empty",
            ".fieldRef: Invalid value: \"\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
        ],
    );
    of_source(
        "fieldRef: {fieldPath: \"\"}",
        &[".fieldRef.fieldPath: Required value"],
    );
}

#[test]
fn an_amount_is_told_in_units_that_fit_it() {
    let bytes = "only divisor's values 1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei are supported with the";
    of_source(
        "resourceFieldRef: {resource: limits.cpu, divisor: 1Mi}",
        &[
            ".resourceFieldRef.divisor: Invalid value: \"limits.cpu\": only divisor's values 1m and 1 are supported with the cpu resource",
        ],
    );
    for (resource, name) in [
        ("requests.memory", "memory"),
        ("limits.ephemeral-storage", "local ephemeral storage"),
        ("limits.hugepages-2Mi", "hugepages"),
    ] {
        let said = format!(
            ".resourceFieldRef.divisor: Invalid value: \"{resource}\": {bytes} {name} resource"
        );
        of_source(
            &format!("resourceFieldRef: {{resource: {resource}, divisor: 3Mi}}"),
            &[&said],
        );
    }
    of_source(
        "resourceFieldRef: {resource: cpu}",
        &[
            ".resourceFieldRef.resource: Unsupported value: \"cpu\": supported values: \"limits.cpu\", \"limits.ephemeral-storage\", \"limits.memory\", \"requests.cpu\", \"requests.ephemeral-storage\", \"requests.memory\"",
        ],
    );
    for good in [
        "limits.cpu, divisor: 1000m",
        "limits.memory, divisor: 1024Ki",
        "requests.memory, divisor: \"0\"",
        "requests.hugepages-1Gi",
    ] {
        let env =
            format!("env: [{{name: A, valueFrom: {{resourceFieldRef: {{resource: {good}}}}}}}]");
        assert_eq!(loaded(&pod(&env, "")).len(), 1, "{good}");
    }
}

#[test]
fn a_variable_of_a_file_lies_in_an_empty_dir_of_the_pod() {
    of_source(
        "fileKeyRef: {volumeName: x, path: a, key: K}",
        &[".fileKeyRef.volumeName: Not found: \"x\""],
    );
    of_source(
        "fileKeyRef: {volumeName: s, path: a, key: K}",
        &[
            ".fileKeyRef.volumeName: Invalid value: \"s\": referenced volume must be of type emptyDir",
        ],
    );
    of_source(
        "fileKeyRef: {volumeName: e, path: ../a, key: K}",
        &[".fileKeyRef.path: Invalid value: \"../a\": must not contain '..'"],
    );
    of_source(
        "fileKeyRef: {volumeName: e, path: /a, key: K=}",
        &[
            ".fileKeyRef.key: Invalid value: \"K=\": a valid environment variable name must consist only of printable ASCII characters other than '='",
            ".fileKeyRef.path: Invalid value: \"/a\": must be a relative path",
        ],
    );
    of_source(
        "fileKeyRef: {volumeName: \"\", path: \"\", key: \"\"}",
        &[
            ".fileKeyRef.key: Required value",
            ".fileKeyRef.path: Required value",
            ".fileKeyRef.volumeName: Required value",
        ],
    );
}

#[test]
fn env_from_has_one_source_with_a_name() {
    table(&[
        (
            "envFrom: [{}]",
            "",
            &[
                "spec.containers[0].envFrom[0]: Invalid value: \"\": must specify one of: `configMapRef` or `secretRef`",
            ],
        ),
        (
            "envFrom: [{configMapRef: {name: a}, secretRef: {name: b}}]",
            "",
            &[
                "spec.containers[0].envFrom[0]: Invalid value: \"\": may not have more than one field specified at a time",
            ],
        ),
        (
            "envFrom: [{prefix: A=, configMapRef: {name: \"\"}}]",
            "",
            &[
                "spec.containers[0].envFrom[0].prefix: Invalid value: \"A=\": a valid environment variable name must consist only of printable ASCII characters other than '='",
                "spec.containers[0].envFrom[0].configMapRef.name: Required value",
            ],
        ),
    ]);
}

#[test]
fn every_kind_of_source_is_accepted() {
    let container = "envFrom: [{prefix: P_, configMapRef: {name: c}}, {secretRef: {name: s, optional: true}}]
env:
- {name: A, valueFrom: {configMapKeyRef: {name: c, key: k, optional: true}}}
- {name: B, valueFrom: {secretKeyRef: {name: s, key: k}}}
- {name: C, valueFrom: {fieldRef: {fieldPath: \"metadata.annotations['Example.com/X']\"}}}
- {name: D, valueFrom: {fieldRef: {fieldPath: spec.host}}}
- {name: E, valueFrom: {resourceFieldRef: {resource: limits.memory, containerName: app, divisor: 1Mi}}}
- {name: F, valueFrom: {fileKeyRef: {volumeName: e, path: a/b.env, key: F, optional: true}}}";
    let pods = loaded(&pod(container, "volumes: [{name: e}]"));
    let env = pods[0]
        .spec
        .as_ref()
        .and_then(|spec| spec.containers[0].env.clone());
    let env = env.expect("variables");
    let source = |index: usize| env[index].value_from.clone().expect("a source");
    let version = source(2).field_ref.and_then(|field| field.api_version);
    assert_eq!(version.as_deref(), Some("v1"));
    let divisor = source(4)
        .resource_field_ref
        .and_then(|resource| resource.divisor);
    assert_eq!(divisor.map(|divisor| divisor.0).as_deref(), Some("1Mi"));
}

#[test]
fn the_service_account_is_shown_under_both_its_names() {
    for written in ["serviceAccountName: robot", "serviceAccount: robot"] {
        let pods = loaded(&pod("", written));
        let spec = pods[0].spec.as_ref().expect("a spec");
        assert_eq!(
            spec.service_account_name.as_deref(),
            Some("robot"),
            "{written}"
        );
        assert_eq!(spec.service_account.as_deref(), Some("robot"), "{written}");
    }
    let pods = loaded(&pod("", ""));
    let spec = pods[0].spec.as_ref().expect("a spec");
    assert_eq!(
        (&spec.service_account_name, &spec.service_account),
        (&None, &None)
    );
}

#[test]
fn a_resolver_that_is_given_whole_needs_a_nameserver() {
    table(&[
        (
            "",
            "dnsPolicy: None",
            &["spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None"],
        ),
        (
            "",
            "dnsPolicy: None\ndnsConfig: {searches: [a]}",
            &[
                "spec.dnsConfig.nameservers: Required value: must provide at least one DNS nameserver when `dnsPolicy` is None",
            ],
        ),
        (
            "",
            "dnsPolicy: Cluster",
            &[
                "spec.dnsPolicy: Unsupported value: \"Cluster\": supported values: \"ClusterFirstWithHostNet\", \"ClusterFirst\", \"Default\", \"None\"",
            ],
        ),
        (
            "",
            "dnsConfig: {nameservers: [1.1.1.1, 2.2.2.2, 3.3.3.3, x], options: [{value: a}]}",
            &[
                "spec.dnsConfig.nameservers: Invalid value: [\"1.1.1.1\",\"2.2.2.2\",\"3.3.3.3\",\"x\"]: must not have more than 3 nameservers",
                "spec.dnsConfig.nameservers[3]: Invalid value: \"x\": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
                "spec.dnsConfig.options[0]: Required value: must not be empty",
            ],
        ),
        (
            "",
            "dnsConfig: {searches: [., a.example.com., _tcp.b, a b]}",
            &[
                "spec.dnsConfig.searches[3]: Invalid value: \"a b\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*')",
            ],
        ),
    ]);
    let many: Vec<String> = (0..33).map(|n| format!("a{n}")).collect();
    let said = refused(&pod(
        "",
        &format!("dnsConfig: {{searches: [{}]}}", many.join(", ")),
    ));
    assert_eq!(said.len(), 1);
    assert!(
        said[0].ends_with(": must not have more than 32 search paths"),
        "{}",
        said[0]
    );
    let long: Vec<String> = (0..9).map(|n| format!("{n}{}", "a".repeat(240))).collect();
    let said = refused(&pod(
        "",
        &format!("dnsConfig: {{searches: [{}]}}", long.join(", ")),
    ));
    assert_eq!(said.len(), 1);
    assert!(
        said[0].ends_with(
            ": must not have more than 2048 characters (including spaces) in the search list"
        ),
        "{}",
        said[0]
    );
}

#[test]
fn names_of_the_pod_are_labels() {
    table(&[
        (
            "",
            "subdomain: a.b",
            &["spec.subdomain: Invalid value: \"a.b\": must not contain dots"],
        ),
        (
            "",
            "hostnameOverride: a.b\nsetHostnameAsFQDN: true\nhostNetwork: true",
            &[
                "spec.setHostnameAsFQDN: Forbidden: when `hostnameOverride` is set",
                "spec.hostNetwork: Forbidden: when `hostnameOverride` is set",
            ],
        ),
        (
            "",
            "hostAliases: [{ip: 10.0.0.1, hostnames: [good.example.com, Bad]}]",
            &[
                "spec.hostAliases[0].hostnames[1]: Invalid value: \"Bad\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
            ],
        ),
    ]);
}

#[test]
fn a_size_limit_is_a_wall_only_where_there_is_one() {
    let with = |line: &str, spec: &str| {
        pod("", spec).replace(
            "name: web",
            &format!("name: web\n  annotations: {{{line}}}"),
        )
    };
    let key = "wasmpod.dev/size-limit.a";
    let limited = "volumes: [{name: a, emptyDir: {sizeLimit: 1Mi}}]";
    assert_eq!(loaded(&with(&format!("{key}: enforce"), limited)).len(), 1);
    for (value, spec, said) in [
        (
            "often",
            limited,
            "Unsupported value: \"often\": supported values: \"enforce\"",
        ),
        ("enforce", "", "Not found: \"a\""),
        (
            "enforce",
            "volumes: [{name: a}]",
            "Forbidden: may only be used for an emptyDir with a sizeLimit",
        ),
    ] {
        assert_eq!(
            refused(&with(&format!("{key}: {value}"), spec)),
            [format!(
                "pod.yaml:5: Pod \"web\": metadata.annotations[{key}]: {said}"
            )]
        );
    }
}
