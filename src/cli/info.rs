//! `wasmpod info`: where everything is, and what is there.

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::ValueEnum;
use nix::sys::resource::{Resource, getrlimit};
use serde_json::{Value, json};

use super::{Context, Failure, outcome, print, run};
use crate::node::{Process, Sight};

#[derive(clap::Args)]
pub struct Args {
    #[arg(short, long, value_enum)]
    output: Option<Syntax>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Syntax {
    Json,
    Yaml,
}

pub fn run(args: &Args, context: &Context) -> Result<ExitCode, Failure> {
    let sights = crate::node::list(&context.store(), context.machinery()?.as_ref(), None)?;
    let whole = collect(context, &sights);
    outcome::print(&match args.output {
        None => words(&whole),
        Some(Syntax::Json) => print::pretty(&whole) + "\n",
        Some(Syntax::Yaml) => print::yaml(&whole),
    })?;
    Ok(ExitCode::SUCCESS)
}

fn collect(context: &Context, sights: &[Sight]) -> Value {
    let system = nix::sys::utsname::uname().ok();
    let system = system.as_ref().map(|system| {
        json!({
            "operatingSystem": system.sysname().to_string_lossy(),
            "kernelVersion": system.release().to_string_lossy(),
            "architecture": system.machine().to_string_lossy(),
        })
    });
    let dirs = &context.dirs;
    json!({
        "version": format!("v{}", env!("CARGO_PKG_VERSION")),
        "node": {
            "name": run::node(),
            "system": system,
            "processors": std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            "memory": memory(),
        },
        "directories": { "run": dirs.run, "data": dirs.data, "logs": dirs.logs, "cache": dirs.cache },
        "limits": {
            "openFiles": limit(Resource::RLIMIT_NOFILE),
            "processes": limit(Resource::RLIMIT_NPROC),
            "watches": number("/proc/sys/fs/inotify/max_user_watches"),
            "watchInstances": number("/proc/sys/fs/inotify/max_user_instances"),
        },
        "pods": counts(sights),
    })
}

/// `MemTotal`, as a quantity.
fn memory() -> Option<String> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("MemTotal:"))?;
    let kib = line.split_whitespace().nth(1)?;
    Some(format!("{kib}Ki"))
}

fn number(path: &str) -> Option<u64> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// Soft and hard, as far as there is one.
fn limit(resource: Resource) -> Option<Value> {
    let (soft, hard) = getrlimit(resource).ok()?;
    let shown = |limit| (limit != nix::sys::resource::RLIM_INFINITY).then_some(limit);
    Some(json!({ "soft": shown(soft), "hard": shown(hard) }))
}

fn counts(sights: &[Sight]) -> Value {
    let mut phases: BTreeMap<&str, usize> = BTreeMap::new();
    let mut namespaces: BTreeMap<&str, usize> = BTreeMap::new();
    for sight in sights {
        let status = sight.pod.status.as_ref();
        let phase = status.and_then(|status| status.phase.as_deref());
        *phases.entry(phase.unwrap_or("Unknown")).or_default() += 1;
        let namespace = sight.pod.metadata.namespace.as_deref();
        *namespaces.entry(namespace.unwrap_or_default()).or_default() += 1;
    }
    let living = |sight: &&Sight| matches!(sight.process, Process::Living { .. });
    json!({
        "total": sights.len(),
        "processes": sights.iter().filter(living).count(),
        "phases": phases,
        "namespaces": namespaces,
    })
}

/// One line for each thing there is to know, what belongs together below its name.
fn words(whole: &Value) -> String {
    let mut text = String::new();
    lines(whole, "", &mut text);
    text
}

fn lines(value: &Value, indent: &str, text: &mut String) {
    let Value::Object(fields) = value else { return };
    for (name, value) in fields {
        match value {
            Value::Null => *text += &format!("{indent}{name}: <none>\n"),
            Value::Object(below) if below.is_empty() => {
                *text += &format!("{indent}{name}: <none>\n");
            }
            Value::Object(_) => {
                *text += &format!("{indent}{name}:\n");
                lines(value, &format!("{indent}  "), text);
            }
            Value::String(plain) => *text += &format!("{indent}{name}: {plain}\n"),
            other => *text += &format!("{indent}{name}: {other}\n"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_together_stands_below_its_name() {
        let whole = json!({ "a": { "b": 1, "c": "x" }, "d": null, "e": {} });
        assert_eq!(words(&whole), "a:\n  b: 1\n  c: x\nd: <none>\ne: <none>\n");
    }

    #[test]
    fn the_memory_of_this_machine_is_a_quantity() {
        assert!(memory().is_some_and(|memory| memory.ends_with("Ki")));
    }
}
