//! What the `image` field of a container names.
//!
//! A reference to a registry follows the grammar of `github.com/distribution/reference`, with Docker's short forms
//! (`busybox` is `docker.io/library/busybox:latest`). Beside that, a path names a wasm file on this machine, and
//! `wasmpod/toolbox` the program built into the binary.

use std::path::{Component, Path, PathBuf};

use super::pod::{Image, TOOLBOX};

/// The parts of a reference, the registry filled in. The tag is as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference<'a> {
    pub registry: String,
    pub repository: String,
    pub tag: Option<&'a str>,
    pub digest: Option<&'a str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    #[error("invalid reference format")]
    Format,
    #[error("invalid reference format: repository name must be lowercase")]
    Uppercase,
    #[error("repository name must not be more than 255 characters")]
    TooLong,
    #[error("invalid checksum digest format")]
    Digest,
    #[error("cannot specify 64-byte hexadecimal strings")]
    Identifier,
}

const MAX_NAME: usize = 255;

impl<'a> Reference<'a> {
    pub fn parse(text: &'a str) -> Result<Reference<'a>, ReferenceError> {
        if text.len() == 64 && text.bytes().all(is_lower_hex) {
            return Err(ReferenceError::Identifier);
        }
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(checked_digest(digest)?)),
            None => (text, None),
        };
        // A colon before the last slash belongs to the registry's port.
        let (name, tag) = match rest.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(checked_tag(tag)?)),
            _ => (rest, None),
        };
        let (registry, repository) = normal_name(name);
        check_registry(&registry)?;
        check_repository(&repository)?;
        if registry.len() + 1 + repository.len() > MAX_NAME {
            return Err(ReferenceError::TooLong);
        }
        Ok(Reference {
            registry,
            repository,
            tag,
            digest,
        })
    }

    /// `docker.io/library/busybox:latest`: with both tag and digest, the digest decides and the tag is kept.
    pub fn normal(&self) -> String {
        let mut text = format!("{}/{}", self.registry, self.repository);
        match (self.tag, self.digest) {
            (Some(tag), _) => text.extend([":", tag]),
            (None, None) => text.push_str(":latest"),
            (None, Some(_)) => {}
        }
        if let Some(digest) = self.digest {
            text.extend(["@", digest]);
        }
        text
    }
}

/// Docker's rule: the first part is a registry only if it looks like a host.
fn normal_name(name: &str) -> (String, String) {
    let (registry, repository) = match name.split_once('/') {
        Some((first, rest))
            if first.contains(['.', ':'])
                || first == "localhost"
                || first.bytes().any(|byte| byte.is_ascii_uppercase()) =>
        {
            (
                if first == "index.docker.io" {
                    "docker.io"
                } else {
                    first
                },
                rest,
            )
        }
        _ => ("docker.io", name),
    };
    let repository = match registry == "docker.io" && !repository.contains('/') {
        true => format!("library/{repository}"),
        false => repository.to_owned(),
    };
    (registry.to_owned(), repository)
}

fn is_lower_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

/// `[\w][\w.-]{0,127}`
fn checked_tag(tag: &str) -> Result<&str, ReferenceError> {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let good = tag.bytes().next().is_some_and(word)
        && tag.len() <= 128
        && tag
            .bytes()
            .all(|byte| word(byte) || matches!(byte, b'.' | b'-'));
    if good {
        Ok(tag)
    } else {
        Err(ReferenceError::Format)
    }
}

/// `algorithm:hex`, of the length the algorithm has.
fn checked_digest(digest: &str) -> Result<&str, ReferenceError> {
    let (algorithm, hex) = digest.split_once(':').ok_or(ReferenceError::Format)?;
    let length = match algorithm {
        "sha256" => 64,
        "sha384" => 96,
        "sha512" => 128,
        _ => return Err(ReferenceError::Digest),
    };
    if hex.len() == length && hex.bytes().all(is_lower_hex) {
        Ok(digest)
    } else {
        Err(ReferenceError::Digest)
    }
}

/// A host name, an IPv4 address or an IPv6 address in brackets, then perhaps a port.
fn check_registry(registry: &str) -> Result<(), ReferenceError> {
    let (host, port) = match registry.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (registry, None),
    };
    let part_ok = |part: &str| {
        !part.is_empty()
            && !part.starts_with('-')
            && !part.ends_with('-')
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let host_ok = match host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => host.split('.').all(part_ok),
    };
    let port_ok =
        port.is_none_or(|port| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()));
    if host_ok && port_ok {
        Ok(())
    } else {
        Err(ReferenceError::Format)
    }
}

