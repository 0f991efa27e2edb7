use super::*;
use serde_json::json;

fn all(pairs: &[(&str, &str)]) -> Labels {
    let pairs = pairs.iter();
    pairs
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

#[test]
fn labels_are_selected_by_equality_and_by_expressions() {
    let labels = all(&[("app", "web"), ("tier", "front")]);
    let rows = [
        (json!({}), true),
        (json!({ "matchLabels": { "app": "web" } }), true),
        (json!({ "matchLabels": { "app": "db" } }), false),
        (
            json!({ "matchLabels": { "app": "web", "missing": "" } }),
            false,
        ),
        (
            json!({ "matchExpressions": [{ "key": "app", "operator": "In", "values": ["db", "web"] }] }),
            true,
        ),
        (
            json!({ "matchExpressions": [{ "key": "missing", "operator": "In", "values": ["web"] }] }),
            false,
        ),
        (
            json!({ "matchExpressions": [{ "key": "app", "operator": "NotIn", "values": ["web"] }] }),
            false,
        ),
        (
            json!({ "matchExpressions": [{ "key": "missing", "operator": "NotIn", "values": ["web"] }] }),
            true,
        ),
        (
            json!({ "matchExpressions": [{ "key": "tier", "operator": "Exists" }] }),
            true,
        ),
        (
            json!({ "matchExpressions": [{ "key": "tier", "operator": "DoesNotExist" }] }),
            false,
        ),
        (
            json!({
                "matchLabels": { "app": "web" },
                "matchExpressions": [{ "key": "tier", "operator": "In", "values": ["back"] }],
            }),
            false,
        ),
    ];
    for (selector, expected) in rows {
        let parsed: LabelSelector = serde_json::from_value(selector.clone()).unwrap();
        assert_eq!(selects(Some(&parsed), &labels), expected, "{selector}");
    }
    assert!(!selects(None, &labels));
}

fn node() -> v1::Node {
    serde_json::from_value(json!({
        "metadata": { "name": "here", "labels": { "disk": "ssd", "cores": "8", "odd": "x" } },
    }))
    .unwrap()
}

#[test]
fn nodes_are_selected_by_any_of_the_terms_and_all_of_a_terms_requirements() {
    let term = |key: &str, operator: &str, values: &[&str]| json!({ "matchExpressions": [{ "key": key, "operator": operator, "values": values }] });
    let field = |operator: &str, value: &str| json!({ "matchFields": [{ "key": "metadata.name", "operator": operator, "values": [value] }] });
    let rows = [
        (json!([]), false),
        (json!([{}]), false),
        (
            json!([{ "matchExpressions": [], "matchFields": [] }]),
            false,
        ),
        (json!([term("disk", "In", &["hdd", "ssd"])]), true),
        (json!([term("disk", "NotIn", &["ssd"])]), false),
        (json!([term("gpu", "NotIn", &["a"])]), true),
        (json!([term("gpu", "Exists", &[])]), false),
        (json!([term("gpu", "DoesNotExist", &[])]), true),
        (json!([term("cores", "Gt", &["7"])]), true),
        (json!([term("cores", "Gt", &["8"])]), false),
        (json!([term("cores", "Lt", &["9"])]), true),
        (json!([term("cores", "Lt", &["8"])]), false),
        (json!([term("odd", "Gt", &["1"])]), false),
        (json!([term("cores", "Gt", &["x"])]), false),
        (json!([term("gpu", "Lt", &["1"])]), false),
        (json!([field("In", "here")]), true),
        (json!([field("In", "there")]), false),
        (json!([field("NotIn", "there")]), true),
        (
            json!([term("gpu", "Exists", &[]), field("In", "here")]),
            true,
        ),
        (
            json!([{
                "matchExpressions": [{ "key": "disk", "operator": "Exists" }],
                "matchFields": [{ "key": "metadata.name", "operator": "In", "values": ["there"] }],
            }]),
            false,
        ),
        (
            json!([{ "matchFields": [{ "key": "spec.podCIDR", "operator": "NotIn", "values": ["a"] }] }]),
            false,
        ),
    ];
    for (terms, expected) in rows {
        let selector = serde_json::from_value(json!({ "nodeSelectorTerms": terms })).unwrap();
        assert_eq!(selects_node(&selector, &node()), expected, "{terms}");
    }
}

#[test]
fn a_toleration_is_for_the_taints_that_it_describes() {
    let taint = |value: &str| v1::Taint {
        key: "gpu".to_owned(),
        value: Some(value.to_owned()),
        effect: "NoSchedule".to_owned(),
        time_added: None,
    };
    let rows = [
        (json!({}), "", true),
        (json!({ "key": "gpu" }), "yes", false),
        (json!({ "key": "gpu", "value": "yes" }), "yes", true),
        (
            json!({ "key": "gpu", "operator": "Equal", "value": "no" }),
            "yes",
            false,
        ),
        (json!({ "key": "gpu", "operator": "Exists" }), "yes", true),
        (json!({ "operator": "Exists" }), "yes", true),
        (json!({ "key": "cpu", "operator": "Exists" }), "yes", false),
        (
            json!({ "key": "gpu", "operator": "Exists", "effect": "NoExecute" }),
            "yes",
            false,
        ),
        (
            json!({ "key": "gpu", "operator": "Exists", "effect": "NoSchedule" }),
            "yes",
            true,
        ),
        (
            json!({ "key": "gpu", "operator": "Gt", "value": "3" }),
            "4",
            true,
        ),
        (
            json!({ "key": "gpu", "operator": "Gt", "value": "4" }),
            "4",
            false,
        ),
        (
            json!({ "key": "gpu", "operator": "Lt", "value": "5" }),
            "4",
            true,
        ),
        (
            json!({ "key": "gpu", "operator": "Lt", "value": "x" }),
            "4",
            false,
        ),
        (
            json!({ "key": "gpu", "operator": "Like", "value": "4" }),
            "4",
            false,
        ),
    ];
    for (toleration, value, expected) in rows {
        let parsed = serde_json::from_value(toleration.clone()).unwrap();
        assert_eq!(
            tolerates(&parsed, &taint(value)),
            expected,
            "{toleration} of {value:?}"
        );
    }
}
