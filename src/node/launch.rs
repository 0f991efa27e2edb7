//! Starting pod processes.
//!
//! A launched process belongs to nobody: it makes its own session, its standard error is the pod's own log, and its standard
//! output is a pipe on which it says `ready` once its control socket answers. Anything else it says there is why it could
//! not start.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1;
use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::error::{StoreError, doing};
use super::pidfd::PidFd;
use super::{Process, Reconciled, Sight, Store, is_unplaced, reconcile_pod};

/// What is given to this room to reach a pod's machine. Implemented where the sandbox is known.
pub trait Machinery: Send + Sync {
    /// The command that is the pod's process; who launches gives it its three streams.
    fn command(&self, namespace: &str, name: &str, uid: &str, attempt: u32) -> Command;

    /// Removes what a dead process has left of its sandbox, but for volumes that are to outlive it. Doing it again, or for a pod
    /// that left nothing, is fine.
    ///
    /// # Errors
    /// Something cannot be removed.
    fn sweep(&self, uid: &str) -> anyhow::Result<()>;

    /// Removes all there is of the pod's sandbox, volumes too: it is deleted.
    ///
    /// # Errors
    /// Something cannot be removed.
    fn erase(&self, uid: &str) -> anyhow::Result<()> {
        self.sweep(uid)
    }
}

/// A pod process that is ready.
#[derive(Debug)]
pub struct Launched {
    pub pid: u32,
    pub attempt: u32,
    /// For who wants to wait for its end, as a supervisor must. None: it ran already.
    pub process: Option<Child>,
}

/// Why a pod's process did not become ready.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("start {program}: {source}")]
    Start { program: String, source: io::Error },
    /// In the process' own words.
    #[error("{0}")]
    Refused(String),
    /// Without a word; `log` is the end of what it wrote on standard error.
    #[error(
        "the pod process ended before it was ready ({status}){}",
        after_colon(log)
    )]
    Ended { status: ExitStatus, log: String },
    #[error("the pod process was not ready after {} s", after.as_secs())]
    Late { after: Duration },
}

fn after_colon(log: &str) -> String {
    if log.is_empty() {
        String::new()
    } else {
        format!(": {log}")
    }
}

/// A process has this long to become ready. It only binds a socket; images are fetched later.
const PATIENCE: Duration = Duration::from_secs(60);
/// Of what a process says instead of `ready`, and of its log, so much is shown.
const MAX_WORDS: u64 = 16 << 10;

/// Which attempt is to be launched for a pod as it stands; none if it needs no process: it has one, has no place, is done, or
/// is being deleted. A pod whose process was lost is started again unless its policy is Never.
pub fn due(sight: &Sight) -> Option<u32> {
    let pod = &sight.pod;
    if sight.process.pid().is_some()
        || pod.metadata.deletion_timestamp.is_some()
        || is_unplaced(pod)
    {
        return None;
    }
    let Some(attempt) = sight.attempt else {
        return Some(0);
    };
    let status = pod.status.as_ref()?;
    let again = comes_back(pod, status) || (sight.lost && !is_once(pod));
    again.then_some(attempt + 1)
}

/// Whether a pod that came to its end, by its status, is to run again all the same: it was interrupted, and not by itself.
pub(super) fn comes_back(pod: &v1::Pod, status: &v1::PodStatus) -> bool {
    let reason = status.reason.as_deref();
    matches!(reason, Some(crate::lifecycle::SANDBOX_LOST | "Terminated")) && !is_once(pod)
}

fn is_once(pod: &v1::Pod) -> bool {
    let spec = pod.spec.as_ref();
    spec.and_then(|spec| spec.restart_policy.as_deref()) == Some("Never")
}

/// Launches pod processes. Cheap to clone.
#[derive(Clone)]
pub struct Launcher {
    store: Store,
    machinery: Arc<dyn Machinery>,
    patience: Duration,
}

impl Launcher {
    pub fn new(store: Store, machinery: Arc<dyn Machinery>) -> Launcher {
        Launcher {
            store,
            machinery,
            patience: PATIENCE,
        }
    }

    /// Another patience than a minute.
    pub fn patience(self, patience: Duration) -> Launcher {
        Launcher { patience, ..self }
    }

    /// Starts the process of a stored pod and waits until it is ready. One that runs already is left alone. What an earlier one
    /// left is swept up first.
    ///
    /// # Errors
    /// The process did not become ready; it is gone then.
    pub fn launch(&self, pod: &v1::Pod) -> Result<Launched, LaunchError> {
        let meta = &pod.metadata;
        let namespace = meta.namespace.as_deref().unwrap_or("default");
        let name = meta.name.as_deref().unwrap_or_default();
        let uid = meta.uid.as_deref().unwrap_or_default();
        let attempt = match self.store.process(uid)? {
            Process::Living { pid } => {
                return Ok(Launched {
                    pid,
                    attempt: self.next_attempt(uid)?.saturating_sub(1),
                    process: None,
                });
            }
            // The usual case: nothing was ever there.
            Process::None if self.next_attempt(uid)? == 0 => 0,
            Process::None | Process::Dead { .. } => {
                let done = reconcile_pod(&self.store, self.machinery.as_ref(), pod)?;
                if done == Reconciled::Deleted {
                    return Err(StoreError::not_found("pods", name).into());
                }
                self.next_attempt(uid)?
            }
        };
        let logs = self.store.layout().pod_logs(namespace, name, uid);
        let log = PodLog::open(&logs).map_err(doing("open", &logs.join(POD_LOG)))?;
        let mut command = self.machinery.command(namespace, name, uid, attempt);
        let mut child = log.spawn(&mut command)?;
        match self.await_ready(&mut child, &log) {
            Ok(()) => Ok(Launched {
                pid: child.id(),
                attempt,
                process: Some(child),
            }),
            Err(error) => {
                bury(&mut child, &error);
                Err(error)
            }
        }
    }

