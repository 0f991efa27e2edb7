//! The files of volumes, from manifests and a world around them.

use proptest::prelude::*;

use super::*;
use crate::spec::pod::VolumeSource;
use crate::spec::tests::world::{World, facts, pod_with};

const METADATA: &str =
    "{labels: {zone: \"b\", app: shop}, annotations: {note: \"two\\nlines, \\\"quoted\\\"\"}}";

/// The files of a volume of the pod.
fn files_of(metadata: &str, spec: &str, world: &World) -> Result<Payload, String> {
    let pod = pod_with(metadata, spec);
    let VolumeSource::Projected(volume) = &pod.volumes[0].source else {
        panic!("not a volume that is made");
    };
    project(&pod, volume, &facts(), world, &mut |wish| {
        Ok(format!(
            "{}/{} for {} {}: {} s to {}",
            wish.namespace,
            wish.service_account,
            wish.pod_name,
            wish.pod_uid,
            wish.expiration.as_secs(),
            wish.audience.as_deref().unwrap_or("the issuer")
        ))
    })
}

fn made(volume: &str, world: &World) -> Result<Payload, String> {
    let spec = format!(
        "{{volumes: [{{name: v, {volume}}}], containers: [{{name: app, image: ./a.wasm, resources: {{limits: {{memory: 64Mi}}}}}}]}}"
    );
    files_of(METADATA, &spec, world)
}

/// One line for each file: mode, path and content.
fn listed(volume: &str, world: &World) -> Vec<String> {
    let payload = made(volume, world).unwrap_or_else(|text| panic!("{text}"));
    let line = |(path, file): (&String, &PayloadFile)| {
        format!(
            "{:04o} {path}: {}",
            file.mode,
            String::from_utf8_lossy(&file.content)
        )
    };
    payload.0.iter().map(line).collect()
}

fn world() -> World {
    World::default()
        .config_map("game", &[("lives", "3"), ("ui.properties", "color=red\n")])
        .binary("game", "logo", b"\x01")
        .secret("user", &[("username", b"admin")])
        .secret("pass", &[("password", b"1f2d1e2e67df")])
}

#[test]
fn every_key_is_a_file_unless_items_are_chosen() {
    assert_eq!(
        listed("configMap: {name: game}", &world()),
        [
            "0644 lives: 3",
            "0644 logo: \u{1}",
            "0644 ui.properties: color=red\n"
        ]
    );
    assert_eq!(
        listed(
            "configMap: {name: game, items: [{key: lives, path: a/b/lives}]}",
            &world()
        ),
        ["0644 a/b/lives: 3"]
    );
    assert_eq!(
        listed("secret: {secretName: user}", &world()),
        ["0644 username: admin"]
    );
}

#[test]
fn the_mode_of_an_item_goes_before_the_volumes() {
    assert_eq!(
        listed(
            "secret: {secretName: user, defaultMode: 256, items: [{key: username, path: a}, {key: username, path: b, mode: 511}]}",
            &world()
        ),
        ["0400 a: admin", "0777 b: admin"]
    );
}

#[test]
fn what_is_missing_is_told_unless_it_is_optional() {
    for (volume, text) in [
        ("configMap: {name: x}", "configmap \"x\" not found"),
        ("secret: {secretName: x}", "secret \"x\" not found"),
        (
            "configMap: {name: game, items: [{key: x, path: p}]}",
            "configmap references non-existent config key: x",
        ),
        (
            "secret: {secretName: user, items: [{key: x, path: p}]}",
            "references non-existent secret key: x",
        ),
    ] {
        assert_eq!(made(volume, &world()), Err(text.to_owned()), "{volume}");
        let (kind, fields) = volume.split_once('{').expect("fields");
        let optional = format!("{kind}{{optional: true, {fields}");
        assert_eq!(
            made(&optional, &world()),
            Ok(Payload::default()),
            "{optional}"
        );
    }
}

