//! YAML as kubectl writes it (`sigs.k8s.io/yaml`): keys in natural order, lists not indented below their key.

use serde_json::{Map, Value};

use super::natural;
use super::scalar::{self, Place};

/// A longer key is written with a `?` before it, as YAML demands.
const LONGEST_SIMPLE_KEY: usize = 128;
const STEP: usize = 2;

/// One document, with a newline at its end.
pub fn yaml(value: &Value) -> String {
    let mut out = String::new();
    node(&mut out, value, 0, false);
    if !out.ends_with('\n') {
        out.push('\n');
    }
    out
}

/// What stands at the end of the line `out` ends with: behind `key:` or `-` (then with a blank), or at the very start.
fn node(out: &mut String, value: &Value, indent: usize, in_map: bool) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            if in_map {
                out.push('\n');
            }
            mapping(out, map, indent, in_map);
        }
        Value::Array(items) if !items.is_empty() => {
            if in_map {
                out.push('\n');
            }
            sequence(out, items, indent, in_map);
        }
        _ => {
            if in_map {
                out.push(' ');
            }
            leaf(out, value, indent);
        }
    }
}

fn mapping(out: &mut String, map: &Map<String, Value>, indent: usize, fresh_line: bool) {
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_by(|(a, _), (b, _)| natural::keys(a, b));
    for (at, (key, value)) in entries.into_iter().enumerate() {
        if at > 0 || fresh_line {
            blanks(out, indent);
        }
        if key.len() > LONGEST_SIMPLE_KEY || key.contains('\n') {
            out.push_str("? ");
            scalar::write(out, key, Place::Value, indent + STEP);
            if !out.ends_with('\n') {
                out.push('\n');
            }
            blanks(out, indent);
            out.push_str(": ");
            node(out, value, indent + STEP, false);
        } else {
            scalar::write(out, key, Place::Key, indent);
            out.push(':');
            // A list below a key stays in the key's column.
            let deeper = if value.is_array() {
                indent
            } else {
                indent + STEP
            };
            node(out, value, deeper, true);
        }
        if !out.ends_with('\n') {
            out.push('\n');
        }
    }
}

fn sequence(out: &mut String, items: &[Value], indent: usize, fresh_line: bool) {
    for (at, item) in items.iter().enumerate() {
        if at > 0 || fresh_line {
            blanks(out, indent);
        }
        out.push_str("- ");
        node(out, item, indent + STEP, false);
        if !out.ends_with('\n') {
            out.push('\n');
        }
    }
}

fn leaf(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&number.to_string()),
        Value::String(text) => scalar::write(out, text, Place::Value, indent),
        Value::Array(_) => out.push_str("[]"),
        Value::Object(_) => out.push_str("{}"),
    }
}

fn blanks(out: &mut String, indent: usize) {
    out.extend(std::iter::repeat_n(' ', indent));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn objects_look_as_kubectl_writes_them() {
        let object = json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "annotations": {"b": "1", "a10": "x", "a9": "true"},
                "creationTimestamp": "2026-01-31T12:00:00Z",
                "name": "web",
            },
            "spec": {
                "containers": [{
                    "args": ["-c", "echo one\necho two\n", "- x", "a: b"],
                    "env": [],
                    "image": "busybox:1.35",
                    "name": "app",
                    "ports": [{"containerPort": 80}],
                    "resources": {},
                }],
                "nested": [["a", "b"], [], [{"c": 1}]],
                "hostNetwork": false,
                "nothing": null,
            },
        });
        let text = r#"apiVersion: v1
kind: Pod
metadata:
  annotations:
    a9: "true"
    a10: x
    b: "1"
  creationTimestamp: "2026-01-31T12:00:00Z"
  name: web
spec:
  containers:
  - args:
    - -c
    - |
      echo one
      echo two
    - '- x'
    - 'a: b'
    env: []
    image: busybox:1.35
    name: app
    ports:
    - containerPort: 80
    resources: {}
  hostNetwork: false
  nested:
  - - a
    - b
  - []
  - - c: 1
  nothing: null
"#;
        assert_eq!(yaml(&object), text);
    }

    #[test]
    fn long_text_is_folded_at_blanks() {
        let message = "0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available: 3 No preemption victims found for incoming pod.";
        let text = "status:
  message: '0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are
    available: 3 No preemption victims found for incoming pod.'
";
        assert_eq!(yaml(&json!({"status": {"message": message}})), text);
    }

    #[test]
    fn text_that_is_something_else_unquoted_is_quoted() {
        let quoted = [
            "",
            "y",
            "NO",
            "null",
            "~",
            "1",
            "-1",
            "0x1f",
            "017",
            "1_000",
            "1.5",
            "1e3",
            ".5",
            ".inf",
            "12:30",
            "2026-01-31",
            "2026-1-1T1:2:3Z",
            "18446744073709551615",
        ];
        for text in quoted {
            assert_eq!(yaml(&json!(text)), format!("\"{text}\"\n"));
        }
        let plain = [
            "nope", "1.2.3", "1Gi", "100m", "a b", "-", "--x", "a:b", "a#b", "é", "<none>", "=",
            "<<",
        ];
        for text in plain.iter().filter(|text| **text != "-") {
            assert_eq!(yaml(&json!(text)), format!("{text}\n"));
        }
        for text in [
            "- x", "-", "*", "&a", "{", "[x]", "a: b", "a #b", " a", "a ", "'x'", "%a", "@a", "a:",
        ] {
            assert_eq!(
                yaml(&json!(text)),
                format!("'{}'\n", text.replace('\'', "''"))
            );
        }
        for (text, shown) in [
            ("a\tb", r#""a\tb""#),
            ("\u{1f600}", r#""\U0001F600""#),
            ("a\r", r#""a\r""#),
        ] {
            assert_eq!(yaml(&json!(text)), format!("{shown}\n"));
        }
    }

    fn text() -> impl Strategy<Value = String> {
        prop_oneof![
            "\\PC{0,20}",
            "[ \\n\\t\"'\\\\:#?&*{}|>%@a-c0-9.,_+-]{0,120}",
            "([a-z]{1,12} {1,2}){0,30}",
            "[-+0-9.:_eExXoTZ ]{0,12}",
        ]
    }

    fn tree() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            text().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map(text(), inner, 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]
        #[test]
        fn what_is_written_is_read_back(tree in tree()) {
            // An object is never a bare text.
            let tree = json!({ "object": tree });
            let text = yaml(&tree);
            let read: Value = serde_yaml::from_str(&text).map_err(|error| {
                TestCaseError::fail(format!("{error} in\n{text}"))
            })?;
            prop_assert_eq!(read, tree, "{}", text);
        }
    }
}
