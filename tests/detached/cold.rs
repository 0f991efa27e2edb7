//! The first day: nothing is compiled yet.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use super::common::{Host, eventually};
use super::idler;

/// Several pods that start at once need the same program. They wait for one another, and it is compiled once.
#[test]
fn a_program_that_many_need_at_once_is_compiled_once() {
    const PODS: usize = 6;
    let host = Host::cold();
    let pods: Vec<String> = (0..PODS)
        .map(|number| idler(&format!("pod-{number}")).to_string())
        .collect();
    host.file("pods.yaml", pods.join("\n---\n"));
    let apply = host.spawn(["apply", "-f", "pods.yaml"]);
    let mut compiled: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    eventually("all pods are ready", || {
        for (program, compiler) in compilers(&host) {
            compiled.entry(program).or_default().insert(compiler);
        }
        let said = host.run(["get", "pods", "--no-headers"]).success().stdout;
        (said.matches("1/1").count() == PODS).then_some(())
    });
    apply.wait().success();
    assert!(!compiled.is_empty(), "nothing was seen to be compiled");
    for (program, compilers) in compiled {
        assert_eq!(compilers.len(), 1, "compilers of {program}: {compilers:?}");
    }
}

/// The compilers that work for this host now, with what they compile.
fn compilers(host: &Host) -> Vec<(String, String)> {
    let ours: BTreeSet<String> = host.processes().iter().map(ToString::to_string).collect();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let compiler = entries.filter_map(|entry| {
        let line = fs::read(entry.path().join("cmdline")).ok()?;
        let line = String::from_utf8(line).ok()?;
        let words: Vec<&str> = line.split('\0').collect();
        let verb = words.iter().position(|word| *word == "__compile")?;
        let [checks, digest, parent] = words.get(verb + 1..verb + 4)? else {
            return None;
        };
        ours.contains(*parent).then(|| {
            let number = entry.file_name().to_string_lossy().into_owned();
            (format!("{digest} {checks}"), number)
        })
    });
    compiler.collect()
}
