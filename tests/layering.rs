//! Who may use whom, held by a scan of the source. The table below is the one of the crate documentation.
//!
//! A room is a folder of `src/`. The scan reads code and string literals, not comments: a comment may say where a rule
//! comes from. It sees paths as they are written; what hides behind an alias (`use std::time; time::Instant`) is left to
//! clippy, which knows types (clippy.toml).

#[path = "layering/source.rs"]
mod source;

use std::fs;
use std::path::Path;

use source::Token;

struct Room {
    name: &'static str,
    may_use: &'static [&'static str],
    pure: bool,
}

const ROOMS: &[Room] = &[
    Room {
        name: "spec",
        may_use: &[],
        pure: true,
    },
    Room {
        name: "lifecycle",
        may_use: &["spec"],
        pure: true,
    },
    Room {
        name: "sandbox",
        may_use: &[],
        pure: false,
    },
    Room {
        name: "control",
        may_use: &["spec"],
        pure: false,
    },
    Room {
        name: "pod",
        may_use: &["spec", "lifecycle", "sandbox", "control"],
        pure: false,
    },
    Room {
        name: "node",
        may_use: &["spec", "lifecycle", "control"],
        pure: false,
    },
    Room {
        name: "cli",
        may_use: &["spec", "control", "node", "pod"],
        pure: false,
    },
    Room {
        name: "cri",
        may_use: &["spec", "control", "node", "pod"],
        pure: false,
    },
    // The two files beside the rooms. lib.rs shows the rooms to embedders; main.rs hands argv on, and
    // starts the compiler process, which has no use for anything else.
    Room {
        name: "lib",
        may_use: &[
            "spec",
            "lifecycle",
            "sandbox",
            "control",
            "pod",
            "node",
            "cli",
            "cri",
        ],
        pure: false,
    },
    Room {
        name: "main",
        may_use: &["cli", "pod"],
        pure: false,
    },
];

/// Clock, files, environment, sockets, processes, threads, chance, and the crates that are made of them. Addresses
/// (`std::net::IpAddr` and kin) are data and welcome.
const IMPURE: &[&str] = &[
    "std::env",
    "std::fs",
    "std::io::stderr",
    "std::io::stdin",
    "std::io::stdout",
    "std::net::TcpListener",
    "std::net::TcpStream",
    "std::net::ToSocketAddrs",
    "std::net::UdpSocket",
    "std::os",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
    "cap_std",
    "getrandom",
    "hickory_resolver",
    "nix",
    "rand",
    "rcgen",
    "ring",
    "rustix",
    "tokio",
    "wasmtime",
    "wasmtime_wasi",
];

/// Words that would tell that policy or a manifest has leaked into the room that only knows the machine. Compared without
/// regard to case against identifiers and string literals.
const KUBERNETES: &[&str] = &[
    "configmap",
    "containerport",
    "crashloop",
    "emptydir",
    "imagepull",
    "initcontainer",
    "k8s",
    "kubectl",
    "kubelet",
    "kubernetes",
    "oomkilled",
    "podspec",
    "restartpolicy",
    "serde_yaml",
    "yaml",
];

#[test]
fn every_folder_is_a_room_of_the_table() {
    for file in sources() {
        assert!(
            room(&file.room).is_some(),
            "src/{}: `{}` is not a room: add it to the table and to the crate documentation",
            file.path,
            file.room
        );
    }
}

#[test]
fn rooms_use_only_the_rooms_they_may() {
    assert_clean(foreign_rooms);
}

#[test]
fn pure_rooms_touch_nothing_outside_themselves() {
    assert_clean(impurities);
}

#[test]
fn the_sandbox_knows_no_kubernetes_word() {
    assert_clean(kubernetes_words);
}

#[test]
fn only_main_ends_the_process() {
    assert_clean(exits);
}

#[test]
fn pure_rooms_deny_what_clippy_toml_lists() {
    for pure in ROOMS.iter().filter(|room| room.pure) {
        let path = format!("{}/mod.rs", pure.name);
        let file = sources()
            .into_iter()
            .find(|file| file.path == path)
            .unwrap_or_else(|| panic!("src/{path} is missing"));
        assert!(
            denies_impurity(&file.tokens),
            "src/{path}: begin with #![deny(clippy::disallowed_methods, clippy::disallowed_types)]"
        );
    }
}

/// One source file of ours, read.
struct File {
    /// Below `src/`, with slashes.
    path: String,
    room: String,
    module: Vec<String>,
    tokens: Vec<Token>,
}

impl File {
    fn new(path: &str, text: &str) -> File {
        let mut module: Vec<String> = path
            .trim_end_matches(".rs")
            .split('/')
            .map(str::to_owned)
            .collect();
        let room = module[0].clone();
        module.pop_if(|last| matches!(last.as_str(), "mod" | "lib" | "main"));
        File {
            path: path.to_owned(),
            room,
            module,
            tokens: source::tokens(text),
        }
    }

