//! Where everything about a pod lies.

use std::path::PathBuf;

/// The places of one installation, as the command line (or `--root`) chose them.
///
/// ```text
/// RUN/pods/<uid>.lock    held (flock) by the pod process while it lives; {pid, start time, boot id} inside
/// RUN/pods/<uid>.sock    its control socket
/// DATA/objects/<plural>/<namespace>/<name>.json     the API object, without status
/// DATA/status/<uid>.json    the last status its process published
/// DATA/events/<uid>.json    its events, counted
/// DATA/pods/<uid>/          volumes and roots: the sandbox's
/// LOGS/<namespace>_<name>_<uid>/<container>/<n>.log    what its containers wrote
/// LOGS/<namespace>_<name>_<uid>/pod.log                what its process itself had to say
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    pub run: PathBuf,
    pub data: PathBuf,
    pub logs: PathBuf,
}

impl Layout {
    /// One directory for all pods, so that one watch sees every death (a lock file is closed) and every birth.
    pub fn running(&self) -> PathBuf {
        self.run.join("pods")
    }

    pub fn lock(&self, uid: &str) -> PathBuf {
        self.running().join(format!("{uid}.lock"))
    }

    pub fn socket(&self, uid: &str) -> PathBuf {
        self.running().join(format!("{uid}.sock"))
    }

    pub fn objects(&self) -> PathBuf {
        self.data.join("objects")
    }

    pub fn statuses(&self) -> PathBuf {
        self.data.join("status")
    }

    pub fn events(&self) -> PathBuf {
        self.data.join("events")
    }

    pub fn pod_logs(&self, namespace: &str, name: &str, uid: &str) -> PathBuf {
        self.logs.join(format!("{namespace}_{name}_{uid}"))
    }
}
