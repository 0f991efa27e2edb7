//! `wasmpod diff -f …`: what `apply` would change.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, anyhow};
use k8s_openapi::api::core::v1;
use similar::TextDiff;

use super::documents::{self, Document, Files};
use super::incoming::{self, Remember};
use super::outcome;
use super::print;
use super::targets::LabelFlag;
use super::{Context, Failure, Strictness, say};
use crate::node::Store;

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    files: Files,

    #[command(flatten)]
    selector: LabelFlag,
}

/// One object as it is and as it would be, as YAML; one that is not there is empty.
struct Pair {
    /// `v1.Pod.default.web`
    name: String,
    live: String,
    merged: String,
}

/// 0: no difference; 1: there is one; 2: that could not be found out. The scripts around `diff` know these.
pub fn run(args: &Args, context: &Context) -> ExitCode {
    match differs(args, context) {
        Ok(false) => ExitCode::SUCCESS,
        Ok(true) => ExitCode::from(1),
        Err(failure) => {
            say(&failure);
            ExitCode::from(2)
        }
    }
}

fn differs(args: &Args, context: &Context) -> Result<bool, Failure> {
    args.files.require()?;
    let filter = args.selector.filter()?;
    let mut read = documents::read(&args.files, context, Strictness::Strict)?;
    if let Some(failure) = read.failures.pop() {
        return Err(failure);
    }
    read.pods
        .retain(|document| filter.matches(&document.loaded.object));
    let store = context.store();
    let pairs = read.pods.iter().map(|document| pair(document, &store));
    let pairs: Vec<Pair> = pairs.collect::<Result<_, _>>()?;
    match std::env::var("KUBECTL_EXTERNAL_DIFF") {
        Ok(program) if !program.trim().is_empty() => external(&program, &pairs),
        _ => internal(&pairs),
    }
}

fn pair(document: &Document, store: &Store) -> Result<Pair, Failure> {
    let (namespace, name) = (&document.namespace, &document.name);
    let live = match store.get(namespace, name) {
        Ok(live) => Some(live),
        Err(error) if error.is_not_found() => None,
        Err(error) => return Err(error.into()),
    };
    let merged = match &live {
        Some(live) => {
            let mut merged = incoming::merged(document, &store.stored(namespace, name)?)?;
            // The status and who runs it is no matter of the manifest.
            merged.status = live.status.clone();
            merged
        }
        None => incoming::object(document, Remember::No)?,
    };
    Ok(Pair {
        name: format!("v1.Pod.{namespace}.{name}"),
        live: live.as_ref().map_or(Ok(String::new()), yaml)?,
        merged: yaml(&merged)?,
    })
}

/// Without what only the store and `apply` itself write there.
fn yaml(pod: &v1::Pod) -> Result<String, Failure> {
    let mut pod = pod.clone();
    let metadata = &mut pod.metadata;
    metadata.resource_version = None;
    if let Some(annotations) = &mut metadata.annotations {
        annotations.remove(incoming::LAST_APPLIED);
        annotations.remove(crate::node::PID_ANNOTATION);
    }
    if metadata.annotations.as_ref().is_some_and(|a| a.is_empty()) {
        metadata.annotations = None;
    }
    let object = serde_json::to_value(&pod).context("could not print the object")?;
    Ok(print::yaml(&object))
}

fn internal(pairs: &[Pair]) -> Result<bool, Failure> {
    let mut text = String::new();
    for pair in pairs.iter().filter(|pair| pair.live != pair.merged) {
        let name = &pair.name;
        let (before, after) = (format!("LIVE/{name}"), format!("MERGED/{name}"));
        text += &format!("diff -u -N {before} {after}\n");
        text += &TextDiff::from_lines(&pair.live, &pair.merged)
            .unified_diff()
            .header(&before, &after)
            .to_string();
    }
    outcome::print(&text)?;
    Ok(!text.is_empty())
}

/// A program of the user's own: it is given two directories, and says by its exit code whether they differ.
fn external(program: &str, pairs: &[Pair]) -> Result<bool, Failure> {
    let place = Scratch::new()?;
    for (folder, text) in [
        ("LIVE", (|pair| &pair.live) as fn(&Pair) -> &String),
        ("MERGED", |pair| &pair.merged),
    ] {
        let folder = place.0.join(folder);
        std::fs::create_dir(&folder)
            .with_context(|| format!("could not make {}", folder.display()))?;
        for pair in pairs.iter().filter(|pair| !text(pair).is_empty()) {
            let file = folder.join(&pair.name);
            std::fs::write(&file, text(pair))
                .with_context(|| format!("could not write {}", file.display()))?;
        }
    }
    // Words as the shell splits them: colordiff -N -u.
    let status = Command::new("/bin/sh")
        .args(["-c", &format!("{program} \"$@\""), "diff"])
        .args([place.0.join("LIVE"), place.0.join("MERGED")])
        .status()
        .with_context(|| format!("could not run {program}"))?;
    match status.code() {
        Some(0) => Ok(false),
        Some(1) => Ok(true),
        _ => Err(Failure::Machine(anyhow!(
            "failed to run {program:?}: {status}"
        ))),
    }
}

/// A folder of one's own that is gone at the end.
struct Scratch(std::path::PathBuf);

impl Scratch {
    fn new() -> Result<Scratch, Failure> {
        use std::os::unix::fs::DirBuilderExt;
        let unique = uuid::Uuid::new_v4().simple().to_string();
        let path = std::env::temp_dir().join(format!("wasmpod-diff-{unique}"));
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .with_context(|| format!("could not make {}", path.display()))?;
        Ok(Scratch(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let gone: &Path = &self.0;
        if let Err(error) = std::fs::remove_dir_all(gone) {
            tracing::warn!("could not remove {}: {error}", gone.display());
        }
    }
}