#[test]
fn an_optional_key_leaves_the_others_there() {
    assert_eq!(
        listed(
            "configMap: {name: game, optional: true, items: [{key: x, path: x}, {key: lives, path: lives}]}",
            &world()
        ),
        ["0644 lives: 3"]
    );
}

#[test]
fn maps_of_the_pod_are_lines_in_order_and_without_a_newline_at_the_end() {
    assert_eq!(
        listed(
            "downwardAPI: {items: [
               {path: labels, fieldRef: {fieldPath: metadata.labels}},
               {path: annotations, fieldRef: {fieldPath: metadata.annotations}},
               {path: zone, fieldRef: {fieldPath: \"metadata.labels['zone']\"}},
               {path: who/name, fieldRef: {fieldPath: metadata.name}},
               {path: mem_limit, mode: 256, resourceFieldRef: {containerName: app, resource: limits.memory, divisor: 1Mi}},
               {path: cpu_limit, resourceFieldRef: {containerName: app, resource: limits.cpu, divisor: 1m}}]}",
            &world()
        ),
        [
            "0644 annotations: note=\"two\\nlines, \\\"quoted\\\"\"",
            "0644 cpu_limit: 8000",
            "0644 labels: app=\"shop\"\nzone=\"b\"",
            "0400 mem_limit: 64",
            "0644 who/name: web",
            "0644 zone: b",
        ]
    );
}

#[test]
fn projected_sources_share_one_tree_and_the_later_one_wins() {
    assert_eq!(
        listed(
            "projected: {defaultMode: 256, sources: [
               {secret: {name: user}},
               {secret: {name: pass, items: [{key: password, path: deep/pw, mode: 292}]}},
               {configMap: {name: game, items: [{key: lives, path: username}]}},
               {downwardAPI: {items: [{path: uid, fieldRef: {fieldPath: metadata.uid}}]}}]}",
            &world()
        ),
        [
            "0444 deep/pw: 1f2d1e2e67df",
            "0400 uid: u-1",
            "0400 username: 3"
        ]
    );
}

#[test]
fn all_sources_that_stand_in_the_way_are_told_once() {
    assert_eq!(
        made(
            "projected: {sources: [{secret: {name: a}}, {secret: {name: user}}, {configMap: {name: b}}, {secret: {name: a}}]}",
            &world()
        ),
        Err("[secret \"a\" not found, configmap \"b\" not found]".to_owned())
    );
    assert_eq!(
        made(
            "downwardAPI: {items: [{path: a, resourceFieldRef: {containerName: x, resource: limits.cpu}}]}",
            &world()
        ),
        Err("container x not found".to_owned())
    );
}

#[test]
fn a_token_is_asked_for_in_the_name_of_the_pod() {
    let volume = "projected: {sources: [{serviceAccountToken: {path: token, audience: vault, expirationSeconds: 7200}}, {serviceAccountToken: {path: own}}]}";
    let payload = made(volume, &world()).expect("files");
    let text = |path: &str| String::from_utf8_lossy(&payload.0[path].content).into_owned();
    assert_eq!(text("token"), "shop/default for web u-1: 7200 s to vault");
    assert_eq!(
        text("own"),
        "shop/default for web u-1: 3600 s to the issuer"
    );
    assert_eq!(payload.0["token"].mode, 0o644);
    let spec = format!(
        "{{serviceAccountName: robot, securityContext: {{fsGroup: 1000}}, volumes: [{{name: v, {volume}}}], containers: [{{name: app, image: ./a.wasm}}]}}"
    );
    let payload = files_of("{}", &spec, &world()).expect("files");
    assert!(payload.0["own"].content.starts_with(b"shop/robot for "));
    // The group's reading is added with the volume's other files.
    assert_eq!(payload.0["own"].mode, 0o600);
}

#[test]
fn a_refused_token_keeps_the_volume_from_being_mounted() {
    let pod = pod_with(
        "{}",
        "{volumes: [{name: v, projected: {sources: [{serviceAccountToken: {path: t}}]}}], containers: [{name: app, image: ./a.wasm}]}",
    );
    let VolumeSource::Projected(volume) = &pod.volumes[0].source else {
        panic!("not a volume that is made");
    };
    let refused = project(&pod, volume, &facts(), &world(), &mut |_| {
        Err("no key".to_owned())
    });
    assert_eq!(refused, Err("no key".to_owned()));
}

