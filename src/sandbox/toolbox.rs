//! The image built into the binary: a multi-call program, so that a pod runs on a machine that has nothing else.

use super::wasm::Digest;

/// The component, built from `guests/toolbox`.
pub static WASM: &[u8] = include_bytes!(env!("TOOLBOX_WASM"));

/// The digest of [`WASM`], written down when the guests were built: it saves every start the hashing.
pub fn digest() -> Digest {
    // What is no digest at all makes a start slow, not wrong.
    Digest::parse(env!("TOOLBOX_DIGEST")).unwrap_or_else(|| Digest::of(WASM))
}

/// The names it goes by, in order: what its `--list` says.
const APPLETS: &[&str] = &[
    "[",
    "[[",
    "base64",
    "cat",
    "cp",
    "cut",
    "date",
    "echo",
    "env",
    "false",
    "find",
    "getent",
    "grep",
    "head",
    "hostname",
    "httpd",
    "ln",
    "ls",
    "mkdir",
    "mv",
    "nc",
    "nslookup",
    "printenv",
    "printf",
    "pwd",
    "readlink",
    "rm",
    "seq",
    "sh",
    "sha256sum",
    "sleep",
    "sort",
    "stat",
    "tail",
    "tar",
    "tee",
    "test",
    "touch",
    "tr",
    "tree",
    "true",
    "wc",
    "wget",
];

/// Whether the toolbox goes by this name.
pub fn has(name: &str) -> bool {
    name == "toolbox" || APPLETS.binary_search(&name).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn applets_are_found_by_name() {
        assert!(APPLETS.is_sorted());
        assert!(has("true") && has("toolbox") && !has("bash"));
    }

    #[test]
    fn the_manifest_of_the_guests_tells_the_true_digest() {
        assert_eq!(env!("TOOLBOX_DIGEST"), Digest::of(WASM).hex());
    }
}
