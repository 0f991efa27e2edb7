//! A session in the client's hands.

use bytes::Bytes;
use futures::future;
use futures::stream::{self, Stream, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::{oneshot, watch};
use tonic::Streaming;

use super::super::session::{Attach, Ended, Exec, Session, TerminalSize};
use super::super::wire::{Input, Output, proto};
use super::super::{CHUNK, Errand, WINDOW};
use super::{CallError, told};

type Calls = super::PodControlClient<super::Channel>;

pub async fn exec(mut calls: Calls, exec: Exec) -> Result<Session, CallError> {
    let tty = exec.tty;
    let (ours, theirs) = ends(exec.stdin, tty);
    let inputs = theirs.inputs(Input::Exec(exec.into()));
    let outputs = calls.exec(inputs).await?.into_inner();
    Ok(ours.open(outputs, tty))
}

pub async fn attach(mut calls: Calls, attach: Attach) -> Result<Session, CallError> {
    let (ours, theirs) = ends(attach.stdin, false);
    let inputs = theirs.inputs(Input::Attach(attach.into()));
    let outputs = calls.attach(inputs).await?.into_inner();
    Ok(ours.open(outputs, false))
}

/// What the caller holds of the session's input.
struct Ours {
    stdin: Option<DuplexStream>,
    resize: Option<watch::Sender<TerminalSize>>,
    going: oneshot::Sender<()>,
}

/// What is read of it, to be sent.
struct Theirs {
    stdin: Option<DuplexStream>,
    sizes: Option<watch::Receiver<TerminalSize>>,
    gone: oneshot::Receiver<()>,
}

fn ends(stdin: bool, tty: bool) -> (Ours, Theirs) {
    let (our_stdin, their_stdin) = stdin.then(pipe).unzip();
    let (resize, sizes) = tty.then(|| watch::channel(TerminalSize::default())).unzip();
    let (going, gone) = oneshot::channel();
    let ours = Ours {
        stdin: our_stdin,
        resize,
        going,
    };
    let theirs = Theirs {
        stdin: their_stdin,
        sizes,
        gone,
    };
    (ours, theirs)
}

fn pipe() -> (DuplexStream, DuplexStream) {
    tokio::io::duplex(WINDOW as usize)
}

impl Theirs {
    /// Everything that is said to the pod, until the caller goes.
    fn inputs(self, first: Input) -> impl Stream<Item = proto::SessionInput> + Send + 'static {
        let stdin = self.stdin.map(|stdin| typed(stdin).left_stream());
        let stdin = stdin.unwrap_or(stream::empty().right_stream());
        let sizes = self.sizes.map(|sizes| resized(sizes).left_stream());
        let sizes = sizes.unwrap_or(stream::empty().right_stream());
        let said = stream::select(stdin, sizes);
        stream::once(future::ready(first))
            .chain(said)
            .map(Into::into)
            .take_until(self.gone)
    }
}

fn typed(stdin: DuplexStream) -> impl Stream<Item = Input> {
    stream::unfold(Some(stdin), async |stdin| {
        let mut stdin = stdin?;
        let mut bytes = vec![0; CHUNK];
        match stdin.read(&mut bytes).await {
            Ok(length) if length > 0 => {
                bytes.truncate(length);
                Some((Input::Stdin(Bytes::from(bytes)), Some(stdin)))
            }
            _ => Some((Input::StdinClosed(true), None)),
        }
    })
}

fn resized(sizes: watch::Receiver<TerminalSize>) -> impl Stream<Item = Input> {
    stream::unfold(sizes, async |mut sizes| {
        sizes.changed().await.ok()?;
        let size = *sizes.borrow_and_update();
        Some((Input::Size(size.into()), sizes))
    })
}

impl Ours {
    fn open(self, outputs: Streaming<proto::SessionOutput>, tty: bool) -> Session {
        let (stdout, out) = pipe();
        let (stderr, err) = (!tty).then(pipe).unzip();
        let (end, ended) = oneshot::channel();
        let listening = Errand::new(async move {
            let heard = listen(outputs, Some(out), err).await;
            // Nobody may care.
            let _ = end.send(heard);
        });
        Session {
            stdin: self.stdin.map(|stdin| Box::new(stdin) as _),
            stdout: Box::new(stdout),
            stderr: stderr.map(|stderr| Box::new(stderr) as _),
            resize: self.resize,
            ended,
            guard: Box::new((listening, self.going)),
        }
    }
}

/// Hands on what the pod says, and returns its last word.
async fn listen(
    mut outputs: Streaming<proto::SessionOutput>,
    mut out: Option<DuplexStream>,
    mut err: Option<DuplexStream>,
) -> Ended {
    loop {
        match outputs.message().await {
            Ok(Some(message)) => match message.output {
                Some(Output::Stdout(bytes)) => give(&mut out, &bytes).await,
                Some(Output::Stderr(bytes)) => give(&mut err, &bytes).await,
                Some(Output::End(end)) => return end.into(),
                None => {}
            },
            Ok(None) => return lost("it ended the session without a word"),
            Err(status) => return lost(&told(&status)),
        }
    }
}

/// A caller that has closed a stream misses what comes there.
async fn give(to: &mut Option<DuplexStream>, bytes: &[u8]) {
    if let Some(pipe) = to
        && pipe.write_all(bytes).await.is_err()
    {
        *to = None;
    }
}

fn lost(why: &str) -> Ended {
    Ended {
        code: 1,
        message: CallError::Lost(why.to_owned()).to_string(),
    }
}