#[test]
fn paths_that_are_no_files_are_told() {
    let long = "x".repeat(256);
    let deep = "x/".repeat(2100);
    for (path, text) in [
        ("a/./b", ""),
        (".", "invalid path: must not be empty: \".\""),
        (
            &long,
            "invalid path: filename must be less than or equal to 255 characters",
        ),
        (
            &deep,
            "invalid path: must be less than or equal to 4096 characters",
        ),
    ] {
        let volume =
            format!("secret: {{secretName: user, items: [{{key: username, path: {path}}}]}}");
        match text {
            "" => assert_eq!(listed(&volume, &world()), ["0644 a/b: admin"]),
            text => assert_eq!(made(&volume, &world()), Err(text.to_owned())),
        }
    }
    assert_eq!(
        made(
            "projected: {sources: [{secret: {name: user, items: [{key: username, path: a}]}}, {configMap: {name: game, items: [{key: lives, path: a/b}]}}]}",
            &world()
        ),
        Err("path \"a/b\" lies below the file \"a\"".to_owned())
    );
}

#[test]
fn keys_of_an_object_that_nobody_has_validated_do_not_leave_the_volume() {
    for (key, text) in [
        (
            "../../etc/passwd",
            "invalid path: must not contain '..': ../../etc/passwd",
        ),
        (
            "/etc/passwd",
            "invalid path: must be relative path: /etc/passwd",
        ),
        ("..data", "invalid path: must not start with '..': ..data"),
    ] {
        let world = World::default().config_map("c", &[(key, "x")]);
        assert_eq!(made("configMap: {name: c}", &world), Err(text.to_owned()));
    }
}

proptest! {
    /// One source after the other into a map, as the rule is told.
    #[test]
    fn the_tree_is_what_a_map_would_hold(
        sources in prop::collection::vec(
            prop::collection::vec(("[ab]", "[abc]"), 0..3),
            1..4,
        ),
    ) {
        let world = World::default().config_map("all", &[("a", "1"), ("b", "2")]);
        let mut model = BTreeMap::new();
        let mut written = Vec::new();
        for items in &sources {
            let listed = items.iter().map(|(key, path)| format!("{{key: {key}, path: {path}}}"));
            let listed: Vec<String> = listed.collect();
            written.push(format!("{{configMap: {{name: all, items: [{}]}}}}", listed.join(", ")));
            let all = [("a".to_owned(), "a".to_owned()), ("b".to_owned(), "b".to_owned())];
            let chosen = if items.is_empty() { &all[..] } else { items.as_slice() };
            for (key, path) in chosen {
                model.insert(path.clone(), if key == "a" { "1" } else { "2" }.as_bytes().to_vec());
            }
        }
        let spec = format!("projected: {{sources: [{}]}}", written.join(", "));
        // Validation refuses what is written out twice; the rule is that of the maker alone.
        let paths: Vec<&String> = sources.iter().flatten().map(|(_, path)| path).collect();
        let mut unique = paths.clone();
        unique.sort();
        unique.dedup();
        prop_assume!(unique.len() == paths.len());
        let payload = made(&spec, &world).expect("files");
        let contents = payload.0.into_iter().map(|(path, file)| (path, file.content));
        prop_assert_eq!(contents.collect::<BTreeMap<_, _>>(), model);
    }

    #[test]
    fn every_file_lies_below_the_volume(path in "[./a]{0,10}") {
        let world = World::default().config_map("c", &[(&path, "x")]);
        if let Ok(payload) = made("configMap: {name: c}", &world) {
            for path in payload.0.keys() {
                prop_assert!(!path.is_empty() && !path.starts_with('/'));
                prop_assert!(path.split('/').all(|part| !matches!(part, "" | "." | "..")));
                prop_assert!(!path.starts_with(".."));
            }
        }
    }
}
