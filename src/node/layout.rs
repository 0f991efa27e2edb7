//! Where everything about a pod lies.

use std::path::PathBuf;

/// The places of one installation, as the command line (or `--root`) chose them.
///
/// ```text
/// RUN/pods/<uid>.lock    held (flock) by the pod process while it lives; {pid, start time, boot id} inside
/// RUN/pods/<uid>.sock    its control socket
/// DATA/objects/<plural>/<namespace>/<name>.json     the API object, without status
/// DATA/objects/<plural>/_/<name>.json               the same of a kind that is in no namespace
/// DATA/claims/<uid>/        what a PersistentVolumeClaim is bound to, until it is deleted
/// DATA/placement/<mark>/<uid>.json    pods without a place, and pods that keep others away
/// DATA/status/<uid>.json    the last status its process published
/// DATA/events/<uid>.json    its events, counted
/// DATA/pods/<uid>/          volumes and roots: the sandbox's
/// DATA/identity/            keys of this installation: see [`super::identity`]
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

    pub fn claims(&self) -> PathBuf {
        self.data.join("claims")
    }

    pub fn placement(&self) -> PathBuf {
        self.data.join("placement")
    }

    pub fn statuses(&self) -> PathBuf {
        self.data.join("status")
    }

    pub fn events(&self) -> PathBuf {
        self.data.join("events")
    }

    /// The kubelet's name for it (`pkg/kubelet/kuberuntime/helpers.go` `BuildPodLogsDirectory`). A name that leaves no room for
    /// the rest is cut; the uid alone tells pods apart.
    pub fn pod_logs(&self, namespace: &str, name: &str, uid: &str) -> PathBuf {
        const NAME_MAX: usize = 255;
        let room = NAME_MAX.saturating_sub(namespace.len() + uid.len() + 2);
        let name = &name[..name.floor_char_boundary(name.len().min(room))];
        self.logs.join(format!("{namespace}_{name}_{uid}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logs_of_the_longest_name_have_a_folder() {
        let layout = Layout {
            run: "/r".into(),
            data: "/d".into(),
            logs: "/l".into(),
        };
        let logs = |name: &str| layout.pod_logs("default", name, "0-1");
        assert_eq!(logs("web"), PathBuf::from("/l/default_web_0-1"));
        let cut = logs(&"a".repeat(253));
        assert_eq!(cut.file_name().unwrap().len(), 255);
        assert!(cut.to_str().unwrap().ends_with("a_0-1"));
    }
}
