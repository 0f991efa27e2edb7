//! `--append-hash`: a name that says what is in it (`kubectl/pkg/util/hash/hash.go`).

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub fn of_config_map(map: &ConfigMap) -> String {
    let mut content = BTreeMap::from([
        ("kind", json!("ConfigMap")),
        ("name", json!(map.metadata.name)),
        ("data", json!(map.data.clone().unwrap_or_default())),
    ]);
    if let Some(immutable) = map.immutable {
        content.insert("immutable", json!(immutable));
    }
    if let Some(binary) = &map.binary_data {
        content.insert("binaryData", json!(binary));
    }
    short(&content)
}

pub fn of_secret(secret: &Secret, name: &str) -> String {
    let mut content = BTreeMap::from([
        ("kind", json!("Secret")),
        ("type", json!(secret.type_.clone().unwrap_or_default())),
        ("name", json!(name)),
        ("data", json!(secret.data.clone().unwrap_or_default())),
    ]);
    if let Some(immutable) = secret.immutable {
        content.insert("immutable", json!(immutable));
    }
    short(&content)
}

/// Ten letters of the digest, of which no bad word can be made.
fn short(content: &BTreeMap<&str, Value>) -> String {
    let digest = Sha256::digest(as_go_writes(content).as_bytes());
    let digits: String = digest[..5]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let letter = |digit| match digit {
        '0' => 'g',
        '1' => 'h',
        '3' => 'k',
        'a' => 'm',
        'e' => 't',
        other => other,
    };
    digits.chars().map(letter).collect()
}

/// JSON with what HTML gives a meaning to escaped, as Go's `json.Marshal` writes it.
pub fn as_go_writes(content: &impl Serialize) -> String {
    // Texts with texts as keys: there is nothing in them that JSON has no words for.
    let text = serde_json::to_string(content).unwrap_or_default();
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                out += &format!("\\u{:04x}", u32::from(letter));
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use k8s_openapi::ByteString;

    use super::*;

    fn map(value: Value) -> ConfigMap {
        let mut map: ConfigMap = serde_json::from_value(value).unwrap();
        map.metadata.name = Some("x".to_owned());
        map
    }

    /// The answers of kubectl 1.32.
    #[test]
    fn the_digest_is_kubectls() {
        assert_eq!(of_config_map(&map(json!({}))), "62ctbmbfd2");
        let text = map(json!({"data": {"k": "<&>"}}));
        assert_eq!(of_config_map(&text), "767849g485");
        let binary = map(json!({"binaryData": {"bin": "//4="}}));
        assert_eq!(of_config_map(&binary), "9d2fmb9hg7");
        let mut secret = Secret::default();
        let value = ByteString(b"<b>".to_vec());
        secret.data = Some([("a".to_owned(), value)].into());
        assert_eq!(of_secret(&secret, "s"), "874gdtmdfk");
    }
}
