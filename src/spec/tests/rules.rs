//! What the API server would refuse, and what this version would ignore.

use super::*;

#[test]
fn a_pod_needs_a_name_and_a_container_with_name_and_image() {
    assert_eq!(
        refused("apiVersion: v1\nkind: Pod\n"),
        [
            "pod.yaml:1: Pod: metadata.name: Required value: name or generateName is required",
            "pod.yaml:1: Pod: spec.containers: Required value"
        ]
    );
    assert_eq!(
        refused("apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers:\n  - {}\n"),
        [
            "pod.yaml:6: Pod \"web\": spec.containers[0].name: Required value",
            "pod.yaml:6: Pod \"web\": spec.containers[0].image: Required value",
        ]
    );
}

#[test]
fn names_are_unique_over_init_and_regular_containers() {
    let init = "initContainers:\n- {name: app, image: ./a.wasm}\n- {name: x, image: ./a.wasm}\n- {name: x, image: ./a.wasm}";
    table(&[(
        "",
        init,
        &[
            "spec.initContainers[0].name: Duplicate value: \"app\"",
            "spec.initContainers[2].name: Duplicate value: \"x\"",
        ],
    )]);
}

#[test]
fn enumerations_tell_what_they_allow() {
    table(&[
        (
            "",
            "restartPolicy: Sometimes",
            &[
                "spec.restartPolicy: Unsupported value: \"Sometimes\": supported values: \"Always\", \"OnFailure\", \"Never\"",
            ],
        ),
        (
            "imagePullPolicy: x",
            "",
            &[
                "spec.containers[0].imagePullPolicy: Unsupported value: \"x\": supported values: \"Always\", \"IfNotPresent\", \"Never\"",
            ],
        ),
        (
            "terminationMessagePolicy: x",
            "",
            &[
                "spec.containers[0].terminationMessagePolicy: Invalid value: \"x\": must be 'File' or 'FallbackToLogsOnError'",
            ],
        ),
        (
            "ports: [{containerPort: 1, protocol: tcp}]",
            "",
            &[
                "spec.containers[0].ports[0].protocol: Unsupported value: \"tcp\": supported values: \"SCTP\", \"TCP\", \"UDP\"",
            ],
        ),
    ]);
}

#[test]
fn ports_are_in_range_and_unique() {
    table(&[
        (
            "ports: [{containerPort: 0}]",
            "",
            &["spec.containers[0].ports[0].containerPort: Required value"],
        ),
        (
            "ports: [{containerPort: 65536}]",
            "",
            &[
                "spec.containers[0].ports[0].containerPort: Invalid value: 65536: must be between 1 and 65535, inclusive",
            ],
        ),
        (
            "ports: [{containerPort: 1, hostPort: -1}]",
            "",
            &[
                "spec.containers[0].ports[0].hostPort: Invalid value: -1: must be between 1 and 65535, inclusive",
            ],
        ),
        (
            "ports: [{containerPort: 1, name: a}, {containerPort: 2, name: a}]",
            "",
            &["spec.containers[0].ports[1].name: Duplicate value: \"a\""],
        ),
        (
            "ports: [{containerPort: 1, hostPort: 80}, {containerPort: 2, hostPort: 80}]",
            "",
            &["spec.containers[0].ports[1].hostPort: Duplicate value: \"TCP//80\""],
        ),
        (
            "ports: [{containerPort: 1, hostPort: 80, hostIP: 127.0.0.1}, {containerPort: 2, hostPort: 80}]",
            "",
            &["spec.containers[0].ports[1].hostPort: Duplicate value: \"TCP//80\""],
        ),
        (
            "ports: [{containerPort: 1, hostPort: 80}]",
            "hostNetwork: true",
            &[
                "spec.containers[0].ports[0].containerPort: Invalid value: 1: must match `hostPort` when `hostNetwork` is true",
            ],
        ),
        (
            "ports: [{containerPort: 1, hostPort: 80, hostIP: x}]",
            "",
            &[
                "spec.containers[0].ports[0].hostIP: Invalid value: \"x\": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
            ],
        ),
    ]);
    let distinct = "ports: [{containerPort: 1, hostPort: 80}, {containerPort: 2, hostPort: 80, protocol: UDP}]";
    assert_eq!(loaded(&pod(distinct, "")).len(), 1);
    let by_address = "ports: [{containerPort: 1, hostPort: 80, hostIP: 127.0.0.1}, {containerPort: 2, hostPort: 80, hostIP: 127.0.0.2}]";
    assert_eq!(loaded(&pod(by_address, "")).len(), 1);
}

