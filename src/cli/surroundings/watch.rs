//! Hearing of changed objects, without asking for them.

use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::Instant;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::watch;

use crate::node::{Store, Watch};
use crate::spec::Kind;

/// Counts changes of objects of these kinds in a namespace, as long as somebody listens. None: there is nothing to watch, or no
/// way to, which is said; then what changes is found when it is looked at for another reason.
pub fn changes(store: &Store, namespace: &str, kinds: &[Kind]) -> Option<watch::Receiver<u64>> {
    if kinds.is_empty() {
        return None;
    }
    let watched = Watch::of_kinds(store, kinds, Some(namespace)).and_then(|watch| {
        // SAFETY: a `Watch` has one descriptor, which it owns: it is open, and the same, until it is dropped, and that is
        // after it was taken out of the loop by the `AsyncFd` that owns it.
        let registered =
            unsafe { AsyncFd::register_with_interest(Readable(watch), Interest::READABLE) };
        registered.map_err(|error| error.into_parts().1)
    });
    match watched {
        Ok(watched) => {
            let (tell, told) = watch::channel(0);
            tokio::spawn(follow(watched, tell));
            Some(told)
        }
        Err(error) => {
            tracing::warn!("changed objects will not be noticed: {error}");
            None
        }
    }
}

struct Readable(Watch);

impl AsRawFd for Readable {
    fn as_raw_fd(&self) -> RawFd {
        self.0.fd().as_fd().as_raw_fd()
    }
}

async fn follow(mut watched: AsyncFd<Readable>, tell: watch::Sender<u64>) {
    loop {
        let ready = tokio::select! {
            ready = watched.readable_mut() => ready,
            () = tell.closed() => return,
        };
        let Ok(mut ready) = ready else { return };
        // Takes what has happened so far.
        let changed = ready.get_inner_mut().0.wait(Some(Instant::now()));
        ready.clear_ready();
        match changed {
            Ok(true) => tell.send_modify(|count| *count += 1),
            Ok(false) => {}
            Err(error) => {
                tracing::warn!("changed objects are not noticed any more: {error}");
                return;
            }
        }
    }
}
