//! Names become paths here, and nowhere else.
//!
//! What is not a name by the rules of the API never reaches the file system: it is not found, or not accepted.

use sha2::{Digest, Sha256};

/// Longest name of a file.
const NAME_MAX: usize = 255;
/// Names that leave no room for what stands around them are cut here, and told apart by a digest.
const CUT: usize = 200;

/// The folder of what is in no namespace. No namespace can be called that.
pub(super) const CLUSTER: &str = "_";

/// A DNS label (RFC 1123): what a namespace is called.
pub(super) fn is_namespace(text: &str) -> bool {
    text.len() <= 63 && is_label(text)
}

/// A DNS subdomain (RFC 1123): what an object is called.
pub(super) fn is_name(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_label)
}

/// What a uid may be: ours are RFC 4122 text, those of static pods a digest.
pub(super) fn is_uid(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn is_label(text: &str) -> bool {
    let edge = |byte: Option<&u8>| {
        byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    let bytes = text.as_bytes();
    edge(bytes.first())
        && edge(bytes.last())
        && bytes.iter().all(|byte| *byte == b'-' || edge(Some(byte)))
}

/// The file that holds the object of this name. A name may be as long as a file's name nearly is; such a one is cut, and
/// the true name is the one inside.
pub(super) fn object_file(name: &str) -> String {
    if name.len() + ".json".len() <= NAME_MAX {
        return format!("{name}.json");
    }
    let digest = Sha256::digest(name.as_bytes());
    let digest: String = digest[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    // `~` is in no name, so this is nobody else's file.
    format!("{}~{digest}.json", &name[..CUT])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_leave_its_folder_is_no_name() {
        for bad in [
            "", ".", "..", "a/b", "/a", "../a", ".a", "a.", "a\0", "A", "a_b", "-a", "a..b",
        ] {
            assert!(!is_name(bad), "{bad:?}");
            assert!(!is_namespace(bad), "{bad:?}");
        }
        assert!(is_name("a.b-c.9") && !is_namespace("a.b"));
        assert!(!is_uid("../x") && !is_uid("") && is_uid("0a-B"));
    }

    #[test]
    fn the_longest_names_have_files_of_their_own() {
        let long = |last: char| format!("{}{last}", "a".repeat(252));
        assert!(is_name(&long('b')) && !is_name(&"a".repeat(254)));
        assert!(object_file(&long('b')).len() <= NAME_MAX);
        assert_ne!(object_file(&long('b')), object_file(&long('c')));
        assert_eq!(object_file("web"), "web.json");
    }
}
