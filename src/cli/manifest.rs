//! Reading what the user named: a file, a directory of manifests, or `-`.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};

use super::Failure;
use crate::spec::Source;

/// Larger manifests are refused, as the kubelet refuses them (`pkg/kubelet/config/file.go`, 10 MB).
const LARGEST: u64 = 10 * 1024 * 1024;

/// The manifests behind one name on the command line.
pub fn read(name: &Path) -> Result<Vec<Source>, Failure> {
    let found = read_below(name, false)?;
    if found.is_empty() {
        return Err(Failure::Usage(anyhow!(
            "{} holds no .yaml, .yml or .json file",
            name.display()
        )));
    }
    Ok(found)
}

/// The same; a directory's own directories are read, too, if `recursive`, and there may be nothing in it.
pub fn read_below(name: &Path, recursive: bool) -> Result<Vec<Source>, Failure> {
    if name == Path::new("-") {
        let text = limited(io::stdin().lock(), "<stdin>").map_err(Failure::Usage)?;
        let base = std::env::current_dir().context("could not tell the working directory")?;
        return Ok(vec![Source {
            name: "<stdin>".to_owned(),
            base,
            text,
        }]);
    }
    let metadata =
        std::fs::metadata(name).with_context(|| format!("could not read {}", name.display()));
    if metadata.map_err(Failure::Usage)?.is_dir() {
        return directory(name, recursive);
    }
    Ok(vec![file(name)?])
}

fn file(path: &Path) -> Result<Source, Failure> {
    let shown = path.display();
    let file = File::open(path)
        .with_context(|| format!("could not read {shown}"))
        .map_err(Failure::Usage)?;
    let text = limited(file, &shown.to_string()).map_err(Failure::Usage)?;
    let whole = std::path::absolute(path).with_context(|| format!("could not locate {shown}"))?;
    let base = whole.parent().map(Path::to_owned).unwrap_or_default();
    Ok(Source {
        name: shown.to_string(),
        base,
        text,
    })
}

fn limited(reader: impl Read, name: &str) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    reader
        .take(LARGEST + 1)
        .read_to_end(&mut text)
        .with_context(|| format!("could not read {name}"))?;
    if text.len() as u64 > LARGEST {
        bail!("{name} is larger than {LARGEST} bytes, which no manifest may be");
    }
    Ok(text)
}

/// Every `.yaml`, `.yml` and `.json` file of a directory, in the order of their paths.
fn directory(path: &Path, recursive: bool) -> Result<Vec<Source>, Failure> {
    let mut names = Vec::new();
    list(path, recursive, &mut names).map_err(Failure::Usage)?;
    names.sort();
    names.iter().map(|name| file(name)).collect()
}

fn list(path: &Path, recursive: bool, names: &mut Vec<PathBuf>) -> Result<()> {
    let text = || format!("could not read the directory {}", path.display());
    for entry in std::fs::read_dir(path).with_context(text)? {
        let entry = entry.with_context(text)?;
        let found = entry.path();
        // A link to a directory is not followed: it may lead back here.
        if entry.file_type().with_context(text)?.is_dir() {
            if recursive {
                list(&found, recursive, names)?;
            }
        } else if found.is_file() && is_manifest(&found) {
            names.push(found);
        }
    }
    Ok(())
}

fn is_manifest(path: &Path) -> bool {
    path.extension()
        .and_then(|extension| extension.to_str())
        .is_some_and(|e| matches!(e, "yaml" | "yml" | "json"))
}

/// Whether the file is a wasm program and not a manifest: by its magic number, or by what it calls itself.
pub fn is_program(path: &Path) -> bool {
    if path == Path::new("-") {
        return false;
    }
    let mut magic = [0; 4];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut magic));
    (read.is_ok() && magic == *b"\0asm")
        || path
            .extension()
            .is_some_and(|extension| extension == "wasm")
}
