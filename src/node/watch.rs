//! Waiting for something to change, without asking again and again.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags as Flags, InitFlags, Inotify};

use super::disk::Folder;
use super::{Store, names};
use crate::spec::Kind;

/// Wakes when something a reader sees may have changed: an object, a status, an event, the birth or death of a process.
pub struct Watch {
    inotify: Inotify,
    store: Store,
    /// Whose objects are watched.
    kinds: Vec<Kind>,
    /// None: all namespaces, and those to come.
    namespace: Option<String>,
}

/// A file took its name, or lost it.
const PLACED: Flags = Flags::IN_MOVED_TO
    .union(Flags::IN_MOVED_FROM)
    .union(Flags::IN_DELETE);

impl Watch {
    /// Begins to watch pods and what they tell. What happens from now on is not missed: make the watch, then list, then wait.
    ///
    /// # Errors
    /// The machine's: no directory to watch can be made, or too many watches.
    pub fn new(store: &Store, namespace: Option<&str>) -> io::Result<Watch> {
        Watch::of_kinds(store, &[Kind::Pod, Kind::Event], namespace)
    }

    /// The same for a reader of one kind.
    ///
    /// # Errors
    /// As there.
    pub fn of_kind(store: &Store, kind: Kind, namespace: Option<&str>) -> io::Result<Watch> {
        Watch::of_kinds(store, &[kind], namespace)
    }

    /// The same for a reader of these kinds: of pods with their status and their processes, of the others their objects.
    ///
    /// # Errors
    /// As there.
    pub fn of_kinds(store: &Store, kinds: &[Kind], namespace: Option<&str>) -> io::Result<Watch> {
        let watch = Watch::over(store, kinds, namespace)?;
        let layout = store.layout();
        if kinds.contains(&Kind::Pod) {
            watch.add(&Folder::make(&layout.statuses())?, PLACED)?;
        }
        if kinds.contains(&Kind::Event) {
            watch.add(&Folder::make(&layout.events())?, PLACED)?;
        }
        Ok(watch)
    }

    /// The same for who only wants to know which pods there are, whether they may run and whether they have a process: what pods
    /// do in between happens much more often.
    ///
    /// # Errors
    /// As there.
    pub fn of_lives(store: &Store) -> io::Result<Watch> {
        Watch::over(store, &[Kind::Pod, Kind::Node, Kind::Namespace], None)
    }

    fn over(store: &Store, kinds: &[Kind], namespace: Option<&str>) -> io::Result<Watch> {
        let watch = Watch {
            inotify: Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?,
            store: store.clone(),
            kinds: kinds.to_vec(),
            namespace: namespace.map(str::to_owned),
        };
        if kinds.contains(&Kind::Pod) {
            // The kernel closes the lock of a process that dies.
            let running = Folder::make(&store.layout().running())?;
            watch.add(&running, PLACED | Flags::IN_CREATE | Flags::IN_CLOSE_WRITE)?;
        }
        watch.add_namespaces()?;
        Ok(watch)
    }

    /// Waits until something may have changed, or `until`. False: the time is over. What changed before it was asked counts too,
    /// once.
    ///
    /// # Errors
    /// The machine's.
    pub fn wait(&mut self, until: Option<Instant>) -> io::Result<bool> {
        loop {
            let timeout = match until.map(|until| until.saturating_duration_since(Instant::now())) {
                None => PollTimeout::NONE,
                // Rounded up, so that it never wakes too early and asks again.
                Some(left) => PollTimeout::try_from(left + Duration::from_micros(999))
                    .unwrap_or(PollTimeout::MAX),
            };
            let mut asked = [PollFd::new(self.inotify.as_fd(), PollFlags::POLLIN)];
            match poll(&mut asked, timeout) {
                Ok(0) => {
                    if until.is_some_and(|until| until <= Instant::now()) {
                        return Ok(false);
                    }
                }
                Ok(_) => {
                    self.drain()?;
                    return Ok(true);
                }
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// For a loop of one's own: readable when [`Watch::wait`] would not wait. Waiting until now then takes what has happened.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }

    fn drain(&self) -> io::Result<()> {
        let mut born = false;
        loop {
            match self.inotify.read_events() {
                Ok(events) => {
                    born |= events.iter().any(|event| {
                        event
                            .mask
                            .intersects(Flags::IN_CREATE | Flags::IN_Q_OVERFLOW | Flags::IN_IGNORED)
                    });
                }
                Err(Errno::EAGAIN) => break,
                Err(error) => return Err(error.into()),
            }
        }
        if born {
            self.add_namespaces()?;
        }
        Ok(())
    }

    /// Watches the namespaces there are, and for those to come. Watching one again changes nothing.
    fn add_namespaces(&self) -> io::Result<()> {
        let objects = Folder::make(&self.store.layout().objects())?;
        for kind in self.kinds.iter().filter(|kind| **kind != Kind::Event) {
            self.add_namespaces_of(&objects.make_sub(kind.plural())?, *kind)?;
        }
        Ok(())
    }

    fn add_namespaces_of(&self, all: &Folder, kind: Kind) -> io::Result<()> {
        self.add(all, Flags::IN_CREATE | Flags::IN_MOVED_TO)?;
        let namespaces = match &self.namespace {
            _ if !kind.namespaced() => vec![names::CLUSTER.to_owned()],
            Some(one) => vec![one.clone()],
            None => all.names()?,
        };
        let known = |name: &&String| names::is_namespace(name) || *name == names::CLUSTER;
        for namespace in namespaces.iter().filter(known) {
            match all.sub(namespace) {
                Ok(folder) => self.add(&folder, PLACED)?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn add(&self, folder: &Folder, flags: Flags) -> io::Result<()> {
        match self
            .inotify
            .add_watch(&folder.handle(), flags | Flags::IN_ONLYDIR)
        {
            // Removed meanwhile, which its parent tells.
            Ok(_) | Err(Errno::ENOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
