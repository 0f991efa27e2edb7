//! The syntax of names, labels and ports (`apimachinery/pkg/util/validation/validation.go`), with the API server's texts.
//! Each check returns what is wrong; nothing if it is right.

const DNS_LABEL: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const DNS_SUBDOMAIN: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*";
const NAME_PART: &str = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";

type Wrong = Vec<String>;

fn with_pattern(message: &str, pattern: &str, examples: &[&str]) -> String {
    let examples: Vec<String> = examples
        .iter()
        .map(|example| format!("'{example}', "))
        .collect();
    format!(
        "{message} (e.g. {}regex used for validation is '{pattern}')",
        examples.join(" or ")
    )
}

fn too_long(max: usize) -> String {
    format!("must be no more than {max} characters")
}

pub fn between(min: i64, max: i64) -> String {
    format!("must be between {min} and {max}, inclusive")
}

fn lower(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

/// Starts and ends with `edge`, and has `edge` or one of `inner` between.
fn shaped(text: &str, edge: fn(u8) -> bool, inner: &[u8]) -> bool {
    let bytes = text.as_bytes();
    bytes.first().copied().is_some_and(edge)
        && bytes.last().copied().is_some_and(edge)
        && bytes
            .iter()
            .all(|&byte| edge(byte) || inner.contains(&byte))
}

fn is_label(text: &str) -> bool {
    shaped(text, lower, b"-")
}

fn is_subdomain(text: &str) -> bool {
    text.split('.').all(is_label)
}

pub fn dns_label(text: &str) -> Wrong {
    let mut wrong = Wrong::new();
    if text.len() > 63 {
        wrong.push(too_long(63));
    }
    if !is_label(text) {
        wrong.push(if is_subdomain(text) {
            "must not contain dots".to_owned()
        } else {
            with_pattern(
                "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
                DNS_LABEL,
                &["my-name", "123-abc"],
            )
        });
    }
    wrong
}

pub fn dns_subdomain(text: &str) -> Wrong {
    let mut wrong = Wrong::new();
    if text.len() > 253 {
        wrong.push(too_long(253));
    }
    if !is_subdomain(text) {
        wrong.push(with_pattern(
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
            DNS_SUBDOMAIN,
            &["example.com"],
        ));
    }
    wrong
}

/// A domain to search in, which may have underscores (`IsDNS1123SubdomainWithUnderscore`).
pub fn dns_subdomain_with_underscore(text: &str) -> Wrong {
    let mut wrong = Wrong::new();
    if text.len() > 253 {
        wrong.push(too_long(253));
    }
    // An underscore may stand anywhere but at a label's end.
    let is_label = |label: &str| {
        let rest = label.strip_prefix('_').unwrap_or(label);
        shaped(rest, lower, b"-_")
    };
    if !text.split('.').all(is_label) {
        wrong.push(with_pattern(
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character",
            "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*",
            &["example.com"],
        ));
    }
    wrong
}

/// A label or annotation key: `[prefix/]name`.
pub fn qualified_name(text: &str) -> Wrong {
    let mut wrong = Wrong::new();
    let name = match text.split_once('/') {
        Some((_, name)) if name.contains('/') => {
            let message = "a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
            let message = with_pattern(message, NAME_PART, &["MyName", "my.name", "123-abc"]);
            return vec![format!(
                "{message} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
            )];
        }
        Some(("", name)) => {
            wrong.push("prefix part must be non-empty".to_owned());
            name
        }
        Some((prefix, name)) => {
            wrong.extend(
                dns_subdomain(prefix)
                    .into_iter()
                    .map(|message| format!("prefix part {message}")),
            );
            name
        }
        None => text,
    };
    if name.is_empty() {
        wrong.push("name part must be non-empty".to_owned());
    } else if name.len() > 63 {
        wrong.push(format!("name part {}", too_long(63)));
    }
    if !shaped(name, |byte| byte.is_ascii_alphanumeric(), b"-_.") {
        wrong.push(with_pattern(
            "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
            NAME_PART,
            &["MyName", "my.name", "123-abc"],
        ));
    }
    wrong
}

pub fn label_value(text: &str) -> Wrong {
    let mut wrong = Wrong::new();
    if text.len() > 63 {
        wrong.push(too_long(63));
    }
    if !text.is_empty() && !shaped(text, |byte| byte.is_ascii_alphanumeric(), b"-_.") {
        wrong.push(with_pattern(
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
            "(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?",
            &["MyValue", "my_value", "12345"],
        ));
    }
    wrong
}

pub fn port_name(text: &str) -> Wrong {
    let mut wrong = Wrong::new();
    if text.len() > 15 {
        wrong.push(too_long(15));
    }
    if !text.bytes().all(|byte| lower(byte) || byte == b'-') {
        wrong.push(
            "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)".to_owned(),
        );
    }
    if !text.bytes().any(|byte| byte.is_ascii_lowercase()) {
        wrong.push("must contain at least one letter (a-z)".to_owned());
    }
    if text.contains("--") {
        wrong.push("must not contain consecutive hyphens".to_owned());
    }
    if text.starts_with('-') || text.ends_with('-') {
        wrong.push("must not begin or end with a hyphen".to_owned());
    }
    wrong
}

/// Relaxed since 1.34: any printable ASCII but `=`.
pub fn env_name(text: &str) -> Wrong {
    if text
        .bytes()
        .all(|byte| matches!(byte, b' '..=b'~') && byte != b'=')
    {
        return Wrong::new();
    }
    vec!["a valid environment variable name must consist only of printable ASCII characters other than '='".to_owned()]
}

/// What keeps this from being a key of a ConfigMap or a Secret (`apimachinery/pkg/util/validation/validation.go`,
/// `IsConfigMapKey`).
pub fn config_key(text: &str) -> Wrong {
    let mut wrong = Wrong::new();
    if text.len() > 253 {
        wrong.push(too_long(253));
    }
    if text.is_empty()
        || !text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
    {
        wrong.push(with_pattern(
            "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
            "[-._a-zA-Z0-9]+",
            &["key.name", "KEY_NAME", "key-name"],
        ));
    }
    // Said beside the pattern: `../a` is wrong twice.
    if text == "." || text.starts_with("..") {
        wrong.push(if text.len() > 2 {
            "must not start with '..'".to_owned()
        } else {
            format!("must not be '{text}'")
        });
    }
    wrong
}

pub fn http_header_name(text: &str) -> Wrong {
    if !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    {
        return Wrong::new();
    }
    vec![with_pattern(
        "a valid HTTP header must consist of alphanumeric characters or '-'",
        "[-A-Za-z0-9]+",
        &["X-Header-Name"],
    )]
}

pub fn port_number(port: i32) -> Wrong {
    if (1..=65535).contains(&port) {
        Wrong::new()
    } else {
        vec![between(1, 65535)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(check: fn(&str) -> Wrong, good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(check(text).is_empty(), "{text:?}: {:?}", check(text));
        }
        for text in bad {
            assert!(!check(text).is_empty(), "{text:?} passes");
        }
    }

    #[test]
    fn a_container_name_is_a_dns_label() {
        holds(
            dns_label,
            &["a", "web-1", "0", &"a".repeat(63)],
            &["", "Web", "-a", "a-", "a.b", "a_b", "é", &"a".repeat(64)],
        );
        assert_eq!(dns_label("a.b"), ["must not contain dots"]);
        assert_eq!(
            dns_label("A"),
            [
                "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
            ]
        );
    }

    #[test]
    fn a_pod_name_is_a_dns_subdomain() {
        holds(
            dns_subdomain,
            &["a", "a.b-c.d"],
            &["", ".", "a..b", "a.", "A.b", &"a".repeat(254)],
        );
    }

    #[test]
    fn a_domain_to_search_in_may_have_underscores() {
        holds(
            dns_subdomain_with_underscore,
            &["a", "_tcp.example.com", "a_b.c"],
            &["", "__a", "a_", "A", "a..b", &"a".repeat(254)],
        );
    }

    #[test]
    fn a_label_key_may_have_a_prefix() {
        holds(
            qualified_name,
            &[
                "app",
                "App_1.x",
                "example.com/app",
                "wasmpod.dev/interrupt.app",
            ],
            &[
                "",
                "/app",
                "example.com/",
                "Example.com/app",
                "a/b/c",
                "-a",
                "a b",
                &"a".repeat(64),
            ],
        );
    }

    #[test]
    fn a_label_value_may_be_empty() {
        holds(
            label_value,
            &["", "v1.2_x"],
            &["-a", "a b", "é", &"a".repeat(64)],
        );
    }

    #[test]
    fn a_port_name_has_a_letter_and_at_most_fifteen_characters() {
        holds(
            port_name,
            &["http", "p1", "a-b"],
            &["80", "Http", "-a", "a-", "a--b", "abcdefghijklmnop"],
        );
    }

    #[test]
    fn an_environment_name_is_printable_ascii_without_equals() {
        holds(
            env_name,
            &["A", "1", "a b", "my.name-x"],
            &["A=B", "é", "a\tb"],
        );
    }
}