#[test]
fn requests_stay_below_limits_and_above_zero() {
    table(&[
        (
            "resources: {requests: {memory: 2Gi}, limits: {memory: 1Gi}}",
            "",
            &[
                "spec.containers[0].resources.requests: Invalid value: \"2Gi\": must be less than or equal to memory limit of 1Gi",
            ],
        ),
        (
            "resources: {requests: {cpu: -1}}",
            "",
            &[
                "spec.containers[0].resources.requests[cpu]: Invalid value: \"-1\": must be greater than or equal to 0",
            ],
        ),
        (
            "resources: {requests: {memory: 1K}}",
            "",
            &[
                "spec.containers[0].resources.requests[memory]: Invalid value: \"1K\": unable to parse quantity's suffix: K does not exist, only k (1000) and Ki (1024)",
            ],
        ),
        (
            "resources: {requests: {gpu: 1}}",
            "",
            &[
                "spec.containers[0].resources.requests[gpu]: Invalid value: \"gpu\": must be a standard resource for containers",
                "spec.containers[0].resources.requests[gpu]: Not supported yet: this version of wasmpod would ignore it",
            ],
        ),
    ]);
}

#[test]
fn mounts_name_a_volume_and_do_not_leave_it() {
    let volume = "volumes: [{name: data, emptyDir: {}}]";
    table(&[
        (
            "volumeMounts: [{name: cache, mountPath: /c}]",
            volume,
            &["spec.containers[0].volumeMounts[0].name: Not found: \"cache\""],
        ),
        (
            "volumeMounts: [{name: data}]",
            volume,
            &["spec.containers[0].volumeMounts[0].mountPath: Required value"],
        ),
        (
            "volumeMounts: [{name: data, mountPath: /c}, {name: data, mountPath: /c}]",
            volume,
            &[
                "spec.containers[0].volumeMounts[1].mountPath: Invalid value: \"/c\": must be unique",
            ],
        ),
        (
            "volumeMounts: [{name: data, mountPath: /a:b}]",
            volume,
            &[
                "spec.containers[0].volumeMounts[0].mountPath: Invalid value: \"/a:b\": must not contain ':'",
            ],
        ),
        (
            "volumeMounts: [{name: data, mountPath: /a, subPath: ../x}]",
            volume,
            &[
                "spec.containers[0].volumeMounts[0].subPath: Invalid value: \"../x\": must not contain '..'",
            ],
        ),
        (
            "volumeMounts: [{name: data, mountPath: /a, subPath: /x, subPathExpr: z}]",
            volume,
            &[
                "spec.containers[0].volumeMounts[0].subPathExpr: Invalid value: \"z\": subPathExpr and subPath are mutually exclusive",
                "spec.containers[0].volumeMounts[0].subPath: Invalid value: \"/x\": must be a relative path",
            ],
        ),
    ]);
}

#[test]
fn a_volume_has_a_unique_name_and_exactly_one_source() {
    table(&[
        (
            "",
            "volumes: [{name: a, emptyDir: {}}, {name: a, emptyDir: {}}]",
            &["spec.volumes[1].name: Duplicate value: \"a\""],
        ),
        (
            "",
            "volumes: [{emptyDir: {}}]",
            &["spec.volumes[0].name: Required value"],
        ),
        (
            "",
            "volumes: [{name: a, emptyDir: {}, hostPath: {path: /x}}]",
            &["spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type"],
        ),
        (
            "",
            "volumes: [{name: a, hostPath: {path: /x/../y}}]",
            &["spec.volumes[0].hostPath.path: Invalid value: \"/x/../y\": must not contain '..'"],
        ),
    ]);
    let pods = loaded(&pod("", "volumes: [{name: a}]"));
    assert!(
        pods[0]
            .spec
            .as_ref()
            .expect("spec")
            .volumes
            .as_ref()
            .expect("volumes")[0]
            .empty_dir
            .is_some()
    );
}

#[test]
fn restart_rules_need_a_policy_and_exit_codes() {
    table(&[
        (
            "restartPolicyRules: [{action: Restart, exitCodes: {operator: In, values: [1]}}]",
            "",
            &[
                "spec.containers[0].restartPolicy: Required value: must specify restartPolicy when restart rules are used",
            ],
        ),
        (
            "restartPolicy: Never\nrestartPolicyRules: [{action: Stop, exitCodes: {operator: Is, values: [1]}}]",
            "",
            &[
                "spec.containers[0].restartPolicyRules[0].action: Unsupported value: \"Stop\": supported values: \"Restart\", \"RestartAllContainers\"",
                "spec.containers[0].restartPolicyRules[0].exitCodes.operator: Unsupported value: \"Is\": supported values: \"In\", \"NotIn\"",
            ],
        ),
    ]);
}

