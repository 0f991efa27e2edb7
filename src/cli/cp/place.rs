//! Where something is copied from or to: `[[NAMESPACE/]POD:]PATH` (kubectl `pkg/cmd/cp/{cp,filespec}.go`).

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    Local(PathBuf),
    Remote(Remote),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    pub namespace: Option<String>,
    pub pod: String,
    pub path: String,
}

const FORMAT: &str = "filespec must match the canonical format: [[namespace/]pod:]file/path";

impl Place {
    pub fn parse(text: &str) -> Result<Place> {
        let Some((pod, path)) = text.split_once(':') else {
            return match text {
                "" => Err(anyhow!("filepath can not be empty")),
                path => Ok(Place::Local(path.into())),
            };
        };
        let (namespace, pod) = match pod.split('/').collect::<Vec<_>>()[..] {
            [pod] if !pod.is_empty() => (None, pod),
            [namespace, pod] if !pod.is_empty() => (Some(namespace.to_owned()), pod),
            _ => return Err(anyhow!(FORMAT)),
        };
        if path.is_empty() {
            return Err(anyhow!("filepath can not be empty"));
        }
        Ok(Place::Remote(Remote {
            namespace: namespace.filter(|namespace| !namespace.is_empty()),
            pod: pod.to_owned(),
            path: path.to_owned(),
        }))
    }
}

/// The last part of a local path; of one that has none (`.`, `..`, `/`), that of the directory it leads to.
pub fn base(path: &Path) -> Result<String> {
    let name = match path.file_name() {
        Some(name) => name.to_owned(),
        None => {
            let real = std::fs::canonicalize(path)
                .with_context(|| format!("could not resolve {}", path.display()))?;
            let name = real.file_name().map(ToOwned::to_owned);
            name.ok_or_else(|| anyhow!("{} has no name to be copied as", path.display()))?
        }
    };
    let name = name.into_string();
    name.map_err(|name| anyhow!("{} is not UTF-8", name.display()))
}

pub fn join(folder: &str, name: &str) -> String {
    clean(&format!("{folder}/{name}"))
}

/// Without needless slashes, `.` and `..`, as Go's `path.Clean` makes it.
pub fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (rooted, joined.as_str()) {
        (true, _) => format!("/{joined}"),
        (false, "") => ".".to_owned(),
        (false, _) => joined,
    }
}

/// The directory and the name in it.
pub fn split(path: &str) -> (&str, &str) {
    match path.rsplit_once('/') {
        Some(("", name)) => ("/", name),
        Some(parts) => parts,
        None => ("", path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_told_apart_by_the_colon() {
        let remote = |namespace: Option<&str>, pod: &str, path: &str| {
            Place::Remote(Remote {
                namespace: namespace.map(str::to_owned),
                pod: pod.to_owned(),
                path: path.to_owned(),
            })
        };
        for (text, expected) in [
            ("a/b", Place::Local("a/b".into())),
            ("web:/tmp/a:b", remote(None, "web", "/tmp/a:b")),
            ("prod/web:a", remote(Some("prod"), "web", "a")),
        ] {
            assert_eq!(Place::parse(text).unwrap(), expected);
        }
        for text in [":a", "a/b/c:d", "prod/:a"] {
            assert_eq!(
                Place::parse(text).unwrap_err().to_string(),
                FORMAT,
                "{text}"
            );
        }
        for text in ["", "web:"] {
            let error = Place::parse(text).unwrap_err();
            assert_eq!(error.to_string(), "filepath can not be empty", "{text}");
        }
    }

    #[test]
    fn paths_are_cleaned_as_go_does() {
        for (path, expected) in [
            ("/tmp//a/./b/../c/", "/tmp/a/c"),
            ("../a", "../a"),
            ("a/../..", ".."),
            ("/../a", "/a"),
            ("/", "/"),
            ("", "."),
        ] {
            assert_eq!(clean(path), expected, "{path}");
        }
        assert_eq!(split("/tmp/a"), ("/tmp", "a"));
        assert_eq!(split("/a"), ("/", "a"));
        assert_eq!(split("a"), ("", "a"));
    }
}
