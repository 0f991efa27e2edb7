//! What is too much.

use super::*;

#[test]
fn invalid_utf8_is_told_with_its_place() {
    assert_eq!(
        complaints(b"a: b\nc: \xff\xfe\n".to_vec(), Validate::Strict),
        ["pod.yaml:2: not UTF-8: byte 8 is 0xff"]
    );
}

#[test]
fn more_than_ten_megabytes_are_refused() {
    let text = format!("{GOOD}#{}", "x".repeat(MAX_MANIFEST));
    let said = refused(&text);
    assert_eq!(
        said,
        [format!(
            "pod.yaml:1: the manifest has {} bytes, more than the 10 MB allowed",
            text.len()
        )]
    );
}

#[test]
fn ten_megabytes_are_read() {
    let mut text = GOOD.to_owned();
    while text.len() + 102 < MAX_MANIFEST {
        text.push_str(&"#".repeat(100));
        text.push('\n');
    }
    assert_eq!(loaded(&text).len(), 1);
}

#[test]
fn a_billion_laughs_are_not_laughed() {
    let mut text = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for level in 1..12 {
        let below = format!("*a{}, ", level - 1).repeat(10);
        text.push_str(&format!("a{level}: &a{level} [{below}]\n"));
    }
    let said = refused(&text);
    assert_eq!(
        said,
        ["pod.yaml:6: the aliases of this document stand for more than 10 MB"]
    );
    let merged = format!(
        "a: &a {{x: {}}}\nb: [{}]\n",
        "y".repeat(1 << 20),
        "{<<: *a}, ".repeat(40)
    );
    assert_eq!(
        refused(&merged),
        ["pod.yaml:2: the aliases of this document stand for more than 10 MB"]
    );
}

#[test]
fn an_alias_can_not_stand_inside_its_own_value() {
    assert_eq!(
        refused("a: &a [*a]\n"),
        ["pod.yaml:1: an alias stands inside the value that it refers to"]
    );
}

#[test]
fn nesting_is_bounded_in_every_style_and_through_aliases() {
    let mut stacked = "a0: &a0 x\n".to_owned();
    for level in 1..5000 {
        stacked.push_str(&format!("a{level}: &a{level} [*a{}]\n", level - 1));
    }
    for text in [
        "[".repeat(1 << 20),
        "- ".repeat(1 << 20),
        format!("{{\"a\":{}", "[".repeat(1 << 20)),
        stacked,
    ] {
        let said = refused(&text);
        assert!(
            said[0].ends_with("nested more than 100 levels deep"),
            "{}",
            said[0]
        );
    }
    let deeper: String = (0..200)
        .map(|level| format!("{}a:\n", " ".repeat(level)))
        .collect();
    assert!(refused(&deeper)[0].ends_with("nested more than 100 levels deep"));
}

#[test]
fn the_number_of_values_is_bounded() {
    let said = refused(&format!("a: [{}]", "1,".repeat(1_100_000)));
    assert_eq!(
        said,
        ["pod.yaml:1: more than 1000000 values in one manifest"]
    );
}