#[test]
fn names_addresses_and_deadlines_are_checked() {
    table(&[
        (
            "",
            "activeDeadlineSeconds: 0",
            &[
                "spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive",
            ],
        ),
        (
            "",
            "hostname: a.b",
            &["spec.hostname: Invalid value: \"a.b\": must not contain dots"],
        ),
        (
            "",
            "hostAliases: [{ip: x, hostnames: [a]}]",
            &[
                "spec.hostAliases[0].ip: Invalid value: \"x\": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
            ],
        ),
        (
            "env: [{name: A=B}]",
            "",
            &[
                "spec.containers[0].env[0].name: Invalid value: \"A=B\": a valid environment variable name must consist only of printable ASCII characters other than '='",
            ],
        ),
        (
            "env: [{value: x}]",
            "",
            &["spec.containers[0].env[0].name: Required value"],
        ),
        (
            "",
            "shareProcessNamespace: true\nhostPID: true",
            &[
                "spec.shareProcessNamespace: Invalid value: true: ShareProcessNamespace and HostPID cannot both be enabled",
                "spec.shareProcessNamespace: Not supported yet: this version of wasmpod would ignore it",
                "spec.hostPID: Not supported yet: this version of wasmpod would ignore it",
            ],
        ),
    ]);
}

#[test]
fn plain_init_containers_have_no_probes_and_no_hooks() {
    let said = refused(&pod(
        "",
        "initContainers:\n- name: i\n  image: ./a.wasm\n  lifecycle: {}\n  livenessProbe: {exec: {command: [x]}}",
    ));
    let text = "may not be set for init containers without restartPolicy=Always";
    assert!(said.contains(&format!(
        "pod.yaml:12: Pod \"web\": spec.initContainers[0].lifecycle: Forbidden: {text}"
    )));
    assert!(said.contains(&format!(
        "pod.yaml:13: Pod \"web\": spec.initContainers[0].livenessProbe: Forbidden: {text}"
    )));
}

#[test]
fn our_annotations_name_a_container_and_say_what_they_can() {
    let with = |line: &str| {
        GOOD.replace(
            "{name: web}",
            &format!("{{name: web, annotations: {{{line}}}}}"),
        )
    };
    assert_eq!(
        loaded(&with(
            "wasmpod.dev/interrupt.app: none, wasmpod.dev/sim.app: anything, wasmpod.dev/pid: \"7\", other: x"
        ))
        .len(),
        1
    );
    for (line, said) in [
        (
            "wasmpod.dev/interrupt.app: often",
            "metadata.annotations[wasmpod.dev/interrupt.app]: Unsupported value: \"often\": supported values: \"none\"",
        ),
        (
            "wasmpod.dev/interrupt.db: none",
            "metadata.annotations[wasmpod.dev/interrupt.db]: Not found: \"db\"",
        ),
        (
            "wasmpod.dev/x: none",
            "metadata.annotations[wasmpod.dev/x]: Unsupported value: \"wasmpod.dev/x\": supported values: \"wasmpod.dev/interrupt.<container>\", \"wasmpod.dev/sim.<container>\", \"wasmpod.dev/size-limit.<volume>\"",
        ),
    ] {
        assert_eq!(
            refused(&with(line)),
            [format!("pod.yaml:3: Pod \"web\": {said}")]
        );
    }
}

