//! The other side: what a verb of the command line asks of a pod process.

mod channel;
mod port;
mod session;

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::stream::{BoxStream, StreamExt};
use k8s_openapi::api::core::v1;
use serde::de::DeserializeOwned;
use tonic::{Response, Status};

use super::wire::proto::pod_control_client::PodControlClient;
use super::wire::{self, proto};
use super::{Attach, Duplex, Exec, Identity, MESSAGE, Refusal, Session, socket};
use channel::Channel;

/// How long a call that is answered at once may take. Only a process that was stopped, or a machine that is lost in its
/// swap, takes so long: what is asked then does not come about by waiting.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a call came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Nobody answers at the socket.
    #[error("no pod process answers at {}: {error}", path.display())]
    Unreachable { path: PathBuf, error: io::Error },
    /// The pod process heard the wish and does not fulfil it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The conversation broke.
    #[error("lost the connection to the pod process: {0}")]
    Lost(String),
    /// It is there and does not answer.
    #[error("the pod process did not answer within {} s", PATIENCE.as_secs())]
    Silent,
}

impl From<Status> for CallError {
    fn from(status: Status) -> CallError {
        match wire::refusal(&status) {
            Some(refusal) => CallError::Refused(refusal),
            None => CallError::Lost(told(&status)),
        }
    }
}

/// All that is known of a broken conversation: the transport puts the cause behind its own words.
fn told(status: &Status) -> String {
    let mut text = status.message().to_owned();
    let mut source = std::error::Error::source(status);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Who answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    pub identity: Identity,
    pub pid: i32,
    /// Of the program that the pod process is.
    pub version: String,
}

/// A connection to one pod process. Cheap to clone; closed with the last clone and the last stream that was made by it.
#[derive(Clone)]
pub struct Client {
    calls: PodControlClient<Channel>,
}

impl Client {
    /// Connects to the process that serves the socket at `path`. Needs a tokio runtime that lives as long as the connection
    /// is used.
    ///
    /// # Errors
    /// [`CallError::Unreachable`]: no process listens there.
    pub async fn connect(path: &Path) -> Result<Client, CallError> {
        let channel = async {
            let stream = socket::connect(path).await?;
            Channel::open(stream).await.map_err(io::Error::other)
        };
        let channel = channel.await.map_err(|error| CallError::Unreachable {
            path: path.to_owned(),
            error,
        })?;
        // Where it is has been said; HTTP wants a name all the same.
        let origin = tonic::codegen::http::Uri::from_static("http://pod");
        let calls = PodControlClient::with_origin(channel, origin)
            .max_decoding_message_size(MESSAGE)
            .max_encoding_message_size(MESSAGE);
        Ok(Client { calls })
    }

    pub async fn info(&self) -> Result<Info, CallError> {
        let mut calls = self.calls.clone();
        let info = soon(calls.info(proto::InfoRequest {})).await?;
        Ok(Info {
            identity: Identity {
                namespace: info.namespace,
                name: info.name,
                uid: info.uid,
            },
            pid: info.pid,
            version: info.version,
        })
    }

    /// The status now; with `follow` every one that it changes to as well, until the pod has ended. Whoever reads slowly
    /// misses what lies between.
    pub async fn status(
        &self,
        follow: bool,
    ) -> Result<BoxStream<'static, Result<v1::PodStatus, CallError>>, CallError> {
        let mut calls = self.calls.clone();
        let replies = soon(calls.status(proto::StatusRequest { follow })).await?;
        Ok(replies.map(|reply| read(&reply?.json)).boxed())
    }

    /// Events so far; with `follow` those to come as well, until the pod has ended. One that is counted up comes again: a
    /// later one with the same `metadata.name` replaces it.
    pub async fn events(
        &self,
        follow: bool,
    ) -> Result<BoxStream<'static, Result<v1::Event, CallError>>, CallError> {
        let mut calls = self.calls.clone();
        let replies = soon(calls.events(proto::EventsRequest { follow })).await?;
        Ok(replies.map(|reply| read(&reply?.json)).boxed())
    }

    /// Runs a command in a container's view. It is killed when the session's guard is dropped.
    pub async fn exec(&self, exec: Exec) -> Result<Session, CallError> {
        session::exec(self.calls.clone(), exec).await
    }

    /// Joins the running instance of a container. It is left when the session's guard is dropped.
    pub async fn attach(&self, attach: Attach) -> Result<Session, CallError> {
        session::attach(self.calls.clone(), attach).await
    }

    /// One connection to a port of the pod. Shutting it down ends one direction, dropping it both.
    ///
    /// # Errors
    /// [`Refusal::NotReady`]: nothing listens there.
    pub async fn port_forward(&self, port: u16) -> Result<Box<dyn Duplex>, CallError> {
        port::forward(self.calls.clone(), port).await
    }

    /// Deletes the pod gracefully; returns at once. None: within the grace period of its spec.
    pub async fn stop(&self, grace: Option<Duration>) -> Result<(), CallError> {
        let request = proto::StopRequest {
            grace_period_seconds: grace.map(wire::grace_to_wire),
        };
        let mut calls = self.calls.clone();
        soon(calls.stop(request)).await?;
        Ok(())
    }

    /// Gives the running pod another definition of itself, which must be defaulted and valid.
    pub async fn update(&self, object: &v1::Pod) -> Result<(), CallError> {
        let json = wire::to_json(object).map_err(|error| Refusal::Invalid(error.to_string()))?;
        let mut calls = self.calls.clone();
        soon(calls.update(proto::UpdateRequest { json })).await?;
        Ok(())
    }
}

/// The answer to a call that is answered at once.
async fn soon<T>(call: impl Future<Output = Result<Response<T>, Status>>) -> Result<T, CallError> {
    match tokio::time::timeout(PATIENCE, call).await {
        Ok(answer) => Ok(answer?.into_inner()),
        Err(_) => Err(CallError::Silent),
    }
}

fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T, CallError> {
    wire::from_json(json)
        .map_err(|error| CallError::Lost(format!("its words make no sense: {error}")))
}
