//! Where the state of pods lies.

use std::path::{Path, PathBuf};

/// The four places that hold everything a pod leaves on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dirs {
    /// Sockets and what is true only while a process lives; lost at reboot.
    pub run: PathBuf,
    /// Volumes and objects.
    pub data: PathBuf,
    /// Container logs, `NS_POD_UID/CONTAINER/N.log` below it.
    pub logs: PathBuf,
    /// Compiled code: may be deleted at any time and is made again.
    pub cache: PathBuf,
}

impl Dirs {
    /// Root's places.
    pub fn system() -> Dirs {
        Dirs {
            run: "/run/wasmpod".into(),
            data: "/var/lib/wasmpod".into(),
            logs: "/var/log/pods".into(),
            cache: "/var/cache/wasmpod".into(),
        }
    }

    /// An ordinary user's places, by the XDG base directory specification. `var` looks up an environment variable; a
    /// value that is not an absolute path is ignored, as the specification demands.
    ///
    /// None when there is neither the variable nor a `HOME` to fall back on.
    pub fn user(var: impl Fn(&str) -> Option<PathBuf>) -> Option<Dirs> {
        let absolute = |name: &str| var(name).filter(|path| path.is_absolute());
        let home = absolute("HOME");
        let place = |name: &str, fallback: &str| {
            absolute(name)
                .or_else(|| home.as_ref().map(|home| home.join(fallback)))
                .map(|path| path.join("wasmpod"))
        };
        let data = place("XDG_DATA_HOME", ".local/share")?;
        let state = place("XDG_STATE_HOME", ".local/state")?;
        Some(Dirs {
            run: absolute("XDG_RUNTIME_DIR")
                .map_or_else(|| state.join("run"), |path| path.join("wasmpod")),
            logs: state.join("logs"),
            cache: place("XDG_CACHE_HOME", ".cache")?,
            data,
        })
    }

    /// Everything below one directory (`--root DIR`).
    pub fn under(root: &Path) -> Dirs {
        Dirs {
            run: root.join("run"),
            data: root.join("data"),
            logs: root.join("logs"),
            cache: root.join("cache"),
        }
    }

    /// Ahead-of-time compiled code.
    pub fn code(&self) -> PathBuf {
        self.cache.join("code")
    }

    /// One directory per pod, named by its uid.
    pub fn pods(&self) -> PathBuf {
        self.data.join("pods")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_without_xdg_variables_has_the_places_below_home() {
        let dirs = Dirs::user(|name| (name == "HOME").then(|| "/home/a".into())).unwrap();
        assert_eq!(dirs.data, Path::new("/home/a/.local/share/wasmpod"));
        assert_eq!(dirs.run, Path::new("/home/a/.local/state/wasmpod/run"));
        assert_eq!(dirs.cache, Path::new("/home/a/.cache/wasmpod"));
    }

    #[test]
    fn a_relative_xdg_variable_is_ignored() {
        let var = |name: &str| match name {
            "HOME" => Some("/home/a".into()),
            "XDG_DATA_HOME" => Some("data".into()),
            _ => None,
        };
        assert_eq!(
            Dirs::user(var).unwrap().data,
            Path::new("/home/a/.local/share/wasmpod")
        );
    }

    #[test]
    fn a_user_without_home_has_no_places() {
        assert_eq!(Dirs::user(|_| None), None);
    }
}
