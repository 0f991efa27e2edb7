//! `wasmpod diff -f …`: what `apply` would change.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, anyhow};
use serde_json::{Map, Value};
use similar::TextDiff;

use super::documents::{self, Document, Files};
use super::incoming::{self, Remember};
use super::outcome;
use super::print;
use super::reader::Reader;
use super::targets::LabelFlag;
use super::{Context, Failure, Strictness, say};
use crate::spec::{Kind, Object};

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    files: Files,

    #[command(flatten)]
    selector: LabelFlag,
}

/// One object as it is and as it would be, as YAML; one that is not there is empty.
struct Pair {
    /// `v1.Pod.default.web`, and for what is in no namespace `v1.Namespace..team`
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
    read.all.retain(|document| filter.matches(&document.object));
    let reader = Reader::new(context)?;
    let pairs = read.all.iter().map(|document| pair(document, &reader));
    let pairs: Vec<Pair> = pairs.collect::<Result<_, _>>()?;
    match std::env::var("KUBECTL_EXTERNAL_DIFF") {
        Ok(program) if !program.trim().is_empty() => external(&program, &pairs),
        _ => internal(&pairs),
    }
}

fn pair(document: &Document, reader: &Reader) -> Result<Pair, Failure> {
    let (kind, namespace, name) = (document.kind(), &document.namespace, &document.name);
    let live = match reader.stored(kind, namespace, name) {
        Ok(live) => Some(live),
        Err(error) if error.is_not_found() => None,
        Err(error) => return Err(error.into()),
    };
    // The status and who runs it is no matter of the manifest, so neither is asked for.
    let merged = match &live {
        Some(live) => incoming::merged(&reader.store, document, live)?,
        None => incoming::object(document, Remember::No)?,
    };
    let mut live = live.as_ref().map(shown);
    let mut merged = shown(&merged);
    if kind == Kind::Secret {
        veil(live.as_mut(), &mut merged);
    }
    let version = kind.api_version().replace('/', ".");
    Ok(Pair {
        name: format!("{version}.{}.{namespace}.{name}", kind.kind()),
        live: live.as_ref().map_or_else(String::new, print::yaml),
        merged: print::yaml(&merged),
    })
}

/// The values of secrets are not shown, only which of them differ (`kubectl/pkg/cmd/diff/diff.go`, `Masker`).
fn veil(live: Option<&mut Value>, merged: &mut Value) {
    const ANY: &str = "***";
    let mut nothing = Map::new();
    let old = live.and_then(|live| live["data"].as_object_mut());
    let old = old.unwrap_or(&mut nothing);
    let mut none = Map::new();
    let new = merged["data"].as_object_mut().unwrap_or(&mut none);
    for (key, value) in new.iter_mut() {
        let (before, after) = match old.get(key) {
            Some(before) if before != value => ("*** (before)", "*** (after)"),
            _ => (ANY, ANY),
        };
        *value = after.into();
        if let Some(old) = old.get_mut(key) {
            *old = before.into();
        }
    }
    let gone = old.iter_mut().filter(|(key, _)| !new.contains_key(*key));
    gone.for_each(|(_, value)| *value = ANY.into());
}

/// Without what only the store and `apply` itself write there.
fn shown(object: &Object) -> Value {
    let mut object = object.clone();
    let metadata = object.metadata_mut();
    metadata.resource_version = None;
    if let Some(annotations) = &mut metadata.annotations {
        annotations.remove(incoming::LAST_APPLIED);
        annotations.remove(crate::node::PID_ANNOTATION);
    }
    metadata
        .annotations
        .take_if(|annotations| annotations.is_empty());
    object.value()
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_diff_of_secrets_shows_which_values_differ_and_none_of_them() {
        let mut live = json!({"data": {"same": "YQ==", "other": "Yg==", "gone": "Yw=="}});
        let mut merged = json!({"data": {"same": "YQ==", "other": "ZA==", "new": "ZQ=="}});
        veil(Some(&mut live), &mut merged);
        assert_eq!(
            live,
            json!({"data": {"same": "***", "other": "*** (before)", "gone": "***"}})
        );
        assert_eq!(
            merged,
            json!({"data": {"same": "***", "other": "*** (after)", "new": "***"}})
        );
        let mut alone = json!({"data": {"a": "YQ=="}});
        veil(None, &mut alone);
        assert_eq!(alone, json!({"data": {"a": "***"}}));
    }
}
