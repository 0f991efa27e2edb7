//! What the tests of all applets share.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::applet::Io;
use crate::applets;

pub fn strings(args: &[&str]) -> Vec<String> {
    args.iter().map(|arg| (*arg).to_owned()).collect()
}

#[derive(Debug, PartialEq)]
pub struct Ran {
    pub code: u8,
    pub out: String,
    pub err: String,
}

/// Runs an applet on the given stdin.
pub fn run_with(stdin: impl AsRef<[u8]>, name: &str, args: &[&str]) -> Ran {
    let (mut input, mut out, mut err) = (stdin.as_ref(), Vec::new(), Vec::new());
    let applet = applets::find(name).expect("a known applet");
    let mut io = Io::new(applet.name, &mut input, &mut out, &mut err);
    io.redirected = true;
    let code = applet.main(&strings(args), &mut io);
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ran {
        code,
        out: text(out),
        err: text(err),
    }
}

pub fn run(name: &str, args: &[&str]) -> Ran {
    run_with("", name, args)
}

/// The output of an applet that must succeed without a complaint.
pub fn output(stdin: impl AsRef<[u8]>, name: &str, args: &[&str]) -> String {
    let ran = run_with(stdin, name, args);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{name} {args:?}");
    ran.out
}

/// A folder of its own for one test, gone afterwards.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("toolbox-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a scratch folder");
        Scratch(path)
    }

    pub fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("UTF-8").to_owned()
    }

    /// Writes a file and returns its path.
    pub fn file(&self, name: &str, content: &str) -> String {
        let path = self.path(name);
        std::fs::write(&path, content).expect("a scratch file");
        path
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).expect("a scratch file")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
