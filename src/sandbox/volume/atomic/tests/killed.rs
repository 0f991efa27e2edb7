//! A writer in a process of its own, killed at whatever moment.

use std::io::Read;
use std::process::{Command, Stdio};

use super::*;

/// Says to the test below that it is the writer, and where to write.
const DIR: &str = "WASMPOD_TEST_ATOMIC_DIR";

fn version(number: usize) -> BTreeMap<String, FileSpec> {
    let text = number.to_string();
    match number % 3 {
        0 => set(&[("a", &text), ("b", &text), ("c/d", &text)]),
        1 => set(&[("a", &text), ("c", &text)]),
        _ => set(&[("b", &text), ("e/f/g", &text)]),
    }
}

/// Not a test of its own: the process that the next test kills.
#[test]
fn writer() {
    let Ok(dir) = std::env::var(DIR) else {
        return;
    };
    for number in 0.. {
        AtomicDir::write(Path::new(&dir), &version(number), SystemTime::now()).unwrap();
        // Not by `print`, which the test harness keeps to itself.
        std::io::stdout().write_all(b"#").unwrap();
        std::io::stdout().flush().unwrap();
    }
}

/// One version, whole: the number is the same in all its files.
fn is_whole(dir: &Path) -> bool {
    let data = fs::read_link(dir.join(DATA)).unwrap();
    let names = tree(&dir.join(&data));
    let Some(name) = names.iter().find(|name| !name.ends_with('/')) else {
        return false;
    };
    let number = fs::read_to_string(dir.join(&data).join(name)).unwrap();
    let files = version(number.parse().unwrap());
    let root = Dir::open_ambient_dir(dir.join(data), ambient_authority()).unwrap();
    compare::holds(&root, &Set::new(&files).unwrap()).unwrap()
}

#[test]
fn a_killed_writer_leaves_a_whole_set_and_the_next_one_repairs() {
    let scratch = tempfile::tempdir().unwrap();
    let own_name = module_path!().split_once("::").unwrap().1;
    for round in 0..12 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture", &format!("{own_name}::writer")])
            .env(DIR, scratch.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = child.stdout.take().unwrap();
        let mut written = 0;
        while written <= round {
            let mut byte = [0];
            output.read_exact(&mut byte).unwrap();
            written += usize::from(byte == *b"#");
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(is_whole(scratch.path()), "{:#?}", tree(scratch.path()));
        let next = version(round * 7);
        AtomicDir::write(scratch.path(), &next, SystemTime::now()).unwrap();
        shows(scratch.path(), &next);
    }
}
