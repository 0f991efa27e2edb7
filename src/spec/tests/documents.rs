//! What a manifest may consist of.

use super::*;

#[test]
fn several_documents_are_several_pods_and_empty_ones_are_none() {
    let text = format!(
        "---\n# nothing\n---\n{GOOD}---\n{}---\n",
        GOOD.replace("web", "db")
    );
    let names: Vec<_> = loaded(&text)
        .into_iter()
        .map(|pod| pod.metadata.name.unwrap_or_default())
        .collect();
    assert_eq!(names, ["web", "db"]);
}

#[test]
fn lists_are_their_items() {
    let items: String = GOOD.lines().map(|line| format!("    {line}\n")).collect();
    let list = format!("apiVersion: v1\nkind: List\nitems:\n  -\n{items}  -\n{items}");
    assert_eq!(loaded(&list).len(), 2);
    let short = "apiVersion: v1\nkind: PodList\nitems:\n- metadata: {name: web}\n  spec: {containers: [{name: a, image: ./a.wasm}]}\n";
    assert_eq!(loaded(short).len(), 1);
}

#[test]
fn json_is_read_too_with_lines() {
    let text = "{\"apiVersion\": \"v1\", \"kind\": \"Pod\",\n\t\"metadata\": {\"name\": \"web\"},\n\t\"spec\": {\"containers\": [\n\t\t{\"name\": \"app\"}]}}";
    assert_eq!(
        refused(text),
        ["pod.yaml:4: Pod \"web\": spec.containers[0].image: Required value"]
    );
    let yaml_in_braces = "{apiVersion: v1, kind: Pod, metadata: {name: web}, spec: {containers: [{name: app, image: ./app.wasm}]}}";
    assert_eq!(loaded(yaml_in_braces).len(), 1);
}

#[test]
fn other_kinds_are_refused_by_name() {
    for (head, said) in [
        (
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}",
            "pod.yaml:1: Deployment \"x\": kind \"Deployment\" (apps/v1) is not supported yet",
        ),
        (
            "apiVersion: v1\nkind: Service",
            "pod.yaml:1: Service: kind \"Service\" (v1) is not supported yet",
        ),
        (
            "apiVersion: v2\nkind: Pod",
            "pod.yaml:1: Pod: apiVersion: Unsupported value: \"v2\": supported values: \"v1\"",
        ),
        ("kind: Pod", "pod.yaml:1: Pod: apiVersion: Required value"),
        ("apiVersion: v1", "pod.yaml:1: Pod: kind: Required value"),
        (
            "- a\n- b",
            "pod.yaml:1: expected an object with apiVersion and kind, found a list",
        ),
        (
            "just text",
            "pod.yaml:1: expected an object with apiVersion and kind, found \"just text\"",
        ),
        ("", "pod.yaml: there is no object in this manifest"),
        (
            "# only a comment\n",
            "pod.yaml: there is no object in this manifest",
        ),
    ] {
        assert_eq!(refused(head), [said]);
    }
}

#[test]
fn a_syntax_error_has_its_line_and_the_documents_before_it_are_still_checked() {
    let text = format!("{}---\na: [1\nb: }}\n", GOOD.replace("image", "imagee"));
    let said = refused(&text);
    assert_eq!(
        said[0],
        "pod.yaml:6: Pod \"web\": spec.containers[0].imagee: Unknown field: did you mean \"image\"?"
    );
    assert_eq!(
        said[1],
        "pod.yaml:6: Pod \"web\": spec.containers[0].image: Required value"
    );
    assert!(
        said[2].starts_with("pod.yaml:9: ") || said[2].starts_with("pod.yaml:10: "),
        "{}",
        said[2]
    );
}

#[test]
fn tabs_duplicate_anchors_and_odd_yaml_do_what_yaml_says() {
    let anchors = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers:\n  - &a {name: one, image: ./app.wasm}\n  - <<: *a\n    name: two\n";
    let pods = loaded(anchors);
    let containers = &pods[0].spec.as_ref().expect("spec").containers;
    assert_eq!(containers[1].name, "two");
    assert_eq!(containers[1].image.as_deref(), Some("./app.wasm"));
}