/// Components of lower case letters and digits, joined inside by one `.`, one or two `_`, or any number of `-`.
fn check_repository(repository: &str) -> Result<(), ReferenceError> {
    if repository.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(ReferenceError::Uppercase);
    }
    let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let joint_ok = |joint: &str| {
        matches!(joint, "" | "." | "_" | "__") || joint.bytes().all(|byte| byte == b'-')
    };
    let component_ok = |component: &str| {
        component.starts_with(alphanumeric)
            && component.ends_with(alphanumeric)
            && component.split(alphanumeric).all(joint_ok)
    };
    if repository.split('/').all(component_ok) {
        Ok(())
    } else {
        Err(ReferenceError::Format)
    }
}

/// `Always` for the tag `latest` and for none, else `IfNotPresent` (`SetDefaults_Container`). What lies on this machine
/// anyway is never asked for anywhere, so for the toolbox and for files it is `IfNotPresent` too.
pub fn default_pull_policy(written: &str) -> &'static str {
    if local_path(written).is_some() || is_toolbox(written) {
        return "IfNotPresent";
    }
    match Reference::parse(written) {
        Ok(
            Reference {
                tag: None,
                digest: None,
                ..
            }
            | Reference {
                tag: Some("latest"),
                ..
            },
        ) => "Always",
        _ => "IfNotPresent",
    }
}

/// Decides what an image is. `base` is the folder of the manifest.
pub fn resolve(written: &str, base: &Path) -> Image {
    if let Some(path) = file(written, base) {
        return Image::File {
            written: written.to_owned(),
            path,
        };
    }
    if is_toolbox(written) {
        return Image::Toolbox;
    }
    match Reference::parse(written) {
        Ok(reference) => Image::Registry {
            written: written.to_owned(),
            reference: reference.normal(),
        },
        Err(error) => Image::Invalid {
            written: written.to_owned(),
            error: format!("couldn't parse image name {written:?}: {error}"),
        },
    }
}

/// The file an image names, if it names one.
pub fn file(written: &str, base: &Path) -> Option<PathBuf> {
    local_path(written).map(|path| tidy(&base.join(path)))
}

/// `./x`, `../x`, `/x` and `file:x`; none of them could be a reference but the last, which would be a tag of `file`.
fn local_path(written: &str) -> Option<&str> {
    let is_path =
        written.starts_with("./") || written.starts_with("../") || written.starts_with('/');
    if is_path {
        Some(written)
    } else {
        written
            .strip_prefix("file:")
            .filter(|path| !path.is_empty())
    }
}

fn is_toolbox(written: &str) -> bool {
    let name = written.strip_prefix("docker.io/").unwrap_or(written);
    name.strip_prefix(TOOLBOX)
        .is_some_and(|rest| matches!(rest, "" | ":latest"))
}

