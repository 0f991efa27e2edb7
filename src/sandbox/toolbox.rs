//! The image built into the binary: a multi-call program, so that a pod runs on a machine that has nothing else.

use super::wasm::Digest;

/// The component, built from `guests/toolbox`.
pub static WASM: &[u8] = include_bytes!(env!("TOOLBOX_WASM"));

/// The digest of [`WASM`], written down when the guests were built: it saves every start the hashing.
pub fn digest() -> Digest {
    // What is no digest at all makes a start slow, not wrong.
    Digest::parse(env!("TOOLBOX_DIGEST")).unwrap_or_else(|| Digest::of(WASM))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_of_the_guests_tells_the_true_digest() {
        assert_eq!(env!("TOOLBOX_DIGEST"), Digest::of(WASM).hex());
    }
}
