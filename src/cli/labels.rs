//! `key=value` and `key-`: the changes that `label` and `annotate` make.

use std::collections::BTreeMap;

use anyhow::{Error, anyhow, bail};

/// What the two verbs change, and where their rules differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    Labels,
    Annotations,
}

impl Which {
    pub fn plural(self) -> &'static str {
        match self {
            Which::Labels => "labels",
            Which::Annotations => "annotations",
        }
    }

    pub fn singular(self) -> &'static str {
        match self {
            Which::Labels => "label",
            Which::Annotations => "annotation",
        }
    }

    /// `kubectl annotate` calls any object annotated that it wrote, whether that changed anything or not.
    fn outcome(self, before: &Pairs, after: &Pairs, overwrite: bool) -> &'static str {
        match self {
            Which::Annotations => "annotated",
            Which::Labels if before == after => "not labeled",
            // Told by the length of what is written (`updateDataChangeMsg`).
            Which::Labels if !overwrite && length(after) < length(before) => "unlabeled",
            Which::Labels => "labeled",
        }
    }
}

pub type Pairs = BTreeMap<String, String>;

fn length(pairs: &Pairs) -> usize {
    pairs
        .iter()
        .map(|(key, value)| key.len() + value.len() + r#""":"","#.len())
        .sum()
}

/// What is to be set and what to be removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    pub set: Pairs,
    pub remove: Vec<String>,
}

/// What a change made of an object.
#[derive(Debug, PartialEq, Eq)]
pub struct Changed {
    pub pairs: Pairs,
    /// `labeled`, `unlabeled`, `not labeled`, `annotated`
    pub outcome: &'static str,
    /// What was to be removed and is not there.
    pub missing: Vec<String>,
}

/// Splits what names the objects from what changes them.
pub fn split(args: &[String], which: Which) -> Result<(Vec<String>, Change), Error> {
    let is_change = |arg: &str| {
        (arg.contains('=') && !arg.starts_with('=')) || (arg.ends_with('-') && arg != "-")
    };
    let first = args
        .iter()
        .position(|arg| is_change(arg))
        .unwrap_or(args.len());
    let (objects, changes) = args.split_at(first);
    if let Some(late) = changes.iter().find(|arg| !is_change(arg)) {
        bail!(
            "all resources must be specified before {} changes: {late}",
            which.singular()
        );
    }
    Ok((objects.to_vec(), change(changes, which)?))
}

fn change(specs: &[String], which: Which) -> Result<Change, Error> {
    let mut change = Change::default();
    for spec in specs {
        match spec.split_once('=') {
            Some((_, value)) if which == Which::Labels && value.contains('=') => {
                bail!("invalid label spec: {spec}")
            }
            Some((key, value)) => {
                change.set.insert(key.to_owned(), value.to_owned());
            }
            None => change
                .remove
                .push(spec.strip_suffix('-').unwrap_or(spec).to_owned()),
        }
    }
    let both: Vec<&str> = change
        .remove
        .iter()
        .filter(|key| change.set.contains_key(*key))
        .map(String::as_str)
        .collect();
    match which {
        _ if both.is_empty() => Ok(change),
        Which::Labels => Err(anyhow!(
            "can not both modify and remove a label in the same command"
        )),
        Which::Annotations => Err(anyhow!(
            "can not both modify and remove the following annotation(s) in the same command: {}",
            both.join(",")
        )),
    }
}

impl Change {
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.remove.is_empty()
    }

    /// What becomes of the labels or annotations of an object. All that may not be overwritten is named at once.
    pub fn of(&self, before: &Pairs, overwrite: bool, which: Which) -> Result<Changed, Vec<Error>> {
        let kept = |(key, value): (&String, &String)| {
            let there = before.get(key).filter(|there| *there != value)?;
            Some(anyhow!(
                "'{key}' already has a value ({there}), and --overwrite is false"
            ))
        };
        let kept: Vec<Error> = self.set.iter().filter_map(kept).collect();
        if !overwrite && !kept.is_empty() {
            return Err(kept);
        }
        let mut pairs = before.clone();
        pairs.extend(self.set.clone());
        pairs.retain(|key, _| !self.remove.contains(key));
        let missing = self
            .remove
            .iter()
            .filter(|key| !before.contains_key(*key))
            .cloned()
            .collect();
        Ok(Changed {
            outcome: which.outcome(before, &pairs, overwrite),
            pairs,
            missing,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    fn pairs(text: &str) -> Pairs {
        change(&words(text), Which::Annotations).unwrap().set
    }

    #[test]
    fn objects_come_before_changes() {
        let (objects, change) = split(&words("pod web a=b c-"), Which::Labels).unwrap();
        assert_eq!(objects, words("pod web"));
        assert_eq!((change.set, change.remove), (pairs("a=b"), words("c")));
        let late = split(&words("pod a=b web"), Which::Labels).unwrap_err();
        assert_eq!(
            late.to_string(),
            "all resources must be specified before label changes: web"
        );
    }

    #[test]
    fn contradictions_are_refused_in_kubectls_words() {
        let refused = |text, which| split(&words(text), which).unwrap_err().to_string();
        assert_eq!(
            refused("n=1 n-", Which::Labels),
            "can not both modify and remove a label in the same command"
        );
        assert_eq!(
            refused("n=1 n-", Which::Annotations),
            "can not both modify and remove the following annotation(s) in the same command: n"
        );
        assert_eq!(refused("x=y=z", Which::Labels), "invalid label spec: x=y=z");
    }

    /// The answers of kubectl 1.32 with `--local` to a pod with the labels a and b.
    #[test]
    fn the_outcome_is_the_one_that_kubectl_tells() {
        let before = pairs("app=a b=c");
        let rows = [
            ("app=a", false, "not labeled"),
            ("zz-", false, "not labeled"),
            ("b-", false, "unlabeled"),
            ("app=z", true, "labeled"),
            ("n=1 b-", false, "labeled"),
        ];
        for (text, overwrite, outcome) in rows {
            let change = change(&words(text), Which::Labels).unwrap();
            let changed = change.of(&before, overwrite, Which::Labels).unwrap();
            assert_eq!(changed.outcome, outcome, "{text}");
        }
    }

    #[test]
    fn a_value_is_only_overwritten_when_told() {
        let change = change(&words("app=z"), Which::Labels).unwrap();
        let kept = change
            .of(&pairs("app=a"), false, Which::Labels)
            .unwrap_err();
        assert_eq!(
            kept[0].to_string(),
            "'app' already has a value (a), and --overwrite is false"
        );
    }

    #[test]
    fn an_annotation_may_hold_any_text() {
        assert_eq!(pairs("x=y=z")["x"], "y=z");
        let change = change(&words("zz-"), Which::Annotations).unwrap();
        let changed = change.of(&pairs("a=b"), false, Which::Annotations).unwrap();
        assert_eq!(changed.outcome, "annotated");
        assert_eq!(changed.missing, words("zz"));
    }
}
