//! The real binary, in a place of its own.

use std::ffi::OsStr;
use std::fmt;
use std::fs::{self, DirBuilder};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;
use tempfile::TempDir;

use super::{Output, patience};

/// A machine as far as wasmpod can tell: its own state directory, home and working folder, all gone at the end, with every
/// process that works on them.
pub struct Host {
    scratch: TempDir,
    program: PathBuf,
    environment: Vec<(String, String)>,
}

impl Host {
    /// With the compiled code of all hosts: each guest is compiled once per build folder, not once per test.
    pub fn new() -> Host {
        let host = Host::cold();
        host.share_code();
        host
    }

    /// What [`Host::new`] does to a cold one: for one whose state directory is put somewhere else first.
    pub fn share_code(&self) {
        share_code(&self.root().join("cache/code"));
    }

    /// Without any compiled code, as on the first day.
    pub fn cold() -> Host {
        Host::with_program(Path::new(env!("CARGO_BIN_EXE_wasmpod")))
    }

    /// The same for another program: the vocabulary's own tests use a shell.
    pub fn with_program(program: &Path) -> Host {
        let scratch = tempfile::Builder::new()
            .prefix("wasmpod-test-")
            .tempdir()
            .expect("a scratch directory");
        for folder in ["root", "home", "tmp", "work"] {
            fs::create_dir(scratch.path().join(folder)).expect("a fresh directory takes folders");
        }
        Host {
            scratch,
            program: program.to_owned(),
            environment: Vec::new(),
        }
    }

    /// Sets a variable for every later command. All others are gone but PATH, HOME, TMPDIR and LANG.
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Host {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// What `--root` says: all of wasmpod's state.
    pub fn root(&self) -> PathBuf {
        self.scratch.path().join("root")
    }

    /// The working folder of every command; manifests go here.
    pub fn work(&self) -> PathBuf {
        self.scratch.path().join("work")
    }

    /// Writes a file below the working folder. Takes text, bytes and manifests (`&pod.to_string()`).
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.work().join(name);
        let folder = path.parent().expect("a file is in a folder");
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&path, content))
            .expect("a fresh directory takes files");
        path
    }

    /// Every file and folder in the state directory but compiled code, as paths below it, sorted.
    pub fn state(&self) -> Vec<String> {
        let mut found = Vec::new();
        collect(&self.root(), &self.root(), &mut found);
        found.retain(|path| path != "cache" && !path.starts_with("cache/"));
        found.sort();
        found
    }

    /// The processes that work on this state directory, detached ones too.
    pub fn processes(&self) -> Vec<Pid> {
        let root = self.root();
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let works = entries.filter_map(|entry| {
            let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
            let command = fs::read(entry.path().join("cmdline")).ok()?;
            works_on(&command, &root).then(|| Pid::from_raw(pid))
        });
        works.collect()
    }

    /// `wasmpod --root … ARGS` to its end.
    #[track_caller]
    pub fn run<I: IntoIterator<Item: AsRef<OsStr>>>(&self, args: I) -> Run {
        self.spawn(args).wait()
    }

    /// The same with something to read on standard input.
    #[track_caller]
    pub fn run_with_input<I: IntoIterator<Item: AsRef<OsStr>>>(
        &self,
        args: I,
        input: impl AsRef<[u8]>,
    ) -> Run {
        let mut process = self.spawn(args);
        process.write(input.as_ref());
        process.wait()
    }

    /// `wasmpod --root … ARGS`, running.
    #[track_caller]
    pub fn spawn<I: IntoIterator<Item: AsRef<OsStr>>>(&self, args: I) -> Process {
        let mut command = Command::new(&self.program);
        command.arg("--root").arg(self.root()).args(args);
        self.spawn_command(command)
    }

    /// Any other command, in this place and under the same watch.
    #[track_caller]
    pub fn spawn_command(&self, mut command: Command) -> Process {
        command
            .current_dir(self.work())
            .env_clear()
            .env("LANG", "C.UTF-8");
        command
            .env("HOME", self.scratch.path().join("home"))
            .env("TMPDIR", self.scratch.path().join("tmp"));
        command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.envs(self.environment.iter().cloned());
        Process::start(command)
    }
}

