//! Long lists: these take seconds or hours if anything is quadratic.

use super::*;

fn large(container: &str, spec: &str) -> Result<(), Complaints> {
    let loaded = load(&source(pod(container, spec)), Validate::Strict)?;
    for LoadedPod { object, base, .. } in loaded.pods {
        resolve(
            object,
            &base,
            "u".to_owned(),
            k8s_openapi::jiff::Timestamp::UNIX_EPOCH,
        )?;
    }
    Ok(())
}

fn repeat(count: usize, item: impl Fn(usize) -> String) -> String {
    (0..count).map(item).collect::<Vec<_>>().join(", ")
}

#[test]
fn many_of_everything_is_still_linear() {
    let env = repeat(50_000, |n| format!("{{name: A{n}, value: x}}"));
    assert_eq!(large(&format!("env: [{env}]"), ""), Ok(()));
    let volumes = repeat(50_000, |n| format!("{{name: v{n}, emptyDir: {{}}}}"));
    let mounts = repeat(50_000, |n| format!("{{name: v{n}, mountPath: /v{n}}}"));
    assert_eq!(
        large(
            &format!("volumeMounts: [{mounts}]"),
            &format!("volumes: [{volumes}]")
        ),
        Ok(())
    );
    let ports = repeat(50_000, |n| {
        format!("{{containerPort: 1, hostPort: {}}}", n + 1)
    });
    assert_eq!(large(&format!("ports: [{ports}]"), ""), Ok(()));
}

#[test]
fn many_sources_are_still_linear() {
    let others = repeat(20_000, |n| format!("{{name: c{n}, image: a.wasm}}"));
    let env = repeat(20_000, |n| {
        format!(
            "{{name: A{n}, valueFrom: {{resourceFieldRef: {{resource: limits.memory, containerName: c{n}}}}}}}"
        )
    });
    let spec = format!("initContainers: [{others}]");
    assert_eq!(large(&format!("env: [{env}]"), &spec), Ok(()));
    let volumes = repeat(20_000, |n| format!("{{name: v{n}}}"));
    let env = repeat(20_000, |n| {
        format!("{{name: A{n}, valueFrom: {{fileKeyRef: {{volumeName: v{n}, path: a, key: k}}}}}}")
    });
    let spec = format!("volumes: [{volumes}]");
    assert_eq!(large(&format!("env: [{env}]"), &spec), Ok(()));
    let items = repeat(50_000, |n| format!("{{key: k, path: a/b/c{n}}}"));
    let spec = format!(
        "volumes: [{{name: v, projected: {{sources: [{{secret: {{name: s, items: [{items}]}}}}]}}}}]"
    );
    assert_eq!(large("", &spec), Ok(()));
}

#[test]
fn a_thousand_mistakes_are_told_and_then_that_there_are_more() {
    let unknown = (0..50_000)
        .map(|n| format!("x{n}: 1\n"))
        .collect::<String>();
    let complaints = large(&unknown, "").expect_err("refused");
    assert_eq!(complaints.0.len(), 1001);
    let last = complaints
        .0
        .last()
        .map(|complaint| complaint.message.as_str());
    assert_eq!(last, Some("there is more wrong than these 1000"));
}

#[test]
fn a_wrong_type_is_not_lost_behind_a_thousand_warnings() {
    let unknown = (0..2000).map(|n| format!("x{n}: 1\n")).collect::<String>();
    let text = pod(&format!("{unknown}tty: 1"), "");
    assert!(load(&source(text), Validate::Warn).is_err());
}