#[test]
fn what_would_be_ignored_is_refused_by_name() {
    let ignored =
        |path: &str| format!("{path}: Not supported yet: this version of wasmpod would ignore it");
    for (container, spec, path) in [
        (
            "livenessProbe: {exec: {command: [x]}}",
            "",
            "spec.containers[0].livenessProbe",
        ),
        (
            "lifecycle: {preStop: {sleep: {seconds: 1}}}",
            "",
            "spec.containers[0].lifecycle",
        ),
        (
            "securityContext: {readOnlyRootFilesystem: true}",
            "",
            "spec.containers[0].securityContext",
        ),
        (
            "volumeDevices: [{name: a, devicePath: /dev/a}]",
            "",
            "spec.containers[0].volumeDevices",
        ),
        (
            "",
            "securityContext: {runAsUser: 1000, fsGroup: 1000}",
            "spec.securityContext.runAsUser",
        ),
        (
            "",
            "volumes: [{name: a, emptyDir: {medium: HugePages-2Mi}}]",
            "spec.volumes[0].emptyDir.medium",
        ),
        (
            "",
            "volumes: [{name: a, projected: {sources: [{secret: {name: s}}, {clusterTrustBundle: {name: b, path: p}}]}}]",
            "spec.volumes[0].projected.sources[1].clusterTrustBundle",
        ),
        (
            "",
            "volumes: [{name: a, projected: {sources: [{podCertificate: {keyType: ED25519, signerName: s}}]}}]",
            "spec.volumes[0].projected.sources[0].podCertificate",
        ),
        (
            "volumeMounts: [{name: a, mountPath: /a, mountPropagation: HostToContainer}]",
            "volumes: [{name: a}]",
            "spec.containers[0].volumeMounts[0].mountPropagation",
        ),
    ] {
        table(&[(container, spec, &[&ignored(path)])]);
    }
    table(&[
        (
            "",
            "volumes: [{name: a, image: {reference: r}}, {name: b, csi: {driver: d}}, {name: c, nfs: {server: s, path: /p}}, {name: d, ephemeral: {}}]",
            &[
                "spec.volumes[0].image: Not supported yet: only volumes of the kinds configMap, downwardAPI, emptyDir, hostPath, persistentVolumeClaim, projected, secret are",
                "spec.volumes[1].csi: Not supported yet: only volumes of the kinds configMap, downwardAPI, emptyDir, hostPath, persistentVolumeClaim, projected, secret are",
                "spec.volumes[2].nfs: Not supported yet: only volumes of the kinds configMap, downwardAPI, emptyDir, hostPath, persistentVolumeClaim, projected, secret are",
                "spec.volumes[3].ephemeral: Not supported yet: only volumes of the kinds configMap, downwardAPI, emptyDir, hostPath, persistentVolumeClaim, projected, secret are",
            ],
        ),
        (
            "resources: {limits: {cpu: 1}}",
            "",
            &[
                "spec.containers[0].resources.limits[cpu]: Not supported yet: this version of wasmpod would not enforce it",
            ],
        ),
    ]);
}

#[test]
fn what_makes_no_difference_on_one_machine_is_accepted() {
    let spec = "schedulerName: default-scheduler\npriority: 0\ndnsPolicy: Default\nenableServiceLinks: false\nserviceAccountName: default\nautomountServiceAccountToken: false\nsecurityContext: {}\npreemptionPolicy: PreemptLowerPriority\nos: {name: linux}";
    assert_eq!(loaded(&pod("securityContext: {}\nresources: {requests: {cpu: 100m, memory: 1Mi}, limits: {memory: 2Mi}}", spec)).len(), 1);
}

#[test]
fn ephemeral_containers_may_have_little() {
    const DETAIL: &str = "Forbidden: cannot be set for an Ephemeral Container";
    let one =
        |fields: &str| format!("ephemeralContainers:\n- {{name: d, image: ./d.wasm, {fields}}}");
    let path = "spec.ephemeralContainers[0]";
    for (fields, field) in [
        ("ports: [{containerPort: 80}]", "ports"),
        ("resources: {limits: {memory: 1Gi}}", "resources"),
        ("restartPolicy: Always", "restartPolicy"),
    ] {
        table(&[("", &one(fields), &[&format!("{path}.{field}: {DETAIL}")])]);
    }
    let mount =
        one("volumeMounts: [{name: v, mountPath: /v, subPath: s}]") + "\nvolumes: [{name: v}]";
    table(&[(
        "",
        &mount,
        &[&format!("{path}.volumeMounts[0].subPath: {DETAIL}")],
    )]);
    table(&[
        (
            "",
            "ephemeralContainers: [{name: app, image: ./d.wasm}, {name: e}]",
            &[
                "spec.ephemeralContainers[0].name: Duplicate value: \"app\"",
                "spec.ephemeralContainers[1].image: Required value",
            ],
        ),
        (
            "",
            &one("targetContainerName: app"),
            &[&format!(
                "{path}.targetContainerName: Not supported yet: this version of wasmpod would ignore it"
            )],
        ),
    ]);
    assert!(
        refused(&pod("", &one("targetContainerName: other")))[0]
            .ends_with("targetContainerName: Not found: \"other\"")
    );
}

#[test]
fn an_ephemeral_container_is_defaulted_like_any_other() {
    let one = "ephemeralContainers: [{name: d, image: ./d.wasm, stdin: true}]";
    let object = &loaded(&pod("", one))[0];
    let printed = serde_json::to_value(object).expect("prints");
    assert_eq!(
        printed["spec"]["ephemeralContainers"][0],
        serde_json::json!({
            "name": "d",
            "image": "./d.wasm",
            "imagePullPolicy": "IfNotPresent",
            "resources": {},
            "stdin": true,
            "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File",
        })
    );
}
