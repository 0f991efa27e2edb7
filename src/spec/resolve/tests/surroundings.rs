//! What a pod mounts, is called and belongs to.

use super::*;
use crate::spec::pod::{
    DnsPolicy, DownwardItem, DownwardValue, EmptyDir, EnvSource, EnvValue, Field, Flavor, FsGroup,
    HostPathKind, Item, Medium, Projected, SizeLimit, Source, VolumeSource,
};

/// The volumes of a pod with one container.
fn volumes(written: &str) -> Vec<VolumeSource> {
    let pod = good(&format!(
        "{{volumes: [{written}], containers: [{{name: app, image: ./a.wasm}}]}}"
    ));
    pod.volumes
        .into_iter()
        .map(|volume| volume.source)
        .collect()
}

#[test]
fn an_empty_dir_has_a_medium_and_a_size() {
    let made = volumes(
        "{name: a}, {name: b, emptyDir: {medium: Memory, sizeLimit: 1.5Mi}}, {name: c, emptyDir: {sizeLimit: 0}}",
    );
    let limited = EmptyDir {
        medium: Medium::Memory,
        size_limit: Some(SizeLimit {
            bytes: 1536 << 10,
            written: "1536Ki".to_owned(),
        }),
        enforced: false,
    };
    let expected = [EmptyDir::default(), limited, EmptyDir::default()];
    assert_eq!(made, expected.map(VolumeSource::EmptyDir));
}

#[test]
fn a_size_limit_is_enforced_by_annotation() {
    let object = serde_json::json!({
        "metadata": {"name": "web", "annotations": {"wasmpod.dev/size-limit.a": "enforce"}},
        "spec": {
            "volumes": [{"name": "a", "emptyDir": {"sizeLimit": "1Mi"}}, {"name": "b", "emptyDir": {"sizeLimit": "1Mi"}}],
            "containers": [{"name": "app", "image": "./a.wasm"}],
        },
    });
    let object = serde_json::from_value(object).expect("a pod");
    let pod = resolve(
        object,
        FilePath::new("/"),
        "u".to_owned(),
        Timestamp::UNIX_EPOCH,
    );
    let pod = pod.unwrap_or_else(|complaints| panic!("{complaints}"));
    let enforced = |volume: &Volume| match &volume.source {
        VolumeSource::EmptyDir(dir) => dir.enforced,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        pod.volumes.iter().map(enforced).collect::<Vec<_>>(),
        [true, false]
    );
}

#[test]
fn a_host_path_is_of_one_of_eight_kinds() {
    for (written, kind) in [
        ("", HostPathKind::Unchecked),
        ("DirectoryOrCreate", HostPathKind::DirectoryOrCreate),
        ("Directory", HostPathKind::Directory),
        ("FileOrCreate", HostPathKind::FileOrCreate),
        ("File", HostPathKind::File),
        ("Socket", HostPathKind::Socket),
        ("CharDevice", HostPathKind::CharDevice),
        ("BlockDevice", HostPathKind::BlockDevice),
    ] {
        let made = volumes(&format!(
            "{{name: a, hostPath: {{path: /a, type: \"{written}\"}}}}"
        ));
        let path = "/a".into();
        assert_eq!(made, [VolumeSource::HostPath { path, kind }], "{written}");
    }
}

