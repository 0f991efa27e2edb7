//! Secret (`ValidateSecret`), and how what was written as text becomes data.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1;

use super::Refusal;
use super::config_map::MAX_SIZE;
use crate::spec::complaint::{ComplaintKind, Severity};
use crate::spec::decode::REDACTED;
use crate::spec::names;
use crate::spec::report::{Path, Report};

pub const OPAQUE: &str = "Opaque";
const TOKEN: &str = "kubernetes.io/service-account-token";
const ACCOUNT: &str = "kubernetes.io/service-account.name";

/// `stringData` is only written, never read back (`pkg/apis/core/v1/conversion.go`, `Convert_v1_Secret_To_core_Secret`).
pub fn defaults(secret: &mut v1::Secret) {
    if secret.type_.as_deref().is_none_or(str::is_empty) {
        secret.type_ = Some(OPAQUE.to_owned());
    }
    let Some(text) = secret.string_data.take().filter(|text| !text.is_empty()) else {
        return;
    };
    let data = secret.data.get_or_insert_default();
    let bytes = |(key, text): (String, String)| (key, ByteString(text.into_bytes()));
    data.extend(text.into_iter().map(bytes));
}

pub fn check(secret: &v1::Secret, report: &mut Report) {
    let path = Path::ROOT.field("data");
    let none = BTreeMap::new();
    let data = secret.data.as_ref().unwrap_or(&none);
    for key in data.keys() {
        report.invalid_each(&path.key(key), key, names::config_key(key));
    }
    if data.values().map(|value| value.0.len()).sum::<usize>() > MAX_SIZE {
        report.too_long(&path, MAX_SIZE);
    }
    let content = Content { data, path: &path };
    match secret.type_.as_deref().unwrap_or_default() {
        TOKEN => account(secret, report),
        "kubernetes.io/dockercfg" => content.json(".dockercfg", report),
        "kubernetes.io/dockerconfigjson" => content.json(".dockerconfigjson", report),
        "kubernetes.io/basic-auth" if !content.has("username") && !content.has("password") => {
            content.required("username", report);
            content.required("password", report);
        }
        "kubernetes.io/ssh-auth" => {
            let key = data.get("ssh-privatekey");
            if key.is_none_or(|key| key.0.is_empty()) {
                content.required("ssh-privatekey", report);
            }
        }
        "kubernetes.io/tls" => {
            for key in ["tls.crt", "tls.key"] {
                if !content.has(key) {
                    content.required(key, report);
                }
            }
        }
        _ => {}
    }
}

fn account(secret: &v1::Secret, report: &mut Report) {
    let annotations = secret.metadata.annotations.as_ref();
    let named = annotations
        .and_then(|all| all.get(ACCOUNT))
        .is_some_and(|name| !name.is_empty());
    if !named {
        let path = Path::ROOT.field("metadata");
        report.required(&path.field("annotations").key(ACCOUNT), "");
    }
}

struct Content<'c> {
    data: &'c BTreeMap<String, ByteString>,
    path: &'c Path<'c>,
}

impl Content<'_> {
    fn has(&self, key: &str) -> bool {
        self.data.contains_key(key)
    }

    fn required(&self, key: &str, report: &mut Report) {
        report.required(&self.path.key(key), "");
    }

    /// A key that is there, and whose value is JSON.
    fn json(&self, key: &str, report: &mut Report) {
        let Some(value) = self.data.get(key) else {
            return self.required(key, report);
        };
        if let Err(error) = serde_json::from_slice::<serde::de::IgnoredAny>(&value.0) {
            let message = format!("Invalid value: {REDACTED}: {}", in_go(&error, &value.0));
            report.push(
                &self.path.key(key),
                ComplaintKind::Invalid,
                Severity::Error,
                message,
            );
        }
    }
}

/// What Go says of text that is no JSON, where the two can be told to mean the same.
fn in_go(error: &serde_json::Error, text: &[u8]) -> String {
    let first = text.trim_ascii_start().first();
    match first {
        _ if error.is_eof() => "unexpected end of JSON input".to_owned(),
        Some(byte) if byte.is_ascii_graphic() && !b"{[\"tfn-0123456789".contains(byte) => format!(
            "invalid character '{}' looking for beginning of value",
            char::from(*byte).escape_default()
        ),
        _ => error.to_string(),
    }
}

/// Nobody here fills in the token of such a secret.
pub fn unsupported(secret: &v1::Secret, refusal: &mut Refusal) {
    let has_token = secret
        .data
        .as_ref()
        .is_some_and(|data| data.contains_key("token"));
    refusal.because(
        secret.type_.as_deref() == Some(TOKEN) && !has_token,
        &Path::ROOT.field("type"),
        "this version of wasmpod puts no token into it (a pod has one in its own volume, and `create token` makes one)",
    );
}
