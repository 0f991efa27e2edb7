//! Secrets and ConfigMaps.

use super::*;

fn secret(kind: &str, data: Value) -> Value {
    json!({ "metadata": { "name": "a" }, "type": kind, "stringData": data })
}

#[test]
fn text_becomes_data_and_overrides_it() {
    let text = "apiVersion: v1
kind: Secret
metadata: {name: a}
data: {user: YWRtaW4=, pass: b2xk}
stringData: {pass: new}
";
    let loaded_value = loaded(text);
    assert_eq!(
        loaded_value["data"],
        json!({ "user": "YWRtaW4=", "pass": "bmV3" })
    );
    assert_eq!(loaded_value["type"], "Opaque");
    assert!(loaded_value.get("stringData").is_none());
    // What was written is kept as it was: apply remembers it.
    let written = load(&source(text), Validate::Strict)
        .unwrap()
        .others
        .remove(0)
        .written;
    assert_eq!(written["stringData"]["pass"], "new");
}

#[test]
fn base64_may_be_broken_over_lines_and_is_checked() {
    let text = |data: &str| {
        format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: a}}\ndata:\n  k: {data}\n")
    };
    let folded = loaded(&text("|\n    YWJj\n    ZGVm\n"));
    assert_eq!(folded["data"]["k"], "YWJjZGVm");
    assert_eq!(
        refused(&text("abc!")),
        [
            "m.yaml:5: Secret \"a\": data[k]: Invalid value: \"<secret contents redacted>\": illegal base64 data at input byte 3"
        ]
    );
    let binary = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\nbinaryData: {k: a}";
    assert_eq!(
        refused(binary),
        [
            "m.yaml:4: ConfigMap \"a\": binaryData[k]: Invalid value: \"a\": illegal base64 data at input byte 0"
        ]
    );
}

#[test]
fn no_complaint_shows_what_is_secret() {
    let text = "apiVersion: v1
kind: Secret
metadata: {name: a}
stringData:
  pin: 271828
  list: [hunter2]
data:
  key: 314159
  bad: hunter2-
";
    let said = refused(text).join("\n");
    assert!(
        said.contains("stringData[pin]") && said.contains("data[bad]"),
        "{said}"
    );
    for hidden in ["271828", "hunter2", "314159"] {
        assert!(!said.contains(hidden), "{said}");
    }
}

#[test]
fn keys_are_names_of_files() {
    let dots = "must not start with '..'";
    let letters = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
    for (key, said) in [
        ("..data", dots),
        ("..", "must not be '..'"),
        ("a/b", letters),
        ("", letters),
        ("é", letters),
    ] {
        let expected = format!("data[{key}]: Invalid value: {key:?}: {said}");
        let map = json!({ "metadata": { "name": "a" }, "data": { key: "" } });
        assert_eq!(wrong(Kind::ConfigMap, map.clone()), [expected.as_str()]);
        assert_eq!(wrong(Kind::Secret, map), [expected]);
    }
    let map = json!({ "metadata": { "name": "a" }, "data": { "../a": "" } });
    assert_eq!(
        wrong(Kind::ConfigMap, map),
        [letters, dots].map(|said| format!("data[../a]: Invalid value: \"../a\": {said}"))
    );
    for key in [".hidden", "a.b", "A_b-c", "1"] {
        let map = json!({ "metadata": { "name": "a" }, "data": { key: "" } });
        assert!(wrong(Kind::ConfigMap, map).is_empty(), "{key}");
    }
    let both =
        json!({ "metadata": { "name": "a" }, "data": { "k": "" }, "binaryData": { "k": "" } });
    assert_eq!(
        wrong(Kind::ConfigMap, both),
        ["data[k]: Invalid value: \"k\": duplicate of key present in binaryData"]
    );
}

#[test]
fn all_values_together_are_at_most_a_mebibyte() {
    let half = "x".repeat(512 << 10);
    let full = json!({ "a": half, "b": half });
    let over = json!({ "a": half, "b": half, "c": "x" });
    let map = |data: &Value| json!({ "metadata": { "name": "a" }, "data": data });
    assert!(wrong(Kind::ConfigMap, map(&full)).is_empty());
    assert_eq!(
        wrong(Kind::ConfigMap, map(&over)),
        ["[]: Too long: may not be more than 1048576 bytes"]
    );
    assert!(wrong(Kind::Secret, secret("", full)).is_empty());
    assert_eq!(
        wrong(Kind::Secret, secret("", over)),
        ["data: Too long: may not be more than 1048576 bytes"]
    );
}

#[test]
fn types_of_secrets_need_their_keys() {
    let rows = [
        (
            "kubernetes.io/tls",
            json!({}),
            vec![
                "data[tls.crt]: Required value",
                "data[tls.key]: Required value",
            ],
        ),
        (
            "kubernetes.io/tls",
            json!({ "tls.crt": "", "tls.key": "" }),
            vec![],
        ),
        (
            "kubernetes.io/basic-auth",
            json!({}),
            vec![
                "data[username]: Required value",
                "data[password]: Required value",
            ],
        ),
        (
            "kubernetes.io/basic-auth",
            json!({ "password": "" }),
            vec![],
        ),
        (
            "kubernetes.io/ssh-auth",
            json!({ "ssh-privatekey": "" }),
            vec!["data[ssh-privatekey]: Required value"],
        ),
        (
            "kubernetes.io/ssh-auth",
            json!({ "ssh-privatekey": "k" }),
            vec![],
        ),
        (
            "kubernetes.io/dockercfg",
            json!({}),
            vec!["data[.dockercfg]: Required value"],
        ),
        (
            "kubernetes.io/dockerconfigjson",
            json!({ ".dockerconfigjson": "{}" }),
            vec![],
        ),
        (
            "kubernetes.io/dockerconfigjson",
            json!({ ".dockerconfigjson": "hello" }),
            vec![
                "data[.dockerconfigjson]: Invalid value: \"<secret contents redacted>\": invalid character 'h' looking for beginning of value",
            ],
        ),
        (
            "kubernetes.io/dockerconfigjson",
            json!({ ".dockerconfigjson": "{" }),
            vec![
                "data[.dockerconfigjson]: Invalid value: \"<secret contents redacted>\": unexpected end of JSON input",
            ],
        ),
        ("example.com/own", json!({}), vec![]),
    ];
    for (kind, data, expected) in rows {
        assert_eq!(wrong(Kind::Secret, secret(kind, data)), expected, "{kind}");
    }
}

#[test]
fn nobody_fills_in_a_token_secret() {
    let kind = "kubernetes.io/service-account-token";
    let said = wrong(Kind::Secret, secret(kind, json!({ "token": "t" })));
    assert_eq!(
        said,
        ["metadata.annotations[kubernetes.io/service-account.name]: Required value"]
    );
    let mut named = secret(kind, json!({}));
    named["metadata"]["annotations"] = json!({ "kubernetes.io/service-account.name": "robot" });
    let said = wrong(Kind::Secret, named);
    assert!(
        said.len() == 1 && said[0].starts_with("type: Unsupported value"),
        "{said:?}"
    );
}