#[test]
fn volumes_of_objects_are_sources_of_one_kind_of_volume() {
    let made = volumes(
        "{name: a, configMap: {name: c, defaultMode: 256, optional: true}},
         {name: b, secret: {secretName: s, items: [{key: k, path: p, mode: 292}]}},
         {name: c, downwardAPI: {items: [{path: l, fieldRef: {fieldPath: metadata.labels}}]}},
         {name: d, projected: {sources: [{serviceAccountToken: {path: t, audience: vault, expirationSeconds: 600}}, {secret: {name: s}}]}},
         {name: e, persistentVolumeClaim: {claimName: data, readOnly: true}}",
    );
    let projected = |flavor, default_mode, sources| {
        VolumeSource::Projected(Projected {
            flavor,
            default_mode,
            sources,
        })
    };
    let config_map = Source::ConfigMap {
        name: "c".to_owned(),
        items: Vec::new(),
        optional: true,
    };
    let item = Item {
        key: "k".to_owned(),
        path: "p".to_owned(),
        mode: Some(0o444),
    };
    let secret = |items| Source::Secret {
        name: "s".to_owned(),
        items,
        optional: false,
    };
    let labels = DownwardItem {
        path: "l".to_owned(),
        mode: None,
        value: DownwardValue::Field(Field::Labels),
    };
    let token = Source::Token {
        audience: Some("vault".to_owned()),
        expiration: Duration::from_secs(600),
        path: "t".to_owned(),
    };
    let downward = Source::DownwardApi {
        items: vec![labels],
    };
    assert_eq!(
        made,
        [
            projected(Flavor::ConfigMap, 0o400, vec![config_map]),
            projected(Flavor::Secret, 0o644, vec![secret(vec![item])]),
            projected(Flavor::DownwardApi, 0o644, vec![downward]),
            projected(Flavor::Projected, 0o644, vec![token, secret(Vec::new())]),
            VolumeSource::Claim {
                name: "data".to_owned(),
                read_only: true
            },
        ]
    );
}

#[test]
fn mounts_lie_where_their_paths_lead_and_may_be_read_only_all_the_way_down() {
    let pod = good(
        "{volumes: [{name: a}], containers: [{name: app, image: ./a.wasm, volumeMounts: [
          {name: a, mountPath: /x/../../up/, readOnly: true, recursiveReadOnly: Enabled},
          {name: a, mountPath: /y, readOnly: true, recursiveReadOnly: Disabled, subPath: s}]}]}",
    );
    let mounts = &pod.containers[0].mounts;
    assert_eq!(
        (mounts[0].path.as_str(), mounts[0].recursive_read_only),
        ("/up", true)
    );
    assert_eq!(
        (mounts[1].recursive_read_only, mounts[1].sub_path.clone()),
        (false, Some(SubPath::Literal("s".to_owned())))
    );
}

#[test]
fn sources_of_variables_are_kept_as_they_are_written() {
    let pod = good(
        "{volumes: [{name: a}, {name: e}], containers: [{name: app, image: ./a.wasm,
          envFrom: [{prefix: P_, secretRef: {name: s, optional: true}}],
          env: [{name: A, value: \"$(B)\"}, {name: B, valueFrom: {fileKeyRef: {volumeName: e, path: p, key: K}}}]}]}",
    );
    let app = &pod.containers[0];
    let from = &app.env_from[0];
    assert_eq!(
        (from.prefix.as_str(), &from.source, from.optional),
        ("P_", &EnvSource::Secret("s".to_owned()), true)
    );
    assert_eq!(app.env[0].value, EnvValue::Literal("$(B)".to_owned()));
    match &app.env[1].value {
        EnvValue::FileKey(key) => assert_eq!((key.volume, key.optional), (1, false)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn names_groups_and_resolvers_are_carried_over() {
    let pod = good(
        "{subdomain: db, setHostnameAsFQDN: true, serviceAccountName: robot, dnsPolicy: None,
          dnsConfig: {nameservers: [1.1.1.1], searches: [a], options: [{name: ndots, value: \"2\"}, {name: edns0}]},
          securityContext: {fsGroup: 2000, fsGroupChangePolicy: OnRootMismatch},
          containers: [{name: app, image: ./a.wasm}]}",
    );
    assert_eq!(
        (pod.subdomain.as_deref(), pod.hostname_as_fqdn),
        (Some("db"), true)
    );
    assert_eq!(pod.service_account, "robot");
    assert_eq!(
        pod.fs_group,
        Some(FsGroup {
            gid: 2000,
            on_root_mismatch: true
        })
    );
    assert_eq!(pod.dns.policy, DnsPolicy::None);
    assert_eq!(
        (pod.dns.nameservers.as_slice(), pod.dns.searches.as_slice()),
        (&["1.1.1.1".to_owned()][..], &["a".to_owned()][..])
    );
    assert_eq!(
        pod.dns.options,
        [
            ("ndots".to_owned(), Some("2".to_owned())),
            ("edns0".to_owned(), None)
        ]
    );
    let plain = good("{containers: [{name: app, image: ./a.wasm}]}");
    assert_eq!(
        (plain.subdomain, plain.fs_group, plain.dns),
        (None, None, Dns::default())
    );
}
