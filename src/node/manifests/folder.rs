//! The directory of manifests, and when it changes.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use k8s_openapi::api::core::v1;
use k8s_openapi::jiff::Timestamp;
use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

use super::{Found, object};
use crate::spec::{self, MAX_MANIFEST, Source, Validate};

/// A directory of static pods.
pub struct Manifests {
    dir: PathBuf,
    node: String,
    inotify: Inotify,
    /// What was read of the files, as long as they do not change.
    read: HashMap<PathBuf, (Stamp, Content)>,
    /// What is wrong with which file, as it was told last.
    told: BTreeMap<PathBuf, String>,
}

/// Tells whether a file was written since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    inode: (u64, u64),
    size: u64,
    changed: (i64, i64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Stamp {
        Stamp {
            inode: (metadata.dev(), metadata.ino()),
            size: metadata.size(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

#[derive(Clone)]
enum Content {
    Pod(Box<v1::Pod>),
    /// Being written, as it seems.
    Empty,
    Wrong(String),
}

impl Manifests {
    /// Watches `dir` for the machine named `node`. A directory that is not there yet may come.
    ///
    /// # Errors
    /// The machine's: no watch to be had.
    pub fn new(dir: PathBuf, node: String) -> io::Result<Manifests> {
        Ok(Manifests {
            dir,
            node,
            inotify: Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?,
            read: HashMap::new(),
            told: BTreeMap::new(),
        })
    }

    /// Readable when the directory may have changed.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }

    /// Looks at the directory. What changes afterwards is told through [`Manifests::fd`].
    pub fn look(&mut self, now: Timestamp) -> Found {
        let mut found = Found::default();
        let mut wrong = BTreeMap::new();
        match self.files() {
            Ok(files) => {
                self.read.retain(|path, _| files.contains_key(path));
                for (path, stamp) in files {
                    self.take(&path, stamp, now, &mut found, &mut wrong);
                }
            }
            Err(error) => {
                found.blind = true;
                wrong.insert(self.dir.clone(), error.to_string());
            }
        }
        let news = wrong
            .iter()
            .filter(|(path, why)| self.told.get(*path) != Some(why));
        found.problems = news
            .map(|(path, why)| format!("{}: {why}", path.display()))
            .collect();
        self.told = wrong;
        found
    }

    /// Every file with a name that does not begin with a dot. None for what is neither file nor readable.
    fn files(&mut self) -> io::Result<BTreeMap<PathBuf, io::Result<Stamp>>> {
        self.watch()?;
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let path = entry.path();
            let stamp = match fs::metadata(&path) {
                Ok(metadata) if metadata.is_file() => Ok(Stamp::of(&metadata)),
                Ok(_) => Err(io::Error::other(
                    "not a file, so there is no manifest in it",
                )),
                // Gone again since it was listed.
                Err(error) if error.kind() == io::ErrorKind::NotFound && !path.is_symlink() => {
                    continue;
                }
                Err(error) => Err(error),
            };
            files.insert(path, stamp);
        }
        Ok(files)
    }

    /// Forgets what was told before, and watches: the directory may be another one by now.
    fn watch(&self) -> io::Result<()> {
        loop {
            match self.inotify.read_events() {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => break,
                Err(errno) => return Err(errno.into()),
            }
        }
        let changes = AddWatchFlags::IN_CLOSE_WRITE
            | AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_MOVE
            | AddWatchFlags::IN_DELETE
            | AddWatchFlags::IN_DELETE_SELF
            | AddWatchFlags::IN_MOVE_SELF
            | AddWatchFlags::IN_ONLYDIR;
        self.inotify.add_watch(&self.dir, changes)?;
        Ok(())
    }

    fn take(
        &mut self,
        path: &Path,
        stamp: io::Result<Stamp>,
        now: Timestamp,
        found: &mut Found,
        wrong: &mut BTreeMap<PathBuf, String>,
    ) {
        let content = match stamp {
            Ok(stamp) => self.content(path, stamp, now),
            Err(error) => Content::Wrong(error.to_string()),
        };
        let pod = match content {
            Content::Pod(pod) => pod,
            Content::Empty => return found.unclear.push(path.to_owned()),
            Content::Wrong(why) => {
                wrong.insert(path.to_owned(), why);
                return found.unclear.push(path.to_owned());
            }
        };
        let metadata = &pod.metadata;
        let key = (
            metadata.namespace.clone().unwrap_or_default(),
            metadata.name.clone().unwrap_or_default(),
        );
        if let Some(other) = found.pods.get(&key).and_then(object::file_of) {
            let why = format!("pod {:?} is also in {}", key.1, other.display());
            wrong.insert(path.to_owned(), why);
            return;
        }
        found.pods.insert(key, *pod);
    }

    fn content(&mut self, path: &Path, stamp: Stamp, now: Timestamp) -> Content {
        if let Some((read, content)) = self.read.get(path)
            && *read == stamp
        {
            return content.clone();
        }
        let content = self.parse(path, now);
        self.read.insert(path.to_owned(), (stamp, content.clone()));
        content
    }

    fn parse(&self, path: &Path, now: Timestamp) -> Content {
        let text = match read(path) {
            Ok(text) if text.is_empty() => return Content::Empty,
            Ok(text) => text,
            Err(error) => return Content::Wrong(error.to_string()),
        };
        let source = Source {
            name: path.display().to_string(),
            base: self.dir.clone(),
            text,
        };
        let mut pods = match spec::load(&source, Validate::Strict) {
            Ok(loaded) => match loaded.others.first() {
                None => loaded.pods,
                Some(other) => {
                    return Content::Wrong(format!(
                        "holds {} {:?}, and a static manifest holds a pod and nothing else",
                        other.object.kind().kind(),
                        other.object.name()
                    ));
                }
            },
            Err(complaints) => {
                let all: Vec<String> = complaints.iter().map(ToString::to_string).collect();
                return Content::Wrong(all.join("; "));
            }
        };
        match (pods.pop(), pods.len()) {
            (Some(pod), 0) => Content::Pod(Box::new(object::of_file(pod, path, &self.node, now))),
            (_, more) => Content::Wrong(format!(
                "holds {} pods, and a static manifest holds exactly one",
                more + 1
            )),
        }
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    // One byte more than is allowed: reading it as a manifest complains then.
    let limit = MAX_MANIFEST as u64 + 1;
    File::open(path)?.take(limit).read_to_end(&mut text)?;
    Ok(text)
}
