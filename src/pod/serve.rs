//! A running pod as the subject of conversations.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, StreamExt};
use k8s_openapi::api::core::v1;

use super::{Ending, Handle, StatusStream, now};
use crate::control::{Attach, Duplex, Exec, Identity, Refusal, Session, Subject};
use crate::spec::pod::Pod as Spec;
use crate::spec::{self, Complaints};

/// Gives the events of a pod so far, all ready at once, and then those to come.
pub type EventSource = Box<dyn Fn() -> BoxStream<'static, v1::Event> + Send + Sync>;

/// Answers for a running pod.
pub struct Served {
    handle: Handle,
    events: EventSource,
    ending: Ending,
    /// While there is one of these, the status is built whenever it changes, and so is known when somebody asks.
    _status: StatusStream,
}

impl Served {
    pub fn new(handle: Handle, events: EventSource, ending: Ending) -> Served {
        Served {
            _status: handle.status(),
            handle,
            events,
            ending,
        }
    }

    /// What was stored, made ready to run in place of what runs.
    fn redefined(&self, object: v1::Pod) -> Result<Spec, Refusal> {
        let old = self.handle.spec();
        let written = object.metadata.creation_timestamp.as_ref();
        let created = written.or(old.object.metadata.creation_timestamp.as_ref());
        let created = created.map_or_else(now, |time| time.0);
        // A stored object names no relative path.
        let new = spec::resolve(object, Path::new("/"), old.uid.clone(), created);
        let mut new = new.map_err(invalid)?;
        if (&new.namespace, &new.name) != (&old.namespace, &old.name) {
            return Err(Refusal::Invalid(format!(
                "pod {}/{} cannot become {}/{}",
                old.namespace, old.name, new.namespace, new.name
            )));
        }
        // On the machine's network it has the machine's name, and keeps it.
        new.hostname.clone_from(&old.hostname);
        Ok(new)
    }
}

fn invalid(complaints: Complaints) -> Refusal {
    Refusal::Invalid(complaints.to_string())
}

impl Subject for Served {
    fn identity(&self) -> Identity {
        let spec = self.handle.spec();
        Identity {
            namespace: spec.namespace.clone(),
            name: spec.name.clone(),
            uid: spec.uid.clone(),
        }
    }

    fn status(&self) -> BoxStream<'static, Arc<v1::PodStatus>> {
        let all = stream::unfold(self.handle.status_from_now(), async |mut all| {
            Some((all.next().await?, all))
        });
        // Before the first plan there is none.
        let all = all.filter(|status| std::future::ready(status.phase.is_some()));
        let ending = self.ending.clone();
        all.map(move |status| ending.show(status)).boxed()
    }

    fn events(&self) -> BoxStream<'static, v1::Event> {
        (self.events)()
    }

    fn stop(&self, grace: Option<Duration>) {
        self.handle.stop(grace);
    }

    fn update(&self, object: v1::Pod) -> BoxFuture<'static, Result<(), Refusal>> {
        let updated = self
            .redefined(object)
            .and_then(|spec| self.handle.update(Arc::new(spec)).map_err(invalid));
        std::future::ready(updated).boxed()
    }

    fn exec(&self, wish: Exec) -> BoxFuture<'static, Result<Session, Refusal>> {
        let handle = self.handle.clone();
        async move { handle.exec(wish).await }.boxed()
    }

    fn attach(&self, wish: Attach) -> BoxFuture<'static, Result<Session, Refusal>> {
        let handle = self.handle.clone();
        async move { handle.attach(wish).await }.boxed()
    }

    fn connect(&self, port: u16) -> BoxFuture<'static, io::Result<Box<dyn Duplex>>> {
        let handle = self.handle.clone();
        async move { handle.connect(port).await }.boxed()
    }
}

impl Handle {
    /// [`Handle::status`], beginning with the status now.
    fn status_from_now(&self) -> StatusStream {
        let mut stream = self.status();
        stream.snapshots.mark_changed();
        stream
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::pod::Pod;

    fn object(name: &str) -> v1::Pod {
        serde_json::from_value(json!({
            "metadata": {"name": name, "namespace": "default"},
            "spec": {"containers": [{"name": "c", "image": "wasmpod/toolbox"}]},
        }))
        .unwrap()
    }

    fn simulated() -> (Pod, Served) {
        let spec = spec::resolve(object("web"), Path::new("/"), "u-1".into(), now()).unwrap();
        let pod = Pod::simulate(Arc::new(spec), "node".into()).unwrap();
        let events: EventSource = Box::new(|| stream::empty().boxed());
        let served = Served::new(pod.handle(), events, Ending::default());
        (pod, served)
    }

    #[tokio::test]
    async fn whoever_asks_hears_the_status_now_also_when_nothing_changes_any_more() {
        let (pod, served) = simulated();
        // There is none before the pod has thought about itself for the first time.
        assert!(served.status().next().now_or_never().is_none());
        let early = served.status();
        pod.run().await;
        let early: Vec<_> = early.collect().await;
        let late: Vec<_> = served.status().collect().await;
        assert_eq!(late.len(), 1);
        assert_eq!(early.last(), late.last());
        // Simulated containers run until they are stopped.
        assert_eq!(late[0].phase.as_deref(), Some("Failed"));
    }

    #[tokio::test]
    async fn a_pod_becomes_no_other_and_no_nonsense() {
        let (_pod, served) = simulated();
        let error = served.update(object("other")).await.unwrap_err();
        let text = "pod default/web cannot become default/other";
        assert_eq!(error, Refusal::Invalid(text.into()));
        let mut nonsense = object("web");
        nonsense.spec.as_mut().unwrap().containers.clear();
        let error = served.update(nonsense).await.unwrap_err();
        assert!(matches!(error, Refusal::Invalid(_)), "{error}");
        served.update(object("web")).await.unwrap();
    }
}