/// Without `.` and doubled slashes. `..` stays: what it means depends on links that this room can not see.
fn tidy(path: &Path) -> PathBuf {
    path.components()
        .filter(|component| *component != Component::CurDir)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SHA: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn short_names_are_dockers() {
        for (written, normal) in [
            ("busybox", "docker.io/library/busybox:latest"),
            ("busybox:1.35", "docker.io/library/busybox:1.35"),
            ("user/app", "docker.io/user/app:latest"),
            (
                "index.docker.io/busybox",
                "docker.io/library/busybox:latest",
            ),
            ("ghcr.io/a/b/c:v1", "ghcr.io/a/b/c:v1"),
            ("localhost/app", "localhost/app:latest"),
            ("localhost:5000/app:x", "localhost:5000/app:x"),
            ("registry:5000/app", "registry:5000/app:latest"),
            ("[::1]:5000/app", "[::1]:5000/app:latest"),
            ("Host/app", "Host/app:latest"),
            ("a/b__c--d.e", "docker.io/a/b__c--d.e:latest"),
        ] {
            assert_eq!(
                Reference::parse(written)
                    .map(|reference| reference.normal())
                    .as_deref(),
                Ok(normal),
                "{written}"
            );
        }
        let both = format!("app:v1@{SHA}");
        assert_eq!(
            Reference::parse(&both).expect("valid").normal(),
            format!("docker.io/library/app:v1@{SHA}")
        );
        let digest = format!("app@{SHA}");
        assert_eq!(
            Reference::parse(&digest).expect("valid").normal(),
            format!("docker.io/library/app@{SHA}")
        );
    }

    #[test]
    fn what_is_no_reference_is_refused() {
        for (written, error) in [
            ("", ReferenceError::Format),
            ("Busybox", ReferenceError::Uppercase),
            ("a//b", ReferenceError::Format),
            ("app:", ReferenceError::Format),
            ("app:-x", ReferenceError::Format),
            ("app@sha256:12", ReferenceError::Digest),
            (
                "app@md5:d41d8cd98f00b204e9800998ecf8427e",
                ReferenceError::Digest,
            ),
            ("app@x", ReferenceError::Format),
            ("-app", ReferenceError::Format),
            ("a___b", ReferenceError::Format),
            ("a..b", ReferenceError::Format),
            ("app name", ReferenceError::Format),
            ("host.io:x/app", ReferenceError::Format),
            (&SHA[7..], ReferenceError::Identifier),
            (&"a".repeat(300), ReferenceError::TooLong),
        ] {
            assert_eq!(
                Reference::parse(written).map(|_| ()),
                Err(error),
                "{written}"
            );
        }
    }

    #[test]
    fn the_default_pull_policy_follows_the_tag() {
        for (written, policy) in [
            ("app", "Always"),
            ("app:latest", "Always"),
            ("app:v1", "IfNotPresent"),
            ("Bad Image", "IfNotPresent"),
            ("./app.wasm", "IfNotPresent"),
            ("file:latest", "IfNotPresent"),
            ("wasmpod/toolbox", "IfNotPresent"),
        ] {
            assert_eq!(default_pull_policy(written), policy, "{written}");
        }
        assert_eq!(default_pull_policy(&format!("app@{SHA}")), "IfNotPresent");
        assert_eq!(default_pull_policy(&format!("app:latest@{SHA}")), "Always");
    }

    #[test]
    fn paths_are_files_relative_to_the_manifest() {
        for (written, path) in [
            ("./app.wasm", "/m/app.wasm"),
            ("../app.wasm", "/m/../app.wasm"),
            ("/abs/app.wasm", "/abs/app.wasm"),
            ("file:app.wasm", "/m/app.wasm"),
            ("file:/abs/./app.wasm", "/abs/app.wasm"),
            ("file:///abs/app.wasm", "/abs/app.wasm"),
        ] {
            let expected = Image::File {
                written: written.to_owned(),
                path: path.into(),
            };
            assert_eq!(resolve(written, Path::new("/m")), expected);
        }
    }

    #[test]
    fn the_toolbox_is_known_by_its_name_and_the_tag_latest() {
        for written in [
            "wasmpod/toolbox",
            "wasmpod/toolbox:latest",
            "docker.io/wasmpod/toolbox",
        ] {
            assert_eq!(resolve(written, Path::new("/")), Image::Toolbox);
        }
        assert!(matches!(
            resolve("wasmpod/toolbox:v2", Path::new("/")),
            Image::Registry { .. }
        ));
        assert!(matches!(
            resolve("wasmpod/toolboxes", Path::new("/")),
            Image::Registry { .. }
        ));
    }

    #[test]
    fn an_image_that_can_not_be_parsed_says_why() {
        let Image::Invalid { error, .. } = resolve("Bad Image", Path::new("/")) else {
            panic!("it parses")
        };
        assert_eq!(
            error,
            "couldn't parse image name \"Bad Image\": invalid reference format: repository name must be lowercase"
        );
    }

    proptest! {
        #[test]
        fn the_normal_form_is_its_own_normal_form(text in "([a-zA-Z0-9.-]{1,8}(:[0-9]{1,4})?/)?[a-z0-9._/-]{1,20}(:[\\w.-]{1,8})?") {
            if let Ok(reference) = Reference::parse(&text) {
                let normal = reference.normal();
                prop_assert_eq!(Reference::parse(&normal).map(|again| again.normal()), Ok(normal.clone()));
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,40}") {
            let _ = Reference::parse(&text);
        }
    }
}