    fn paths(&self) -> Vec<source::Path> {
        source::paths(&self.tokens, &self.module)
    }
}

fn room(name: &str) -> Option<&'static Room> {
    ROOMS.iter().find(|room| room.name == name)
}

fn sources() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in
            fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        {
            let path = entry.expect("a readable folder").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path)
                    .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                let below = path
                    .strip_prefix(&root)
                    .expect("found below src")
                    .to_str()
                    .expect("file names are UTF-8");
                files.push(File::new(below, &text));
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

/// Fails with everything `check` has to say about any file, one complaint a line.
fn assert_clean(check: fn(&File) -> Vec<String>) {
    let complaints: Vec<String> = sources()
        .iter()
        .flat_map(|file| {
            check(file)
                .into_iter()
                .map(|complaint| format!("src/{}: {complaint}", file.path))
        })
        .collect();
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

fn foreign_rooms(file: &File) -> Vec<String> {
    let Some(own) = room(&file.room) else {
        return Vec::new();
    };
    let judge = |path: source::Path| {
        let [root, first, ..] = path.as_slice() else {
            return None;
        };
        match (root.as_str(), first.as_str()) {
            ("crate" | "wasmpod", "*") => Some("imports every room at once".to_owned()),
            ("crate" | "wasmpod", first) if first == own.name || own.may_use.contains(&first) => {
                None
            }
            ("crate" | "wasmpod", first) if room(first).is_some() => Some(format!(
                "{} may not use {first} ({})",
                own.name,
                path.join("::")
            )),
            // lib.rs shows what it likes to embedders under shorter names; inside, a room is named by its own.
            ("crate" | "wasmpod", _) if own.name != "lib" => {
                Some(format!("{} names no room", path.join("::")))
            }
            _ => None,
        }
    };
    file.paths().into_iter().filter_map(judge).collect()
}

fn impurities(file: &File) -> Vec<String> {
    if !room(&file.room).is_some_and(|room| room.pure) {
        return Vec::new();
    }
    let forbidden = |path: &source::Path| {
        IMPURE
            .iter()
            .any(|impure| reaches(path, &impure.split("::").collect::<Vec<_>>()))
    };
    file.paths()
        .iter()
        .filter(|path| forbidden(path))
        .map(|path| format!("{} in a pure room", path.join("::")))
        .collect()
}

/// Whether `path` is `target`, lies below it, or imports it by a glob.
fn reaches(path: &[String], target: &[&str]) -> bool {
    match path
        .iter()
        .zip(target)
        .position(|(part, wanted)| part != wanted)
    {
        Some(differs) => path[differs] == "*",
        None => path.len() >= target.len(),
    }
}

fn kubernetes_words(file: &File) -> Vec<String> {
    if file.room != "sandbox" {
        return Vec::new();
    }
    let judge = |token: &Token| {
        let (Token::Word(text) | Token::Text(text)) = token else {
            return None;
        };
        // camelCase, snake_case and SCREAMING_CASE of one word are one word.
        let folded = text.to_lowercase();
        let joined = folded.replace('_', "");
        let word = KUBERNETES
            .iter()
            .find(|word| folded.contains(*word) || joined.contains(*word))?;
        Some(format!(
            "`{text}` holds the word \"{word}\", which only the rooms above sandbox know"
        ))
    };
    file.tokens.iter().filter_map(judge).collect()
}

fn exits(file: &File) -> Vec<String> {
    if file.path == "main.rs" {
        return Vec::new();
    }
    let ends = |path: &source::Path| {
        path.windows(2)
            .any(|pair| pair[0] == "process" && matches!(pair[1].as_str(), "exit" | "abort"))
    };
    file.paths()
        .iter()
        .filter(|path| ends(path))
        .map(|path| format!("{}: only main.rs ends the process", path.join("::")))
        .collect()
}

/// Whether an inner attribute denies both lints, with or without a reason.
fn denies_impurity(tokens: &[Token]) -> bool {
    let opening = source::tokens("#![deny(");
    let denies = |attribute: &[Token]| {
        let inside = attribute
            .split(|token| *token == Token::Mark(')'))
            .next()
            .unwrap_or_default();
        ["disallowed_methods", "disallowed_types"]
            .into_iter()
            .all(|lint| inside.contains(&Token::Word(lint.to_owned())))
    };
    (0..tokens.len()).any(|at| {
        tokens[at..]
            .strip_prefix(opening.as_slice())
            .is_some_and(denies)
    })
}

/// Each check on a small bad sample: a check that cannot fail holds nothing.
mod samples {
    use super::*;

    fn complaints(check: fn(&File) -> Vec<String>, path: &str, text: &str) -> usize {
        check(&File::new(path, text)).len()
    }

    #[test]
    fn a_foreign_room_is_seen_however_it_is_written() {
        let bad = [
            ("spec/pod.rs", "use crate::lifecycle::Life;"),
            ("spec/pod.rs", "use crate::{spec::pod, pod::Machine};"),
            ("spec/pod.rs", "fn f() { crate::sandbox::net::connect() }"),
            ("spec/pod.rs", "use super::super::cli;"),
            ("spec/mod.rs", "use super::cli;"),
            ("spec/mod.rs", "mod tests { use super::super::cli; }"),
            ("spec/mod.rs", "use crate::*;"),
            ("spec/mod.rs", "pub(in crate::pod) fn f() {}"),
            ("sandbox/wasm/mod.rs", "use crate::spec::quantity;"),
            ("cli/run.rs", "use crate::sandbox::wasm::Engine;"),
            ("node/mod.rs", "use crate::pod::Pod;"),
            ("pod/mod.rs", "use crate::Pod;"),
            ("main.rs", "use wasmpod::sandbox;"),
        ];
        for (path, text) in bad {
            assert_eq!(complaints(foreign_rooms, path, text), 1, "{path}: {text}");
        }
        let good = [
            (
                "lifecycle/plan.rs",
                "use crate::spec::pod::{Pod, Slot}; use super::backoff; use super::super::lifecycle::x;",
            ),
            (
                "spec/pod.rs",
                "//! [`crate::lifecycle`] plans with it.\nconst TEXT: &str = \"crate::pod\";",
            ),
            (
                "lib.rs",
                "pub mod spec; pub use crate::pod::Pod; pub use pod::Pod as P;",
            ),
            ("main.rs", "fn main() { wasmpod::cli::main() }"),
        ];
        for (path, text) in good {
            assert_eq!(complaints(foreign_rooms, path, text), 0, "{path}: {text}");
        }
    }

    #[test]
    fn an_impure_call_is_seen_in_pure_rooms_alone() {
        let bad = [
            "use std::time::{Duration, Instant};",
            "use std::time::*;",
            "use std::{fs, env};",
            "fn f() { std::fs::read(\"x\"); }",
            "use std::net::{IpAddr, TcpStream};",
            "use tokio::sync::mpsc;",
            "fn f() -> wasmtime::Engine {}",
            "use std::os::unix::net::UnixStream;",
        ];
        for text in bad {
            assert_ne!(
                complaints(impurities, "lifecycle/plan.rs", text),
                0,
                "{text}"
            );
            assert_eq!(
                complaints(impurities, "sandbox/net/mod.rs", text),
                0,
                "{text}"
            );
        }
        let good = "use std::net::{IpAddr, SocketAddr}; use std::time::Duration; use std::io; fn env() {} // std::fs::read";
        assert_eq!(complaints(impurities, "spec/pod.rs", good), 0);
    }

    #[test]
    fn a_kubernetes_word_is_seen_in_the_sandbox_alone() {
        let bad = [
            "use k8s_openapi::api;",
            "struct RestartPolicy;",
            "const RESTART_POLICY: u8 = 0;",
            "fn f(empty_dir: &str) {}",
            "fn f() -> &'static str { \"OOMKilled\" }",
            "use serde_yaml::Value;",
        ];
        for text in bad {
            assert_eq!(
                complaints(kubernetes_words, "sandbox/volume/mod.rs", text),
                1,
                "{text}"
            );
            assert_eq!(
                complaints(kubernetes_words, "pod/mod.rs", text),
                0,
                "{text}"
            );
        }
        let good = "// As the kubelet does.\nstruct OutOfMemory; fn spawn(container: &str) {}";
        assert_eq!(complaints(kubernetes_words, "sandbox/wasm/mod.rs", good), 0);
    }

    #[test]
    fn an_exit_is_seen_outside_main() {
        for text in [
            "fn f() { std::process::exit(1) }",
            "use std::process; fn f() { process::exit(1) }",
            "use std::process::{Command, exit};",
            "use std::{process::exit};",
        ] {
            assert_eq!(complaints(exits, "cli/run.rs", text), 1, "{text}");
            assert_eq!(complaints(exits, "main.rs", text), 0, "{text}");
        }
        assert_eq!(
            complaints(
                exits,
                "cli/run.rs",
                "use std::process::{Command, ExitCode}; fn exit() {}"
            ),
            0
        );
    }

    #[test]
    fn a_missing_denial_is_seen() {
        let denies = |text: &str| denies_impurity(&source::tokens(text));
        assert!(denies(
            "//! Pure.\n#![deny(clippy::disallowed_methods, clippy::disallowed_types)]\n"
        ));
        assert!(denies(
            "#![deny(clippy::disallowed_types, clippy::disallowed_methods, reason = \"pure\")]"
        ));
        assert!(!denies(
            "//! #![deny(clippy::disallowed_methods, clippy::disallowed_types)]\n#![deny(unsafe_code)]"
        ));
        assert!(!denies(
            "#![deny(clippy::disallowed_methods)] fn disallowed_types() {}"
        ));
        assert!(!denies(
            "#[deny(clippy::disallowed_methods, clippy::disallowed_types)] fn f() {}"
        ));
    }
}
