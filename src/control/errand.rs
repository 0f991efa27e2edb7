//! A task that belongs to somebody.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::task::JoinHandle;

/// A task that ends, at the latest, when this is dropped.
pub(super) struct Errand(JoinHandle<()>);

impl Errand {
    pub fn new(task: impl Future<Output = ()> + Send + 'static) -> Errand {
        Errand(tokio::spawn(task))
    }

    /// Must not be asked again once it was ready.
    pub fn poll_done(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(cx).map(|_| ())
    }
}

impl Drop for Errand {
    fn drop(&mut self) {
        self.0.abort();
    }
}
