//! A forwarded connection in the client's hands.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::future;
use futures::stream::{self, Stream, StreamExt};
use tokio::io::{
    AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, ReadHalf, WriteHalf,
};
use tonic::Streaming;

use super::super::wire::proto::PortChunk;
use super::super::{CHUNK, Duplex, Errand, WINDOW};
use super::CallError;

type Calls = super::PodControlClient<super::Channel>;

pub async fn forward(mut calls: Calls, port: u16) -> Result<Box<dyn Duplex>, CallError> {
    let (ours, theirs) = tokio::io::duplex(WINDOW as usize);
    let (reader, writer) = tokio::io::split(theirs);
    let chunks = calls.port_forward(said(port, reader)).await?.into_inner();
    let listening = Errand::new(async move {
        if let Err(error) = listen(chunks, writer).await {
            tracing::debug!("a forwarded connection broke: {error}");
        }
    });
    Ok(Box::new(Forwarded {
        pipe: ours,
        _listening: listening,
    }))
}

/// What is written here, as the pod gets it.
fn said(
    port: u16,
    reader: ReadHalf<DuplexStream>,
) -> impl Stream<Item = PortChunk> + Send + 'static {
    let first = PortChunk {
        port: port.into(),
        ..PortChunk::default()
    };
    let rest = stream::unfold(Some(reader), async |reader| {
        let mut reader = reader?;
        let mut data = vec![0; CHUNK];
        let length = reader.read(&mut data).await.unwrap_or(0);
        data.truncate(length);
        let chunk = PortChunk {
            port: 0,
            data: Bytes::from(data),
            closed: length == 0,
        };
        Some((chunk, (length > 0).then_some(reader)))
    });
    stream::once(future::ready(first)).chain(rest)
}

async fn listen(
    mut chunks: Streaming<PortChunk>,
    mut writer: WriteHalf<DuplexStream>,
) -> io::Result<()> {
    while let Some(chunk) = chunks.message().await.map_err(io::Error::other)? {
        writer.write_all(&chunk.data).await?;
        if chunk.closed {
            writer.shutdown().await?;
        }
    }
    Ok(())
}

struct Forwarded {
    pipe: DuplexStream,
    _listening: Errand,
}

impl AsyncRead for Forwarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Forwarded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.pipe).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_shutdown(cx)
    }
}
