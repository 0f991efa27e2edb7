//! The calls of the protocol, answered by the [`Subject`].

use std::sync::Arc;
use std::task::Poll;

use futures::stream::{self, BoxStream, Stream, StreamExt};
use serde::Serialize;
use tonic::{Request, Response, Status, Streaming};

use super::super::Subject;
use super::super::wire::{self, Input, proto};
use super::port::Forward;
use super::talk::Talk;

/// The answers of one pod.
pub struct Answers {
    subject: Arc<dyn Subject>,
}

impl Answers {
    pub fn new(subject: Arc<dyn Subject>) -> Answers {
        Answers { subject }
    }
}

type Reply<T> = Result<Response<T>, Status>;
type Replies<T> = BoxStream<'static, Result<T, Status>>;

#[tonic::async_trait]
impl proto::pod_control_server::PodControl for Answers {
    type StatusStream = Replies<proto::StatusReply>;
    type EventsStream = Replies<proto::EventReply>;
    type ExecStream = Talk;
    type AttachStream = Talk;
    type PortForwardStream = Forward;

    async fn info(&self, _: Request<proto::InfoRequest>) -> Reply<proto::InfoReply> {
        Ok(Response::new(self.subject.identity().into()))
    }

    async fn status(&self, request: Request<proto::StatusRequest>) -> Reply<Self::StatusStream> {
        let follow = request.into_inner().follow;
        let count = if follow { usize::MAX } else { 1 };
        let replies = self.subject.status().take(count);
        let replies = replies.map(|status| {
            let json = json(&*status)?;
            Ok(proto::StatusReply { json })
        });
        Ok(Response::new(replies.boxed()))
    }

    async fn events(&self, request: Request<proto::EventsRequest>) -> Reply<Self::EventsStream> {
        let events = self.subject.events();
        let events = if request.into_inner().follow {
            events
        } else {
            so_far(events).boxed()
        };
        let replies = events.map(|event| {
            let json = json(&event)?;
            Ok(proto::EventReply { json })
        });
        Ok(Response::new(replies.boxed()))
    }

    async fn exec(&self, request: Request<Streaming<proto::SessionInput>>) -> Reply<Talk> {
        let mut inputs = request.into_inner();
        let Some(Input::Exec(start)) = first(&mut inputs).await? else {
            return Err(Status::invalid_argument("the first input must be exec"));
        };
        let session = self.subject.exec(start.into()).await;
        let session = session.map_err(|refusal| wire::status(&refusal))?;
        Ok(Response::new(Talk::new(session, inputs)))
    }

    async fn attach(&self, request: Request<Streaming<proto::SessionInput>>) -> Reply<Talk> {
        let mut inputs = request.into_inner();
        let Some(Input::Attach(start)) = first(&mut inputs).await? else {
            return Err(Status::invalid_argument("the first input must be attach"));
        };
        let session = self.subject.attach(start.into()).await;
        let session = session.map_err(|refusal| wire::status(&refusal))?;
        Ok(Response::new(Talk::new(session, inputs)))
    }

    async fn port_forward(&self, request: Request<Streaming<proto::PortChunk>>) -> Reply<Forward> {
        let mut chunks = request.into_inner();
        let first = chunks.message().await?.unwrap_or_default();
        let port = u16::try_from(first.port).ok().filter(|port| *port != 0);
        let port = port.ok_or_else(|| {
            Status::invalid_argument(format!("port {}: must be 1 to 65535", first.port))
        })?;
        let connection = self.subject.connect(port).await;
        // No port of a pod refuses for good: something may listen there in a moment.
        let connection =
            connection.map_err(|error| Status::failed_precondition(error.to_string()))?;
        Ok(Response::new(Forward::new(connection, first, chunks)))
    }

    async fn stop(&self, request: Request<proto::StopRequest>) -> Reply<proto::StopReply> {
        let grace = request.into_inner().grace_period_seconds;
        self.subject.stop(grace.map(wire::grace_from_wire));
        Ok(Response::new(proto::StopReply {}))
    }

    async fn update(&self, request: Request<proto::UpdateRequest>) -> Reply<proto::UpdateReply> {
        let object = wire::from_json(&request.into_inner().json);
        let object = object.map_err(|error| {
            Status::invalid_argument(format!("the new definition cannot be read: {error}"))
        })?;
        let updated = self.subject.update(object).await;
        updated.map_err(|refusal| wire::status(&refusal))?;
        Ok(Response::new(proto::UpdateReply {}))
    }
}

async fn first(inputs: &mut Streaming<proto::SessionInput>) -> Result<Option<Input>, Status> {
    Ok(inputs.message().await?.and_then(|message| message.input))
}

fn json(object: &impl Serialize) -> Result<bytes::Bytes, Status> {
    wire::to_json(object).map_err(|error| Status::internal(error.to_string()))
}

/// What a stream has ready at once.
fn so_far<T: 'static>(mut all: BoxStream<'static, T>) -> impl Stream<Item = T> + Send + 'static {
    stream::poll_fn(move |cx| match all.poll_next_unpin(cx) {
        Poll::Pending => Poll::Ready(None),
        ready => ready,
    })
}
