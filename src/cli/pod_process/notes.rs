//! Writing down what becomes of the pod, from the moment there is something to write in.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::stream::{self, BoxStream, StreamExt};
use k8s_openapi::api::core::v1;
use tokio::sync::broadcast::{Receiver, error::RecvError};

use crate::node::Record;
use crate::pod::{self, Ending, Event, Handle, StatusStream, TellTrouble};
use crate::spec::pod::Pod as Spec;

/// The pod's [`Record`], for all who have something to note in it. Cheap to clone.
#[derive(Clone)]
pub struct Notes(Arc<Shared>);

struct Shared {
    /// None before it was opened and after it was closed.
    record: Mutex<Option<Record>>,
    ending: Ending,
}

impl Notes {
    pub fn new(ending: Ending) -> Notes {
        Notes(Arc::new(Shared {
            record: Mutex::new(None),
            ending,
        }))
    }

    pub fn open(&self, record: Record) {
        *self.record() = Some(record);
    }

    /// Writes what is left to write. Whoever follows the events hears their end.
    pub fn close(&self) -> io::Result<()> {
        let record = self.record().take();
        record.map_or(Ok(()), Record::finish)
    }

    fn record(&self) -> MutexGuard<'_, Option<Record>> {
        // Set and taken in one step each.
        self.0.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn event(&self, event: Event) {
        if let Some(record) = &*self.record() {
            record.event(event);
        }
    }

    /// Notes what the pod says of itself from now on, until it has said its last.
    pub fn follow(self, pod: Handle) -> impl Future<Output = ()> + Send + 'static {
        // Before the future is first asked: the pod may be the first to be asked.
        let (status, events) = (pod.status(), pod.events());
        async move {
            tokio::join!(self.follow_status(status), self.follow_events(&pod, events));
        }
    }

    async fn follow_status(&self, mut all: StatusStream) {
        while let Some(status) = all.next().await {
            if let Some(record) = &*self.record() {
                record.status(self.0.ending.show(status));
            }
        }
    }

    async fn follow_events(&self, pod: &Handle, mut all: Receiver<Event>) {
        loop {
            match all.recv().await {
                Ok(event) => {
                    if let Some(record) = &*self.record() {
                        // It may be about a container that was added since.
                        record.spec(pod.spec());
                        record.event(event);
                    }
                }
                Err(RecvError::Lagged(missed)) => tracing::warn!("{missed} events were missed"),
                Err(RecvError::Closed) => return,
            }
        }
    }

    /// Makes an event of what goes wrong with a container's log.
    pub fn trouble(self, spec: Arc<Spec>) -> TellTrouble {
        Box::new(move |container, trouble| {
            self.event(pod::log_trouble(&spec, container, trouble));
        })
    }

    /// The events as clients hear them.
    pub fn source(self) -> pod::EventSource {
        Box::new(move || match &*self.record() {
            Some(record) => {
                let (so_far, coming) = record.subscribe();
                stream::iter(so_far).chain(counted(coming)).boxed()
            }
            None => stream::empty().boxed(),
        })
    }
}

/// A client that is too slow misses some; the count in a later one makes up for it.
fn counted(coming: Receiver<v1::Event>) -> BoxStream<'static, v1::Event> {
    stream::unfold(coming, async |mut coming| {
        loop {
            match coming.recv().await {
                Ok(event) => return Some((event, coming)),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    })
    .boxed()
}
