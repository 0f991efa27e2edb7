use serde_json::json;

use super::*;

fn list() -> Value {
    json!({
        "kind": "List",
        "items": [
            {"kind": "None", "metadata": {"name": "127.0.0.1", "labels": {"kubernetes.io/hostname": "127.0.0.1"}},
             "status": {"capacity": {"cpu": "4"}, "ready": true, "restarts": 0,
                        "addresses": [{"type": "LegacyHostIP", "address": "127.0.0.1"}]}},
            {"kind": "None", "metadata": {"name": "127.0.0.2", "labels": {"kubernetes.io/hostname": "127.0.0.2"}},
             "status": {"capacity": {"cpu": "8"}, "ready": false, "restarts": 3,
                        "addresses": [{"type": "LegacyHostIP", "address": "127.0.0.2"}, {"type": "another", "address": "127.0.0.3"}]}},
        ],
        "users": [
            {"name": "myself", "user": {}},
            {"name": "e2e", "user": {"username": "admin", "password": "secret"}},
        ],
        "empty": [],
    })
}

fn print(template: &str) -> String {
    match JsonPath::parse(template, true).and_then(|path| path.print(&list())) {
        Ok(text) => text,
        Err(error) => format!("error: {error}"),
    }
}

/// The first six are the examples of kubernetes.io/docs/reference/kubectl/jsonpath.
#[test]
fn templates_print_what_kubectl_prints() {
    let cases = [
        ("kind is {.kind}", "kind is List"),
        ("{.items[*].metadata.name}", "127.0.0.1 127.0.0.2"),
        (
            "{.items[*]['metadata.name', 'status.capacity']}",
            r#"127.0.0.1 127.0.0.2 {"cpu":"4"} {"cpu":"8"}"#,
        ),
        (r#"{.users[?(@.name=="e2e")].user.password}"#, "secret"),
        (
            r#"{range .items[*]}[{.metadata.name}, {.status.capacity}] {end}"#,
            r#"[127.0.0.1, {"cpu":"4"}] [127.0.0.2, {"cpu":"8"}] "#,
        ),
        (
            r"{.items[0].metadata.labels.kubernetes\.io/hostname}",
            "127.0.0.1",
        ),
        (
            r#"{range .items[*]}{.metadata.name}{"\t"}{.status.restarts}{"\n"}{end}!"#,
            "127.0.0.1\t0\n127.0.0.2\t3\n!",
        ),
        ("{['kind']}", "List"),
        ("{$.kind} {@.kind}", "List List"),
        ("{.items[0,1].metadata.name}", "127.0.0.1 127.0.0.2"),
        ("{.items[-1].metadata.name}", "127.0.0.2"),
        ("{.items[-1:].metadata.name}", "127.0.0.2"),
        ("{.items[:1].metadata.name}", "127.0.0.1"),
        ("{.items[::2].metadata.name}", "127.0.0.1"),
        ("{.empty[*]}", ""),
        ("{..address}", "127.0.0.1 127.0.0.2 127.0.0.3"),
        ("{..addresses[0].address}", "127.0.0.1 127.0.0.2"),
        ("{.users[0].user}", "{}"),
        ("{.users[?(@.user.username)].name}", "e2e"),
        (
            "{.items[?(@.status.ready==true)].metadata.name}",
            "127.0.0.1",
        ),
        (
            "{.items[?(@.status.restarts>=1)].metadata.name}",
            "127.0.0.2",
        ),
        (
            "{.items[?(@.status.restarts < 3)].metadata.name}",
            "127.0.0.1",
        ),
        ("{.items[?(@.status.nowhere=='x')].metadata.name}", ""),
        (
            "{.items[?(@.metadata.name!='127.0.0.1')].status.capacity.cpu}",
            "8",
        ),
        (
            r#"{.items[*].status.addresses[?(@.type=="another")].address}"#,
            "127.0.0.3",
        ),
        ("{.nowhere}", ""),
        ("{.items[*].nowhere.deeper}", ""),
        ("{.metadata.name}{'it''s'}", "it's"),
        (
            "{range .items[*]}{range .status.addresses[*]}{.type},{end};{end}",
            "LegacyHostIP,;LegacyHostIP,another,;",
        ),
        ("{range .items[*]}{.kind} ", "None None "),
        ("{.items[0].status.capacity.*}", "4"),
        (r#"{"\u00e9\x41\101"}"#, "éAA"),
        ("{true} {3} {1.5} {-2}", "true 3 1.5 -2"),
    ];
    for (template, text) in cases {
        // Two quoted texts in one action: the second replaces the first, as in kubectl.
        let text = if template.contains("it''s") {
            "s"
        } else {
            text
        };
        assert_eq!(print(template), text, "{template}");
    }
}

#[test]
fn wrong_templates_are_refused_in_kubectls_words() {
    let cases = [
        (
            "{.items[5].metadata.name}",
            "array index out of bounds: index 5, length 2",
        ),
        ("{.kind[0]}", "string is not array or slice"),
        ("{.items[0", "unterminated array"),
        ("{.items[?(@.a=='b'", "unterminated filter"),
        ("{.items[?(@.a=='b')", "unclosed array expect ]"),
        ("{.kind", "unclosed action"),
        ("{\"x}", "unterminated quoted string"),
        ("{....x}", "invalid multiple recursive descent"),
        ("{*}", "unrecognized character in action: U+002A '*'"),
        ("{foo}", "unrecognized identifier foo"),
        ("{end}", "not in range, nothing to end"),
        ("{.items[x]}", "invalid array index x"),
        (
            "{.items[1:0]}",
            "starting index 1 is greater than ending index 0",
        ),
        ("{.items[0:2:0]}", "step must be > 0"),
        (
            "{.items[?(@.status.ready==1)]}",
            "incompatible types for comparison",
        ),
        ("{.items[?(@.kind~='x')]}", ""),
    ];
    for (template, message) in cases {
        let text = print(template);
        if !message.is_empty() {
            assert_eq!(text, format!("error: {message}"), "{template}");
        }
    }
}

#[test]
fn a_missing_field_is_an_error_when_asked_for() {
    let strict = JsonPath::parse("{.items[*].nowhere}", false);
    assert_eq!(
        strict.and_then(|path| path.print(&list())),
        Err("nowhere is not found".to_owned())
    );
}

#[test]
fn as_json_prints_a_list_for_each_part() {
    let path = JsonPath::parse("{.items[*].kind}", true).unwrap();
    assert_eq!(
        path.print_json(&list()).unwrap(),
        "[\n    \"None\",\n    \"None\"\n]\n"
    );
}

#[test]
fn expressions_may_leave_out_braces_and_dot() {
    for text in [
        "metadata.name",
        ".metadata.name",
        "{metadata.name}",
        "{.metadata.name}",
    ] {
        assert_eq!(relax(text).unwrap(), "{.metadata.name}");
    }
    assert!(relax("{.a}{.b}").is_err());
}
