//! What the pod's process writes down: its status and its events, by a thread of its own, so that a slow or full disk
//! never holds up the pod.
//!
//! The newest status wins; what came between two writes is never seen. A write that fails is tried again, and said in the pod's
//! events. Only a last status is made to outlive a power failure before its file is shown: after one the pod's
//! process is gone anyway, and any other status counts as lost.

mod journal;
mod writer;

#[cfg(test)]
mod tests;

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use k8s_openapi::api::core::v1;
use tokio::sync::broadcast;

use super::Layout;
use super::disk::Folder;
use super::published::{Published, read_events};
use crate::lifecycle::Event;
use crate::spec::pod::Pod as Spec;
use journal::Journal;
use writer::Writer;

/// Events kept for a subscriber that is slow to read them.
const BACKLOG: usize = 256;

/// The pod process' pen.
#[derive(Debug)]
pub struct Record {
    desk: Arc<Desk>,
    writer: Option<JoinHandle<io::Result<()>>>,
}

/// What is to be written, between those who say it and the one who writes.
#[derive(Debug)]
struct Desk {
    tray: Mutex<Tray>,
    filled: Condvar,
}

#[derive(Debug)]
struct Tray {
    /// The newest status, if it is not written yet.
    status: Option<Arc<v1::PodStatus>>,
    journal: Journal,
    /// Something in the journal is not written yet.
    noted: bool,
    closing: bool,
    /// Why the disk does not have what it should.
    trouble: Option<String>,
    feed: broadcast::Sender<v1::Event>,
}

impl Record {
    /// Takes up the record of a pod: its events go on where an earlier process left them, and what that said last is no longer
    /// the pod's status. `attempt` counts the processes before this one.
    pub fn open(layout: &Layout, object: &v1::Pod, spec: Arc<Spec>, attempt: u32) -> Record {
        let uid = spec.uid.clone();
        let mut writer = Writer::new(layout.clone(), uid.clone(), attempt);
        let earlier = earlier_events(layout, &uid);
        let trouble = writer.take_over().err().map(|error| error.to_string());
        let desk = Arc::new(Desk {
            tray: Mutex::new(Tray {
                status: None,
                journal: Journal::new(spec, object, earlier),
                noted: false,
                closing: false,
                trouble: None,
                feed: broadcast::Sender::new(BACKLOG),
            }),
            filled: Condvar::new(),
        });
        if let Some(trouble) = trouble {
            desk.tray().troubled(trouble);
        }
        let thread = thread::Builder::new()
            .name("record".to_owned())
            .stack_size(256 << 10)
            .spawn({
                let desk = Arc::clone(&desk);
                move || writer.run(&desk)
            });
        let writer = match thread {
            Ok(thread) => Some(thread),
            Err(error) => {
                desk.tray().troubled(format!("start a thread: {error}"));
                None
            }
        };
        Record { desk, writer }
    }

    /// The pod's status is this now.
    pub fn status(&self, status: Arc<v1::PodStatus>) {
        self.desk.tray().status = Some(status);
        self.desk.filled.notify_one();
    }

    /// The pod is defined so now: events to come may be about containers that it did not have before.
    pub fn spec(&self, spec: Arc<Spec>) {
        self.desk.tray().journal.define(spec);
    }

    /// Counts an event in.
    pub fn event(&self, event: Event) {
        self.desk.tray().note(event);
        self.desk.filled.notify_one();
    }

    /// The events so far, counted, in order of first appearance.
    pub fn events(&self) -> Vec<v1::Event> {
        self.desk.tray().journal.events()
    }

    /// The events so far, and then those to come; none is missed or told twice.
    pub fn subscribe(&self) -> (Vec<v1::Event>, broadcast::Receiver<v1::Event>) {
        let tray = self.desk.tray();
        (tray.journal.events(), tray.feed.subscribe())
    }

    /// Why the disk does not have what it should, while that is so. Also among the events.
    pub fn trouble(&self) -> Option<String> {
        self.desk.tray().trouble.clone()
    }

    /// Writes what is left to write, and ends.
    ///
    /// # Errors
    /// The disk does not have the last status. (That it lacks the last events is only said.)
    pub fn finish(mut self) -> io::Result<()> {
        self.close()
    }

    fn close(&mut self) -> io::Result<()> {
        self.desk.tray().closing = true;
        self.desk.filled.notify_one();
        match self.writer.take().map(JoinHandle::join) {
            Some(Ok(written)) => written,
            Some(Err(_)) => Err(io::Error::other("the thread that writes has panicked")),
            None => Ok(()),
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::error!("the pod's last status is not written: {error}");
        }
    }
}

impl Desk {
    fn tray(&self) -> MutexGuard<'_, Tray> {
        // Nothing in it is ever half done.
        self.tray.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tray {
    fn note(&mut self, event: Event) {
        if let Some(event) = self.journal.record(event) {
            self.noted = true;
            // Nobody listening is fine.
            let _ = self.feed.send(event);
        }
    }

    /// Says once that the disk fails, until it works again.
    fn troubled(&mut self, trouble: String) {
        if self.trouble.is_none() {
            tracing::warn!("{trouble}");
            self.note(journal::failed_to_write(&trouble));
        }
        self.trouble = Some(trouble);
    }
}

fn earlier_events(layout: &Layout, uid: &str) -> Vec<v1::Event> {
    let read = Folder::open(&layout.events())
        .and_then(|folder| read_events(&folder, &format!("{uid}.json"), &mut Vec::new()));
    // Then they are lost; what comes is not.
    read.unwrap_or_default()
}

/// Counts in an event of a pod that has no process of its own any more.
pub(super) fn note_after_death(layout: &Layout, object: &v1::Pod, event: Event) -> io::Result<()> {
    let uid = object.metadata.uid.as_deref().unwrap_or_default();
    let mut journal = Journal::of_object(object, earlier_events(layout, uid));
    journal.record(event);
    super::published::write_events(layout, uid, journal.events(), super::disk::Durable::Yes)
}

/// What an earlier process said last, made the beginning of a new one.
fn begin_again(published: &mut Published<'static>, attempt: u32) {
    let status = published.status.to_mut();
    status.phase = Some("Pending".to_owned());
    (status.reason, status.message) = (None, None);
    published.sandbox_attempt = attempt;
}