/// Pods that a test has detached outlive the command that started them, but not the test: whatever still works on this
/// host's state is killed, also when the test has failed.
impl Drop for Host {
    fn drop(&mut self) {
        let deadline = Instant::now() + patience();
        loop {
            let left = self.processes();
            for pid in &left {
                let _gone_already = kill(*pid, Signal::SIGKILL);
            }
            // A killed process is listed until the kernel has let go of it; one that was just being started comes late.
            if left.is_empty() || Instant::now() > deadline {
                return;
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Whether a command line (words parted by zeros) has `--root ROOT`.
fn works_on(command: &[u8], root: &Path) -> bool {
    let words: Vec<&[u8]> = command.split(|&byte| byte == 0).collect();
    words
        .windows(2)
        .any(|pair| pair[0] == b"--root" && pair[1] == root.as_os_str().as_encoded_bytes())
}

/// Makes `place` a link to a folder that outlives the tests. It is keyed by content and made for concurrent writers.
fn share_code(place: &Path) {
    let shared = Path::new(env!("CARGO_TARGET_TMPDIR")).join("code");
    let made = DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&shared);
    let folder = place.parent().expect("below the state directory");
    made.and_then(|()| fs::create_dir_all(folder))
        .and_then(|()| symlink(&shared, place))
        .expect("a fresh state directory takes a link");
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        found.push(
            path.strip_prefix(root)
                .expect("found below root")
                .to_string_lossy()
                .into_owned(),
        );
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            collect(root, &path, found);
        }
    }
}

/// A command that runs, in a process group of its own. Dropped, it is killed with all it started.
pub struct Process {
    child: Child,
    command: String,
    ended: Receiver<()>,
    pub stdout: Output,
    pub stderr: Output,
}

impl Process {
    #[track_caller]
    fn start(mut command: Command) -> Process {
        let text = format!("{command:?}");
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{text}: {error}"));
        let stdout = Output::listen(child.stdout.take().expect("piped"));
        let stderr = Output::listen(child.stderr.take().expect("piped"));
        let (tell, ended) = channel();
        let pid = pid_of(&child);
        thread::spawn(move || {
            // Without reaping: the number stays ours to signal until `wait` has collected the status.
            let seen = waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT);
            seen.is_ok().then(|| tell.send(()))
        });
        Process {
            child,
            command: text,
            ended,
            stdout,
            stderr,
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Writes to its standard input, which stays open until [`Process::wait`]. One that no longer reads is no failure.
    pub fn write(&mut self, input: &[u8]) {
        let stdin = self.child.stdin.as_mut().expect("piped until wait");
        stdin
            .write_all(input)
            .or_else(|error| {
                if error.kind() == std::io::ErrorKind::BrokenPipe {
                    Ok(())
                } else {
                    Err(error)
                }
            })
            .unwrap_or_else(|error| panic!("{}: cannot write to it: {error}", self.command));
    }

    /// Signals the process itself, not what it started.
    pub fn signal(&self, signal: Signal) {
        kill(pid_of(&self.child), signal)
            .unwrap_or_else(|error| panic!("{}: cannot signal: {error}", self.command));
    }

    /// Waits for its end and that of its output. Fails when either takes longer than [`patience`]: output that
    /// outlives the process means that it left something running.
    #[track_caller]
    pub fn wait(mut self) -> Run {
        drop(self.child.stdin.take());
        let deadline = Instant::now() + patience();
        let in_time = self.ended.recv_timeout(patience()).is_ok();
        assert!(
            in_time,
            "still running after {:?}: {}\n{}",
            patience(),
            self.command,
            self.heard()
        );
        let silent = self.stdout.wait_for_end(deadline) && self.stderr.wait_for_end(deadline);
        assert!(
            silent,
            "ended, but something that it started still runs: {}\n{}",
            self.command,
            self.heard()
        );
        let status = self
            .child
            .wait()
            .expect("it ended and nobody else collects it");
        Run {
            command: self.command.clone(),
            status,
            stdout: self.stdout.text(),
            stderr: self.stderr.text(),
        }
    }

    fn heard(&self) -> String {
        format!(
            "--- stdout\n{}--- stderr\n{}",
            self.stdout.text(),
            self.stderr.text()
        )
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            // Its group bears its own number and lives as long as it is not collected.
            let _gone_already = killpg(pid_of(&self.child), Signal::SIGKILL);
            let _collected = self.child.wait();
        }
    }
}

fn pid_of(child: &Child) -> Pid {
    Pid::from_raw(child.id().cast_signed())
}

/// A command that ended.
#[derive(Debug)]
pub struct Run {
    pub command: String,
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    /// As a shell would say it: 128 and the signal for one that was killed.
    pub fn code(&self) -> i32 {
        self.status
            .code()
            .unwrap_or_else(|| 128 + self.status.signal().expect("no code means a signal"))
    }

    /// Asserts the exit code, and on failure shows everything that was said.
    #[track_caller]
    pub fn assert_code(self, expected: i32) -> Run {
        assert_eq!(self.code(), expected, "exit code of {self}");
        self
    }

    #[track_caller]
    pub fn success(self) -> Run {
        self.assert_code(0)
    }

    /// Asserts that each of `parts` is somewhere in what it said on either stream.
    #[track_caller]
    pub fn says(self, parts: &[&str]) -> Run {
        for part in parts {
            assert!(
                self.stdout.contains(part) || self.stderr.contains(part),
                "no `{part}` in {self}"
            );
        }
        self
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Run {
            command,
            status,
            stdout,
            stderr,
        } = self;
        write!(
            f,
            "{command}\n{status}\n--- stdout\n{stdout}--- stderr\n{stderr}"
        )
    }
}