    fn next_attempt(&self, uid: &str) -> Result<u32, StoreError> {
        let published = self.store.published(uid)?;
        Ok(published.map_or(0, |published| published.sandbox_attempt.saturating_add(1)))
    }

    /// Launches several pods, a few at a time; the results are in the pods' order.
    pub fn launch_all(&self, pods: &[v1::Pod]) -> Vec<Result<Launched, LaunchError>> {
        // A process that sets up both computes and waits for the disk.
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let workers = (processors * 2).clamp(2, 16).min(pods.len());
        let next = AtomicUsize::new(0);
        let work = || {
            let mut done = Vec::new();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(pod) = pods.get(index) else {
                    return done;
                };
                done.push((index, self.launch(pod)));
            }
        };
        let mut results: Vec<_> = thread::scope(|scope| {
            let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
            let results = workers.into_iter().flat_map(|worker| {
                worker
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            });
            results.collect()
        });
        results.sort_by_key(|(index, _)| *index);
        results.into_iter().map(|(_, result)| result).collect()
    }

    fn await_ready(&self, child: &mut Child, log: &PodLog) -> Result<(), LaunchError> {
        let Some(mut stdout) = child.stdout.take() else {
            return Ok(());
        };
        let until = Instant::now() + self.patience;
        let mut words = Vec::new();
        let read_error = |source| doing("read", Path::new("the pod process' words"))(source);
        loop {
            if words.starts_with(b"ready\n") {
                return Ok(());
            }
            if !wait_readable(&stdout, until).map_err(read_error)? {
                return Err(LaunchError::Late {
                    after: self.patience,
                });
            }
            let mut piece = [0; 4096];
            match stdout.read(&mut piece) {
                Ok(length) if length > 0 && (words.len() as u64) < MAX_WORDS => {
                    words.extend_from_slice(&piece[..length]);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(read_error(error).into()),
                Ok(_) => break,
            }
        }
        drop(stdout);
        let words = String::from_utf8_lossy(&words).trim().to_owned();
        if words.is_empty() {
            leave_time(child);
            let _ = child.kill();
            let status = child.wait().map_err(read_error)?;
            let log = log.written_since().unwrap_or_default();
            return Err(LaunchError::Ended { status, log });
        }
        Err(LaunchError::Refused(words))
    }
}

/// A process that could not start must not become ready when nobody expects it any more.
fn bury(child: &mut Child, error: &LaunchError) {
    if !matches!(error, LaunchError::Late { .. }) {
        leave_time(child);
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// One that gave up is about to end, and puts its things in order before. One that does not is on its way nowhere.
fn leave_time(child: &Child) {
    const PARTING: Duration = Duration::from_secs(5);
    // If it cannot be waited for it is killed, and put in order by whoever comes next.
    let _ = PidFd::of_child(child).and_then(|process| process.wait(PARTING));
}

/// False: the time is over.
fn wait_readable(file: &impl AsFd, until: Instant) -> io::Result<bool> {
    loop {
        let left = until.saturating_duration_since(Instant::now()) + Duration::from_millis(1);
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(file.as_fd(), PollFlags::POLLIN)], timeout) {
            Ok(0) if until <= Instant::now() => return Ok(false),
            Ok(0) | Err(Errno::EINTR) => {}
            Ok(_) => return Ok(true),
            Err(error) => return Err(error.into()),
        }
    }
}

const POD_LOG: &str = "pod.log";

/// What the pod's processes have to say that is not a container's output.
struct PodLog {
    file: File,
    path: PathBuf,
    /// Where this launch began.
    begin: u64,
}

impl PodLog {
    fn open(folder: &Path) -> io::Result<PodLog> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
        let path = folder.join(POD_LOG);
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW)
            .open(&path)?;
        Ok(PodLog {
            begin: file.metadata()?.len(),
            file,
            path,
        })
    }

    fn spawn(&self, command: &mut Command) -> Result<Child, LaunchError> {
        let stderr = self.file.try_clone().map_err(doing("open", &self.path))?;
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr);
        command.spawn().map_err(|source| LaunchError::Start {
            program: command.get_program().to_string_lossy().into_owned(),
            source,
        })
    }

    /// The end of what this launch has added.
    fn written_since(&self) -> io::Result<String> {
        use std::os::unix::fs::FileExt;
        let end = self.file.metadata()?.len();
        let begin = self.begin.max(end.saturating_sub(MAX_WORDS));
        let mut bytes = vec![0; usize::try_from(end.saturating_sub(begin)).unwrap_or(0)];
        let length = self.file.read_at(&mut bytes, begin)?;
        bytes.truncate(length);
        Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
    }
}
