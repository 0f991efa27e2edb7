//! How stored pods get their processes, and how what dead ones left is taken away.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use super::{Context, Failure};
use crate::node::Machinery;
use crate::pod::Dirs;

/// The verb by which this program is one pod.
pub const POD_PROCESS: &str = "__pod";

/// What a pod's process may need of its launcher's environment. The rest stays behind: it is the shell's, holds what is no
/// concern of a pod, and would be readable in the process as long as it lives.
const ENVIRONMENT: [&str; 12] = [
    // Where state lies, and what is found by name.
    "HOME",
    "PATH",
    "TMPDIR",
    "TZ",
    "XDG_CACHE_HOME",
    "XDG_DATA_HOME",
    "XDG_RUNTIME_DIR",
    "XDG_STATE_HOME",
    // For those who build this program.
    "LD_LIBRARY_PATH",
    "LLVM_PROFILE_FILE",
    "RUST_BACKTRACE",
    "RUST_LIB_BACKTRACE",
];

/// This program itself as the pods' processes.
struct ThisBinary {
    program: PathBuf,
    dirs: Dirs,
    /// What this program was told to read secrets with, and so are they.
    key: Option<PathBuf>,
}

impl Context {
    /// What starts the pods' processes and cleans up after them.
    pub(super) fn machinery(&self) -> Result<Arc<dyn Machinery>, Failure> {
        Ok(Arc::new(ThisBinary {
            // The very file that runs, also when another one has taken its name since.
            program: "/proc/self/exe".into(),
            dirs: self.dirs.clone(),
            key: self.key.as_ref().map(|file| file.path.clone()),
        }))
    }
}

impl Machinery for ThisBinary {
    fn command(&self, namespace: &str, name: &str, uid: &str, attempt: u32) -> Command {
        let mut command = Command::new(&self.program);
        // What process lists show.
        command.arg0("wasmpod");
        if let Some(root) = root(&self.dirs) {
            command.arg("--root").arg(root);
        }
        if let Some(key) = &self.key {
            command.arg("--encryption-key").arg(key);
        }
        command.args([POD_PROCESS, namespace, name, uid]);
        if attempt > 0 {
            command.args(["--attempt", &attempt.to_string()]);
        }
        let kept = ENVIRONMENT.iter().filter_map(|name| {
            let value = std::env::var_os(name)?;
            Some((OsStr::new(name), value))
        });
        command.env_clear().envs(kept);
        // No directory of the user's is kept from being removed or unmounted.
        command.current_dir("/");
        command
    }

    fn sweep(&self, uid: &str) -> anyhow::Result<()> {
        crate::pod::sweep(&self.dirs, uid)
    }

    fn erase(&self, uid: &str) -> anyhow::Result<()> {
        crate::pod::erase(&self.dirs, uid)
    }
}

/// `--root` of these places, if that is how they were told.
fn root(dirs: &Dirs) -> Option<&Path> {
    let root = dirs.run.parent()?;
    (Dirs::under(root) == *dirs).then_some(root)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machinery(dirs: Dirs) -> ThisBinary {
        ThisBinary {
            program: "/proc/self/exe".into(),
            dirs,
            key: None,
        }
    }

    fn words(machinery: &ThisBinary, attempt: u32) -> Vec<String> {
        let command = machinery.command("default", "web", "u-1", attempt);
        let words = command
            .get_args()
            .map(|word| word.to_string_lossy().into_owned());
        words.collect()
    }

    #[test]
    fn a_pods_process_is_told_where_its_state_lies_and_which_it_is() {
        assert_eq!(
            words(&machinery(Dirs::under(Path::new("/srv/pods"))), 0),
            ["--root", "/srv/pods", "__pod", "default", "web", "u-1"]
        );
        assert_eq!(
            words(&machinery(Dirs::system()), 2),
            ["__pod", "default", "web", "u-1", "--attempt", "2"]
        );
        let machinery = ThisBinary {
            key: Some("/etc/wasmpod/key".into()),
            ..machinery(Dirs::system())
        };
        let expected = "--encryption-key /etc/wasmpod/key __pod default web u-1";
        assert_eq!(words(&machinery, 0).join(" "), expected);
    }

    #[test]
    fn a_pods_process_inherits_nothing_but_what_it_needs() {
        let machinery = machinery(Dirs::system());
        let command = machinery.command("default", "web", "u-1", 0);
        // CARGO is set wherever this test runs.
        assert!(std::env::var_os("CARGO").is_some());
        assert!(command.get_envs().all(|(name, _)| name != "CARGO"));
        assert!(command.get_envs().any(|(name, _)| name == "PATH"));
        assert_eq!(command.get_current_dir(), Some(Path::new("/")));
    }
}
