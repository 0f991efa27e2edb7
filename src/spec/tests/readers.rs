//! Our readers against serde's, which know nothing of lines.

use proptest::prelude::*;
use serde_json::Value as Json;

use super::*;
use crate::spec::node::{Node, Value};
use crate::spec::scalar::Plain;
use crate::spec::{json, yaml};

fn as_json(node: &Node<'_>) -> Json {
    match &node.value {
        Value::List(items) => items.iter().map(|item| as_json(item)).collect(),
        Value::Map(entries) => entries
            .iter()
            .map(|entry| (entry.key.to_string(), as_json(&entry.node)))
            .collect(),
        Value::Scalar(scalar) => match scalar.plain().unwrap_or(Plain::Text) {
            Plain::Null => Json::Null,
            Plain::Bool(value) => value.into(),
            Plain::Int(value) => value.into(),
            Plain::Float(value) => value.into(),
            Plain::Text => scalar.text.as_ref().into(),
        },
    }
}

fn any_value() -> impl Strategy<Value = Json> {
    let text = prop_oneof![
        "[a-z]{0,6}",
        "[ -~]{0,12}",
        "\\PC{0,6}",
        "[a-z:#\\-\n\t \"']{0,12}"
    ];
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        text.clone().prop_map(Json::from),
    ];
    leaf.prop_recursive(5, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
            prop::collection::btree_map("[a-z\"\\\\ ]{1,8}", inner, 0..6)
                .prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn json_is_read_as_serde_reads_it(value in any_value()) {
        for text in [value.to_string(), serde_json::to_string_pretty(&value).expect("prints")] {
            let documents = json::read(&text);
            prop_assert_eq!(&documents.error, &None);
            prop_assert_eq!(as_json(&documents.roots[0]), value.clone());
        }
    }

    #[test]
    fn yaml_that_serde_writes_is_read_back(value in any_value()) {
        // The words that are booleans for Kubernetes and text for YAML 1.2 are not quoted by serde.
        let text = serde_yaml::to_string(&value).expect("prints");
        let other_words = text.split(|c: char| !c.is_ascii_alphabetic()).any(|word| {
            matches!(word.to_lowercase().as_str(), "y" | "n" | "yes" | "no" | "on" | "off")
        });
        let documents = yaml::read(&text);
        prop_assert_eq!(&documents.error, &None, "{}", text);
        if !other_words {
            prop_assert_eq!(as_json(&documents.roots[0]), value, "{}", text);
        }
    }

    #[test]
    fn no_text_makes_the_room_panic(text in "\\PC{0,60}|[-a:{}\\[\\]&*!|>'\"#%@` \n,?<~0]{0,60}") {
        let _ = load(&source(text), Validate::Strict);
    }

    #[test]
    fn no_bytes_make_the_room_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = load(&source(bytes), Validate::Strict);
    }

    /// A good manifest with something else put somewhere into it.
    #[test]
    fn no_mistake_in_a_manifest_makes_the_room_panic(at in 0..GOOD.len(), drop in 0..12usize, put in "[ -~\n]{0,8}") {
        let end = (at + drop).min(GOOD.len());
        let text = format!("{}{put}{}", &GOOD[..at], &GOOD[end..]);
        if let Ok(loaded) = load(&source(text), Validate::Ignore) {
            for LoadedPod { object, base, .. } in loaded.pods {
                let _ = resolve(object, &base, "u".to_owned(), k8s_openapi::jiff::Timestamp::UNIX_EPOCH);
            }
        }
    }
}
