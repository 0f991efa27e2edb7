//! The user's editor, and the file that is put before him.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};

/// Why something is to be edited again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reason {
    pub head: String,
    pub other: Vec<String>,
}

/// A file of one's own that is gone at the end, unless it is to be kept.
pub struct Draft {
    path: PathBuf,
    header: bool,
    kept: bool,
}

impl Draft {
    /// `header`: whether the text may begin with comments.
    pub fn new(extension: &str, header: bool) -> Result<Draft> {
        let unique = uuid::Uuid::new_v4().simple().to_string();
        let path = std::env::temp_dir().join(format!("wasmpod-edit-{}.{extension}", &unique[..10]));
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("could not make {}", path.display()))?;
        Ok(Draft {
            path,
            header,
            kept: false,
        })
    }

    /// Puts the text before the user, and gives back what is there when the editor has ended.
    pub fn edit(&self, text: &str, reasons: &[Reason]) -> Result<String> {
        let shown = self.path.display();
        let whole = if self.header {
            header(reasons) + &strip_header(text)
        } else {
            text.to_owned()
        };
        fs::File::create(&self.path)
            .and_then(|mut file| file.write_all(whole.as_bytes()))
            .with_context(|| format!("could not write {shown}"))?;
        let editor = program();
        // As kubectl: the variable may hold arguments, and quotes.
        let status = Command::new("/bin/sh")
            .args(["-c", &format!("{editor} \"$@\""), "edit"])
            .arg(&self.path)
            .status()
            .with_context(|| format!("could not run the editor {editor:?}"))?;
        if !status.success() {
            bail!("there was a problem with the editor {editor:?}");
        }
        fs::read_to_string(&self.path).with_context(|| format!("could not read {shown}"))
    }

    /// Leaves the file to the user, and says where it is.
    pub fn keep(&mut self) {
        self.kept = true;
        eprintln!(
            "A copy of your changes has been stored to {:?}",
            self.path.display().to_string()
        );
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.kept
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!("could not remove {}: {error}", self.path.display());
        }
    }
}

fn program() -> String {
    ["KUBE_EDITOR", "EDITOR"]
        .into_iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|editor| !editor.trim().is_empty())
        .unwrap_or_else(|| "vi".to_owned())
}

const HEADER: &str = "# Please edit the object below. Lines beginning with a '#' will be ignored,
# and an empty file will abort the edit. If an error occurs while saving this file will be
# reopened with the relevant failures.
#
";

fn header(reasons: &[Reason]) -> String {
    let mut text = HEADER.to_owned();
    for reason in reasons {
        let colon = if reason.other.is_empty() { "" } else { ":" };
        text += &format!("# {}{colon}\n", commented(&reason.head));
        for other in &reason.other {
            text += &format!("# * {}\n", commented(other));
        }
        text += "#\n";
    }
    text
}

fn commented(text: &str) -> String {
    text.trim_end().replace('\n', "\n# ")
}

/// The comments at its head, which are written anew.
fn strip_header(text: &str) -> String {
    let lines = text.split_inclusive('\n');
    lines.skip_while(|line| line.starts_with('#')).collect()
}

/// The text without comments, for comparison.
pub fn strip(text: &str) -> String {
    let lines = text.split_inclusive('\n');
    lines
        .filter(|line| !line.trim_start().starts_with('#'))
        .collect()
}

/// What changed, as a JSON merge patch (RFC 7396).
pub fn patch(before: &Value, after: &Value) -> Value {
    let (Value::Object(old), Value::Object(new)) = (before, after) else {
        return after.clone();
    };
    let mut patch = Map::new();
    for key in old.keys().filter(|key| !new.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    for (key, value) in new {
        match old.get(key) {
            Some(was) if was == value => {}
            Some(was) => {
                patch.insert(key.clone(), self::patch(was, value));
            }
            None => {
                patch.insert(key.clone(), value.clone());
            }
        }
    }
    Value::Object(patch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_header_says_what_to_do_and_what_is_wrong() {
        let reason = Reason {
            head: "pods \"web\" was not valid".to_owned(),
            other: vec!["spec: Forbidden: no\nreally".to_owned()],
        };
        let text = header(&[reason]);
        let rest = text.strip_prefix(HEADER).unwrap();
        assert_eq!(
            rest,
            "# pods \"web\" was not valid:\n# * spec: Forbidden: no\n# really\n#\n"
        );
        assert_eq!(strip_header(&format!("{text}a: 1\n# b\n")), "a: 1\n# b\n");
        assert_eq!(strip(&format!("{text}a: 1\n  # b\n")), "a: 1\n");
    }

    #[test]
    fn a_patch_names_what_changed_and_nothing_else() {
        let patch = patch(
            &json!({"a": 1, "b": {"c": 1, "d": 2}, "e": [1]}),
            &json!({"b": {"c": 1, "d": 3}, "e": [2], "f": 4}),
        );
        assert_eq!(patch, json!({"a": null, "b": {"d": 3}, "e": [2], "f": 4}));
    }

    #[test]
    fn a_draft_is_gone_unless_it_is_kept() {
        let draft = Draft::new("yaml", true).unwrap();
        let path = draft.path.clone();
        assert!(path.exists());
        drop(draft);
        assert!(!path.exists());
    }
}
