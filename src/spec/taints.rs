//! Changes to a node's taints, as they are typed (`kubectl/pkg/cmd/taint/utils.go`).

use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::names;

/// What is to be done with the taints of a node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaintChange {
    add: Vec<v1::Taint>,
    /// One without an effect stands for all of its key.
    remove: Vec<v1::Taint>,
}

impl TaintChange {
    /// Reads `KEY=VALUE:EFFECT`, `KEY:EFFECT`, `KEY:EFFECT-` and `KEY-`.
    ///
    /// # Errors
    /// What kubectl says of one that is none of these, or of two that contradict each other.
    pub fn parse<S: AsRef<str>>(words: &[S]) -> Result<TaintChange, String> {
        let mut change = TaintChange::default();
        for word in words.iter().map(AsRef::as_ref) {
            if let Some(word) = word.strip_suffix('-') {
                let taint = parse(word)?;
                change.remove.push(v1::Taint {
                    value: None,
                    ..taint
                });
                continue;
            }
            let taint = parse(word)?;
            if taint.effect.is_empty() {
                return Err(format!("invalid taint spec: {word}"));
            }
            if change.add.iter().any(|other| same(other, &taint)) {
                return Err(format!(
                    "duplicated taints with the same key and effect: {}",
                    shown(&taint)
                ));
            }
            change.add.push(taint);
        }
        change.check()?;
        Ok(change)
    }

    fn check(&self) -> Result<(), String> {
        let both = self.add.iter().flat_map(|add| {
            let removed = self.remove.iter().filter(|remove| covers(remove, add));
            removed.map(|remove| format!("{{\"{}\":\"{}\"}}", remove.key, remove.effect))
        });
        let both: Vec<String> = both.collect();
        if both.is_empty() {
            return Ok(());
        }
        Err(format!(
            "can not both modify and remove the following taint(s) in the same command: {}",
            both.join(", ")
        ))
    }

    /// The node's taints afterwards, and what is said of it. A taint that drives pods away says since when.
    ///
    /// # Errors
    /// One is there already, or one that is to be removed is not.
    pub fn apply(
        &self,
        node: &str,
        old: &[v1::Taint],
        overwrite: bool,
        now: &Time,
    ) -> Result<(Vec<v1::Taint>, &'static str), String> {
        let is_there = |add: &&v1::Taint| old.iter().any(|one| same(one, add));
        let there: Vec<&str> = self
            .add
            .iter()
            .filter(is_there)
            .map(|one| one.key.as_str())
            .collect();
        if !overwrite && !there.is_empty() {
            return Err(format!(
                "node {node} already has {} taint(s) with same effect(s) and --overwrite is false",
                there.join(",")
            ));
        }
        let mut new: Vec<v1::Taint> = self.add.iter().map(|add| since(add, old, now)).collect();
        let kept = old
            .iter()
            .filter(|one| !self.add.iter().any(|add| same(one, add)));
        new.extend(kept.cloned());
        let added = new.len() != old.len();
        let (mut removed, mut missing) = (false, Vec::new());
        for remove in &self.remove {
            let before = new.len();
            new.retain(|one| !covers(remove, one));
            removed = new.len() != before;
            if !removed {
                missing.push(format!("taint {:?} not found", written(remove)));
            }
        }
        match &missing[..] {
            [] => {}
            [one] => return Err(one.clone()),
            several => return Err(format!("[{}]", several.join(", "))),
        }
        let done = match (added, removed) {
            _ if overwrite => "modified",
            (true, true) => "modified",
            (true, false) => "tainted",
            (false, _) => "untainted",
        };
        Ok((new, done))
    }
}

fn parse(word: &str) -> Result<v1::Taint, String> {
    let invalid = || format!("invalid taint spec: {word}");
    let parts: Vec<&str> = word.split(':').collect();
    let (pair, effect) = match parts[..] {
        [key] => (key, ""),
        [pair, effect] => {
            if !matches!(effect, "NoSchedule" | "PreferNoSchedule" | "NoExecute") {
                return Err(format!(
                    "invalid taint effect: {effect}, unsupported taint effect"
                ));
            }
            (pair, effect)
        }
        _ => return Err(invalid()),
    };
    let (key, value) = match (pair.split_once('='), effect) {
        // Without an effect there is no value either.
        (Some(_), "") | (None, _) => (pair, None),
        (Some((_, value)), _) if value.contains('=') => return Err(invalid()),
        (Some((key, value)), _) => (key, Some(value)),
    };
    let mut wrong = value.map(names::label_value).unwrap_or_default();
    if wrong.is_empty() {
        wrong = names::qualified_name(key);
    }
    if !wrong.is_empty() {
        return Err(format!("{}, {}", invalid(), wrong.join("; ")));
    }
    Ok(v1::Taint {
        key: key.to_owned(),
        value: value.filter(|value| !value.is_empty()).map(str::to_owned),
        effect: effect.to_owned(),
        time_added: None,
    })
}

fn same(one: &v1::Taint, other: &v1::Taint) -> bool {
    one.key == other.key && one.effect == other.effect
}

fn covers(remove: &v1::Taint, taint: &v1::Taint) -> bool {
    remove.key == taint.key && (remove.effect.is_empty() || remove.effect == taint.effect)
}

/// One that was there before, with the same value, has been there since.
fn since(add: &v1::Taint, old: &[v1::Taint], now: &Time) -> v1::Taint {
    let before = old
        .iter()
        .find(|one| same(one, add) && one.value == add.value);
    let time_added = match before {
        Some(before) => before.time_added.clone(),
        None => (add.effect == "NoExecute").then(|| now.clone()),
    };
    v1::Taint {
        time_added,
        ..add.clone()
    }
}

