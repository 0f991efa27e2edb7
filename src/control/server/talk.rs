//! A session on its way to the client.

use std::any::Any;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::stream::Stream;
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use tokio::sync::{oneshot, watch};
use tonic::{Status, Streaming};

use super::super::session::{Ended, Reader, Session, TerminalSize, Writer};
use super::super::wire::{Input, Output, proto};
use super::super::{CHUNK, Errand};

/// What a session says, in messages. Read only as fast as the client takes it; dropped when the client has gone, and the
/// session's guard with it.
pub struct Talk {
    /// Both are read in turns, so that neither starves the other. None when it has come to its end.
    readers: [Option<Reader>; 2],
    turn: usize,
    ended: Option<oneshot::Receiver<Ended>>,
    buffer: Box<[u8]>,
    _input: Errand,
    _guard: Box<dyn Any + Send + Sync>,
}

const WRAP: [fn(Bytes) -> Output; 2] = [Output::Stdout, Output::Stderr];

impl Talk {
    pub fn new(session: Session, inputs: Streaming<proto::SessionInput>) -> Talk {
        // On its own: a client that does not read may still write.
        let input = Errand::new(listen(inputs, session.stdin, session.resize));
        Talk {
            readers: [Some(session.stdout), session.stderr],
            turn: 0,
            ended: Some(session.ended),
            buffer: vec![0; CHUNK].into(),
            _input: input,
            _guard: session.guard,
        }
    }

    /// The next piece of one stream; none at its end.
    fn poll_reader(&mut self, which: usize, cx: &mut Context<'_>) -> Poll<Option<Output>> {
        let Some(reader) = &mut self.readers[which] else {
            return Poll::Ready(None);
        };
        let mut buffer = ReadBuf::new(&mut self.buffer);
        let read = ready!(Pin::new(reader).poll_read(cx, &mut buffer));
        if let Err(error) = &read {
            tracing::debug!("a session's output broke: {error}");
        }
        if read.is_err() || buffer.filled().is_empty() {
            self.readers[which] = None;
            return Poll::Ready(None);
        }
        Poll::Ready(Some(WRAP[which](Bytes::copy_from_slice(buffer.filled()))))
    }

    fn poll_output(&mut self, cx: &mut Context<'_>) -> Poll<Option<Output>> {
        let mut pending = false;
        for which in [self.turn, 1 - self.turn] {
            match self.poll_reader(which, cx) {
                Poll::Ready(Some(output)) => {
                    self.turn = 1 - which;
                    return Poll::Ready(Some(output));
                }
                Poll::Ready(None) => {}
                Poll::Pending => pending = true,
            }
        }
        if pending {
            Poll::Pending
        } else {
            Poll::Ready(None)
        }
    }

    /// How the session ended; none when that was said already.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Option<Output>> {
        let Some(ended) = &mut self.ended else {
            return Poll::Ready(None);
        };
        let ended = ready!(Pin::new(ended).poll(cx)).unwrap_or_else(|_| Ended {
            code: 137,
            message: "the session was cut".to_owned(),
        });
        self.ended = None;
        Poll::Ready(Some(Output::End(ended.into())))
    }
}

impl Stream for Talk {
    type Item = Result<proto::SessionOutput, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let output = match ready!(self.poll_output(cx)) {
            Some(output) => Some(output),
            None => ready!(self.poll_end(cx)),
        };
        Poll::Ready(output.map(|output| Ok(output.into())))
    }
}

/// Hands on what the client says, until it says no more.
async fn listen(
    mut inputs: Streaming<proto::SessionInput>,
    mut stdin: Option<Writer>,
    resize: Option<watch::Sender<TerminalSize>>,
) {
    while let Ok(Some(message)) = inputs.message().await {
        match message.input {
            Some(Input::Stdin(bytes)) => give(&mut stdin, &bytes).await,
            Some(Input::StdinClosed(true)) => stdin = None,
            Some(Input::Size(size)) => {
                if let Some(resize) = &resize {
                    resize.send_replace(size.into());
                }
            }
            _ => {}
        }
    }
}

/// A guest that reads no more takes nothing from a client that writes on.
async fn give(stdin: &mut Option<Writer>, bytes: &[u8]) {
    if let Some(writer) = stdin
        && (writer.write_all(bytes).await.is_err() || writer.flush().await.is_err())
    {
        *stdin = None;
    }
}
