//! Places in a guest's file system, as a manifest names them.

/// The place itself: absolute, without `.`, `..`, doubled or trailing slashes. A relative path is taken from the root, as the
/// kubelet takes it, and nothing lies above the root.
pub fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_place_has_one_name() {
        for (written, place) in [
            ("/", "/"),
            ("", "/"),
            ("/a", "/a"),
            ("a/b", "/a/b"),
            ("/a/", "/a"),
            ("//a//b", "/a/b"),
            ("/a/./b/.", "/a/b"),
            ("/a/../b", "/b"),
            ("/../../etc", "/etc"),
            ("/a/..b", "/a/..b"),
        ] {
            assert_eq!(clean(written), place, "{written}");
        }
    }

    proptest! {
        #[test]
        fn a_clean_path_stays_below_the_root_and_as_it_is(path in "[a./]{0,12}") {
            let place = clean(&path);
            prop_assert!(place.starts_with('/'));
            prop_assert!(!place.split('/').any(|part| part == ".."));
            prop_assert_eq!(clean(&place), place);
        }
    }
}