/// `key=value:effect` (`Taint.ToString`).
fn written(taint: &v1::Taint) -> String {
    let value = taint.value.as_deref().unwrap_or_default();
    match (value, taint.effect.as_str()) {
        ("", "") => taint.key.clone(),
        ("", effect) => format!("{}:{effect}", taint.key),
        (value, "") => format!("{}={value}:", taint.key),
        (value, effect) => format!("{}={value}:{effect}", taint.key),
    }
}

/// As Go prints the struct.
fn shown(taint: &v1::Taint) -> String {
    let value = taint.value.as_deref().unwrap_or_default();
    format!("{{{} {value} {} <nil>}}", taint.key, taint.effect)
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::jiff::Timestamp;

    fn at(second: i64) -> Time {
        Time(Timestamp::from_second(second).unwrap())
    }

    fn applied(
        old: &[v1::Taint],
        words: &[&str],
        overwrite: bool,
    ) -> Result<(Vec<String>, &'static str), String> {
        let (new, done) = TaintChange::parse(words)?.apply("here", old, overwrite, &at(7))?;
        Ok((new.iter().map(written).collect(), done))
    }

    fn taints(words: &[&str]) -> Vec<v1::Taint> {
        words.iter().map(|word| parse(word).unwrap()).collect()
    }

    /// What is typed, whether it overwrites, and what comes of it.
    type Row<'a> = (
        &'a [&'a str],
        bool,
        Result<(&'a [&'a str], &'a str), &'a str>,
    );

    #[test]
    fn taints_are_added_changed_and_removed() {
        let old = taints(&["a=1:NoSchedule", "b:NoExecute"]);
        let rows: [Row; 10] = [
            (
                &["c=x:NoSchedule"],
                false,
                Ok((
                    &["c=x:NoSchedule", "a=1:NoSchedule", "b:NoExecute"],
                    "tainted",
                )),
            ),
            (
                &["a:NoExecute"],
                false,
                Ok((&["a:NoExecute", "a=1:NoSchedule", "b:NoExecute"], "tainted")),
            ),
            (
                &["a=2:NoSchedule"],
                true,
                Ok((&["a=2:NoSchedule", "b:NoExecute"], "modified")),
            ),
            (
                &["a=2:NoSchedule"],
                false,
                Err(
                    "node here already has a taint(s) with same effect(s) and --overwrite is false",
                ),
            ),
            (&["a-"], false, Ok((&["b:NoExecute"], "untainted"))),
            (
                &["a:NoSchedule-"],
                false,
                Ok((&["b:NoExecute"], "untainted")),
            ),
            (
                &["a=1:NoSchedule-"],
                false,
                Ok((&["b:NoExecute"], "untainted")),
            ),
            (
                &["c:NoSchedule", "a-"],
                false,
                Ok((&["c:NoSchedule", "b:NoExecute"], "modified")),
            ),
            (&["c-"], false, Err("taint \"c\" not found")),
            (
                &["a:NoExecute-", "c-"],
                false,
                Err("[taint \"a:NoExecute\" not found, taint \"c\" not found]"),
            ),
        ];
        for (words, overwrite, expected) in rows {
            let found = applied(&old, words, overwrite);
            let expected =
                expected.map(|(new, done)| (new.iter().map(|&one| one.to_owned()).collect(), done));
            assert_eq!(found, expected.map_err(str::to_owned), "{words:?}");
        }
    }

    #[test]
    fn what_is_no_taint_is_refused_in_kubectls_words() {
        let rows: [(&[&str], &str); 8] = [
            (&["a"], "invalid taint spec: a"),
            (
                &["a=b"],
                "invalid taint spec: a=b, name part must consist of alphanumeric characters",
            ),
            (
                &["a:Never"],
                "invalid taint effect: Never, unsupported taint effect",
            ),
            (&["a:b:NoSchedule"], "invalid taint spec: a:b:NoSchedule"),
            (
                &["a=b=c:NoSchedule"],
                "invalid taint spec: a=b=c:NoSchedule",
            ),
            (
                &["a=b c:NoSchedule"],
                "invalid taint spec: a=b c:NoSchedule, a valid label must be",
            ),
            (
                &["a:NoSchedule", "a=1:NoSchedule"],
                "duplicated taints with the same key and effect: {a 1 NoSchedule <nil>}",
            ),
            (
                &["a:NoSchedule", "a-"],
                "can not both modify and remove the following taint(s) in the same command: {\"a\":\"\"}",
            ),
        ];
        for (words, text) in rows {
            let refused = TaintChange::parse(words).unwrap_err();
            assert!(refused.starts_with(text), "{refused}");
        }
    }

    #[test]
    fn a_taint_that_drives_pods_away_says_since_when() {
        let change = TaintChange::parse(&["a:NoExecute", "b:NoSchedule"]).unwrap();
        let (first, _) = change.apply("here", &[], false, &at(7)).unwrap();
        assert_eq!(first[0].time_added, Some(at(7)));
        assert_eq!(first[1].time_added, None);
        let (again, _) = change.apply("here", &first, true, &at(9)).unwrap();
        assert_eq!(again[0].time_added, Some(at(7)));
        let other = TaintChange::parse(&["a=1:NoExecute"]).unwrap();
        let (other, _) = other.apply("here", &first, true, &at(9)).unwrap();
        assert_eq!(other[0].time_added, Some(at(9)));
    }
}
