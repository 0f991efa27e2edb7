//! One connection to a port of the pod, on its way to the client.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::stream::Stream;
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf, ReadHalf, WriteHalf};
use tonic::{Status, Streaming};

use super::super::wire::proto::PortChunk;
use super::super::{CHUNK, Duplex, Errand};

/// What the pod says on the connection. Each direction ends on its own; the conversation is over when both have.
pub struct Forward {
    reader: Option<ReadHalf<Box<dyn Duplex>>>,
    buffer: Box<[u8]>,
    input: Errand,
}

impl Forward {
    /// `first` may carry data already.
    pub fn new(
        connection: Box<dyn Duplex>,
        first: PortChunk,
        chunks: Streaming<PortChunk>,
    ) -> Forward {
        let (reader, writer) = tokio::io::split(connection);
        Forward {
            reader: Some(reader),
            buffer: vec![0; CHUNK].into(),
            input: Errand::new(async move {
                if let Err(error) = hand_on(writer, first, chunks).await {
                    tracing::debug!("a forwarded connection broke: {error}");
                }
            }),
        }
    }
}

impl Stream for Forward {
    type Item = Result<PortChunk, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let Some(reader) = &mut this.reader else {
            ready!(this.input.poll_done(cx));
            return Poll::Ready(None);
        };
        let mut buffer = ReadBuf::new(&mut this.buffer);
        if let Err(error) = ready!(Pin::new(reader).poll_read(cx, &mut buffer)) {
            return Poll::Ready(Some(Err(Status::aborted(error.to_string()))));
        }
        let data = Bytes::copy_from_slice(buffer.filled());
        let closed = data.is_empty();
        if closed {
            this.reader = None;
        }
        Poll::Ready(Some(Ok(PortChunk {
            port: 0,
            data,
            closed,
        })))
    }
}

/// What the client says on the connection, until it says no more.
async fn hand_on(
    mut writer: WriteHalf<Box<dyn Duplex>>,
    first: PortChunk,
    mut chunks: Streaming<PortChunk>,
) -> io::Result<()> {
    let mut next = Some(first);
    while let Some(chunk) = next {
        writer.write_all(&chunk.data).await?;
        writer.flush().await?;
        if chunk.closed {
            break;
        }
        // A client that broke off has closed too: the connection goes with the conversation.
        next = chunks.message().await.unwrap_or_default();
    }
    writer.shutdown().await
}
