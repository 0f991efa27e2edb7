//! The thread that writes.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1;

use super::super::Layout;
use super::super::disk::Durable;
use super::super::published::{Published, is_terminal, write_events};
use super::{Desk, begin_again};

/// How long a failing disk is left alone before it is tried again: this, then twice as long each time ...
const FIRST_PATIENCE: Duration = Duration::from_millis(250);
/// ... but never longer than this.
const LONGEST_PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(super) struct Writer {
    layout: Layout,
    uid: String,
    /// Version and attempt of what was written last.
    published: Published<'static>,
}

/// What is to be written now.
struct Work {
    status: Option<Arc<v1::PodStatus>>,
    events: Option<Vec<v1::Event>>,
    closing: bool,
}

impl Writer {
    pub fn new(layout: Layout, uid: String, attempt: u32) -> Writer {
        Writer {
            layout,
            uid,
            published: Published {
                sandbox_attempt: attempt,
                ..Published::default()
            },
        }
    }

    /// What an earlier process left as its last word must not be taken for the pod's state while this one sets up. Its
    /// containers' statuses stay: how often they were restarted is told by them alone.
    pub fn take_over(&mut self) -> io::Result<()> {
        let attempt = self.published.sandbox_attempt;
        if let Some(mut earlier) = Published::read(&self.layout, &self.uid)? {
            begin_again(&mut earlier, attempt);
            earlier.write(&self.layout, &self.uid, Durable::No)?;
            self.published.resource_version = earlier.resource_version;
        }
        Ok(())
    }

    /// Writes until there is nothing more to write and nobody who could say more.
    pub fn run(mut self, desk: &Desk) -> io::Result<()> {
        let mut patience = FIRST_PATIENCE;
        loop {
            let work = desk.next_work();
            let written = self.write(&work);
            let mut tray = desk.tray();
            match written {
                Ok(()) => {
                    patience = FIRST_PATIENCE;
                    tray.trouble = None;
                }
                Err(error) => {
                    // Still to be written, unless something newer is there.
                    tray.status = tray.status.take().or(work.status);
                    tray.noted |= work.events.is_some();
                    tray.troubled(format!("write the pod's status: {error}"));
                    if work.closing {
                        let status = tray.status.take();
                        drop(tray);
                        return self.last_resort(status, error);
                    }
                    drop(tray);
                    desk.rest(patience);
                    patience = (patience * 2).min(LONGEST_PATIENCE);
                    continue;
                }
            }
            if work.closing && tray.status.is_none() && !tray.noted {
                return Ok(());
            }
        }
    }

    /// The disk will not be less full for waiting. The last status is what matters; the events stay as they were.
    fn last_resort(
        &mut self,
        status: Option<Arc<v1::PodStatus>>,
        error: io::Error,
    ) -> io::Result<()> {
        let Some(status) = status else {
            tracing::warn!("the pod's last events are not written: {error}");
            return Ok(());
        };
        let mut published = self.published_now(&status);
        published
            .write_over(&self.layout, &self.uid)
            .map_err(|_| error)
    }

    fn published_now<'a>(&self, status: &'a v1::PodStatus) -> Published<'a> {
        Published {
            sandbox_attempt: self.published.sandbox_attempt,
            resource_version: self.published.resource_version.clone(),
            status: Cow::Borrowed(status),
        }
    }

    /// Events first: a reader who is woken by a last status finds what led to it.
    fn write(&mut self, work: &Work) -> io::Result<()> {
        let last = work.status.as_deref().is_some_and(is_terminal);
        let durable = if last || work.closing {
            Durable::Yes
        } else {
            Durable::No
        };
        let noted = match &work.events {
            Some(events) => write_events(&self.layout, &self.uid, events.clone(), durable),
            None => Ok(()),
        };
        // Whatever became of them: the status matters more.
        if let Some(status) = &work.status {
            let mut published = self.published_now(status);
            published.write(&self.layout, &self.uid, durable)?;
            self.published.resource_version = published.resource_version;
        }
        noted
    }
}

impl Desk {
    /// Waits until there is something to write.
    fn next_work(&self) -> Work {
        let idle = |tray: &mut super::Tray| tray.status.is_none() && !tray.noted && !tray.closing;
        let mut tray = self
            .filled
            .wait_while(self.tray(), idle)
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        Work {
            status: tray.status.take(),
            events: std::mem::take(&mut tray.noted).then(|| tray.journal.events()),
            closing: tray.closing,
        }
    }

    /// Lets a failing disk rest, but not one that ends.
    fn rest(&self, patience: Duration) {
        let until = Instant::now() + patience;
        let mut tray = self.tray();
        while !tray.closing {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            (tray, _) = self
                .filled
                .wait_timeout(tray, left)
                .unwrap_or_else(std::sync::PoisonError::into_inner);
        }
    }
}
