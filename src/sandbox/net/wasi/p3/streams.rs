//! What moves between a guest's streams and the network: accepted sockets, received bytes, sent bytes.
//!
//! Each is polled by the store's event loop. `finish` says that the guest gave up waiting: then "not yet" becomes "cancelled". A buffer
//! without room, or without bytes, asks only whether one would be of use.

use super::super::fault::Fault;
use super::super::tcp::Tcp;
use super::super::{NetCtxView, lent};
use crate::sandbox::net::{TcpListener, TcpReader, TcpWriter};
use bytes::BytesMut;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::oneshot;
use wasmtime::component::{
    Destination, Resource, Source, StreamConsumer, StreamProducer, StreamResult,
};
use wasmtime::{AsContextMut as _, StoreContextMut};
use wasmtime_wasi::p3::bindings::sockets::types::{ErrorCode, TcpSocket};

/// The most that is moved at once when the guest does not itself say how much.
const CHUNK: usize = 64 * 1024;

/// Answers a poll that had nothing to give.
fn not_yet(finish: bool) -> Poll<wasmtime::Result<StreamResult>> {
    if finish {
        Poll::Ready(Ok(StreamResult::Cancelled))
    } else {
        Poll::Pending
    }
}

/// Answers a poll that only asked for readiness.
fn readiness(ready: Poll<()>, finish: bool) -> Poll<wasmtime::Result<StreamResult>> {
    match ready {
        Poll::Ready(()) => Poll::Ready(Ok(StreamResult::Completed)),
        Poll::Pending => not_yet(finish),
    }
}

/// Where the outcome of a whole direction is reported: once, and "all well" if nothing was said before the end.
pub(super) struct Report(Option<oneshot::Sender<Result<(), ErrorCode>>>);

impl Report {
    pub fn new(to: oneshot::Sender<Result<(), ErrorCode>>) -> Report {
        Report(Some(to))
    }

    fn tell(&mut self, outcome: Result<(), ErrorCode>) {
        if let Some(to) = self.0.take() {
            // The guest may have dropped the future: it does not want to know.
            let _ = to.send(outcome);
        }
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        self.tell(Ok(()));
    }
}

/// Connections as they are accepted, each a socket in the guest's table.
pub(super) struct Accepting<T: 'static> {
    pub listener: TcpListener,
    pub view: fn(&mut T) -> NetCtxView<'_>,
}

impl<T: Send + 'static> StreamProducer<T> for Accepting<T> {
    type Item = Resource<TcpSocket>;
    type Buffer = Option<Self::Item>;

    fn poll_produce<'a>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut store: StoreContextMut<'a, T>,
        mut room: Destination<'a, Self::Item, Self::Buffer>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        if room.remaining(&mut store) == Some(0) {
            return readiness(self.listener.poll_ready(cx), finish);
        }
        let stream = match self.listener.poll_accept(cx) {
            Poll::Ready(Ok(stream)) => stream,
            // The listener is no more (the container ends); a stream of sockets has no other way to say so.
            Poll::Ready(Err(_)) => return Poll::Ready(Ok(StreamResult::Dropped)),
            Poll::Pending => return not_yet(finish),
        };
        let socket = (self.view)(store.data_mut())
            .table
            .push(Tcp::accepted(stream))?;
        room.set_buffer(Some(lent(socket)));
        Poll::Ready(Ok(StreamResult::Completed))
    }
}

/// Bytes from the peer. Dropping it shuts receiving down.
pub(super) struct Receiving {
    reader: Option<TcpReader>,
    report: Report,
}

impl Receiving {
    pub fn new(reader: TcpReader, report: Report) -> Receiving {
        Receiving {
            reader: Some(reader),
            report,
        }
    }

    fn end(&mut self, outcome: Result<(), ErrorCode>) -> Poll<wasmtime::Result<StreamResult>> {
        self.reader = None;
        self.report.tell(outcome);
        Poll::Ready(Ok(StreamResult::Dropped))
    }
}

impl<T: 'static> StreamProducer<T> for Receiving {
    type Item = u8;
    type Buffer = BytesMut;

    fn poll_produce<'a>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut store: StoreContextMut<'a, T>,
        room: Destination<'a, Self::Item, Self::Buffer>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        let Some(reader) = &self.reader else {
            return Poll::Ready(Ok(StreamResult::Dropped));
        };
        if room.remaining(store.as_context_mut()) == Some(0) {
            return readiness(reader.poll_ready(cx), finish);
        }
        let mut room = room.as_direct(store, CHUNK);
        match reader.poll_read(cx, room.remaining()) {
            Poll::Ready(Ok(0)) => self.end(Ok(())),
            Poll::Ready(Ok(count)) => {
                room.mark_written(count);
                Poll::Ready(Ok(StreamResult::Completed))
            }
            Poll::Ready(Err(error)) => self.end(Err(Fault::from(error).into())),
            Poll::Pending => not_yet(finish),
        }
    }
}

/// Bytes for the peer. Dropping it, when the guest's stream ends, sends the end after them.
pub(super) struct Sending {
    writer: Option<TcpWriter>,
    report: Report,
}

impl Sending {
    pub fn new(writer: TcpWriter, report: Report) -> Sending {
        Sending {
            writer: Some(writer),
            report,
        }
    }
}

impl<T: 'static> StreamConsumer<T> for Sending {
    type Item = u8;

    fn poll_consume(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        store: StoreContextMut<'_, T>,
        bytes: Source<'_, Self::Item>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        let Some(writer) = &self.writer else {
            return Poll::Ready(Ok(StreamResult::Dropped));
        };
        let mut bytes = bytes.as_direct(store);
        if bytes.remaining().is_empty() {
            return readiness(writer.poll_ready(cx), finish);
        }
        match writer.poll_write(cx, bytes.remaining()) {
            Poll::Ready(Ok(count)) => {
                bytes.mark_read(count);
                Poll::Ready(Ok(StreamResult::Completed))
            }
            Poll::Ready(Err(error)) => {
                self.writer = None;
                self.report.tell(Err(Fault::from(error).into()));
                Poll::Ready(Ok(StreamResult::Dropped))
            }
            Poll::Pending => not_yet(finish),
        }
    }
}
