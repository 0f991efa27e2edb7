//! Server and client over a real socket, with a pod that is made up.

mod calls;
mod clients;
mod ports;
mod sessions;

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, StreamExt};
use k8s_openapi::api::core::v1;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::*;

/// Enough for anything that happens at all, on however busy a machine.
const LONG: Duration = Duration::from_secs(30);

/// Fails a test that would hang.
async fn soon<T>(event: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(LONG, event).await;
    done.expect("something did not happen")
}

/// What was asked of the made-up pod.
#[derive(Debug, PartialEq)]
enum Asked {
    Stop(Option<Duration>),
    Update(String),
    Exec(Exec),
    Attach(Attach),
    Connect(u16),
    /// A session's guard was dropped.
    Gone,
}

/// The pod's own ends of one session.
struct Guest {
    stdin: Option<DuplexStream>,
    stdout: DuplexStream,
    stderr: Option<DuplexStream>,
    sizes: Option<watch::Receiver<TerminalSize>>,
    ended: oneshot::Sender<Ended>,
}

/// A pod of a test. Refuses what is asked of a container that is named after a refusal.
struct Fake {
    asked: mpsc::UnboundedSender<Asked>,
    guests: mpsc::UnboundedSender<Guest>,
    ports: mpsc::UnboundedSender<DuplexStream>,
    status: watch::Receiver<Arc<v1::PodStatus>>,
    events: Mutex<Vec<BoxStream<'static, v1::Event>>>,
}

/// What the test holds of it.
struct Pod {
    asked: mpsc::UnboundedReceiver<Asked>,
    guests: mpsc::UnboundedReceiver<Guest>,
    ports: mpsc::UnboundedReceiver<DuplexStream>,
    status: watch::Sender<Arc<v1::PodStatus>>,
    path: PathBuf,
    ending: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
    _folder: tempfile::TempDir,
}

fn named(phase: &str) -> Arc<v1::PodStatus> {
    Arc::new(v1::PodStatus {
        phase: Some(phase.to_owned()),
        ..v1::PodStatus::default()
    })
}

fn event(reason: &str) -> v1::Event {
    v1::Event {
        reason: Some(reason.to_owned()),
        ..v1::Event::default()
    }
}

/// Serves a made-up pod with these events, in turns one stream per asker.
fn serving(events: Vec<BoxStream<'static, v1::Event>>) -> Pod {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pod.sock");
    let (asked_in, asked) = mpsc::unbounded_channel();
    let (guests_in, guests) = mpsc::unbounded_channel();
    let (ports_in, ports) = mpsc::unbounded_channel();
    let (status, status_out) = watch::channel(named("Pending"));
    let fake = Fake {
        asked: asked_in,
        guests: guests_in,
        ports: ports_in,
        status: status_out,
        events: Mutex::new(events),
    };
    let (ending, ended) = oneshot::channel();
    let ended = ended.map(|_| ());
    let serving = tokio::spawn(serve(bind(&path).unwrap(), Arc::new(fake), ended));
    Pod {
        asked,
        guests,
        ports,
        status,
        path,
        ending: Some(ending),
        serving,
        _folder: folder,
    }
}

fn pod() -> Pod {
    serving(Vec::new())
}

impl Pod {
    async fn client(&self) -> Client {
        Client::connect(&self.path).await.unwrap()
    }

    async fn asked(&mut self) -> Asked {
        soon(self.asked.recv()).await.unwrap()
    }

    async fn guest(&mut self) -> Guest {
        soon(self.guests.recv()).await.unwrap()
    }

    async fn port(&mut self) -> DuplexStream {
        soon(self.ports.recv()).await.unwrap()
    }

    fn end(&mut self) {
        drop(self.ending.take());
    }
}

/// Tells when the client has let go of a session.
struct Guard(mpsc::UnboundedSender<Asked>);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.send(Asked::Gone);
    }
}

impl Fake {
    fn ask(&self, asked: Asked) {
        let _ = self.asked.send(asked);
    }

    fn session(&self, stdin: bool, tty: bool) -> Session {
        let pipe = || tokio::io::duplex(1024);
        let (stdin, guest_stdin) = stdin.then(pipe).unzip();
        let (stdout, guest_stdout) = pipe();
        let (stderr, guest_stderr) = (!tty).then(pipe).unzip();
        let (resize, sizes) = tty.then(|| watch::channel(TerminalSize::default())).unzip();
        let (end, ended) = oneshot::channel();
        let guest = Guest {
            stdin: guest_stdin,
            stdout: guest_stdout,
            stderr: guest_stderr,
            sizes,
            ended: end,
        };
        let _ = self.guests.send(guest);
        Session {
            stdin: stdin.map(|stdin| Box::new(stdin) as _),
            stdout: Box::new(stdout),
            stderr: stderr.map(|stderr| Box::new(stderr) as _),
            resize,
            ended,
            guard: Box::new(Guard(self.asked.clone())),
        }
    }
}

fn refusal(container: Option<&str>) -> Result<(), Refusal> {
    let why = || "why".to_owned();
    match container {
        Some("unknown") => Err(Refusal::NotFound(why())),
        Some("waiting") => Err(Refusal::NotReady(why())),
        Some("nonsense") => Err(Refusal::Invalid(why())),
        Some("broken") => Err(Refusal::Failed(why())),
        _ => Ok(()),
    }
}

fn ready<T: Send + 'static>(answer: T) -> BoxFuture<'static, T> {
    std::future::ready(answer).boxed()
}

impl Subject for Fake {
    fn identity(&self) -> Identity {
        Identity {
            namespace: "default".into(),
            name: "web".into(),
            uid: "u-1".into(),
        }
    }

    fn status(&self) -> BoxStream<'static, Arc<v1::PodStatus>> {
        let mut status = self.status.clone();
        status.mark_changed();
        stream::unfold(status, async |mut status| {
            status.changed().await.ok()?;
            let now = Arc::clone(&status.borrow_and_update());
            Some((now, status))
        })
        .boxed()
    }

    fn events(&self) -> BoxStream<'static, v1::Event> {
        self.events.lock().unwrap().remove(0)
    }

    fn stop(&self, grace: Option<Duration>) {
        self.ask(Asked::Stop(grace));
    }

    fn update(&self, object: v1::Pod) -> BoxFuture<'static, Result<(), Refusal>> {
        let name = object.metadata.name.unwrap_or_default();
        let answer = refusal(Some(&name));
        self.ask(Asked::Update(name));
        ready(answer)
    }

    fn exec(&self, wish: Exec) -> BoxFuture<'static, Result<Session, Refusal>> {
        let answer = refusal(wish.container.as_deref());
        let answer = answer.map(|()| self.session(wish.stdin, wish.tty));
        self.ask(Asked::Exec(wish));
        ready(answer)
    }

    fn attach(&self, wish: Attach) -> BoxFuture<'static, Result<Session, Refusal>> {
        let answer = refusal(wish.container.as_deref());
        let answer = answer.map(|()| self.session(wish.stdin, false));
        self.ask(Asked::Attach(wish));
        ready(answer)
    }

    fn connect(&self, port: u16) -> BoxFuture<'static, io::Result<Box<dyn Duplex>>> {
        self.ask(Asked::Connect(port));
        if port == 1 {
            return ready(Err(io::ErrorKind::ConnectionRefused.into()));
        }
        let (ours, theirs) = tokio::io::duplex(1024);
        let _ = self.ports.send(theirs);
        ready(Ok(Box::new(ours)))
    }
}

async fn all(mut reader: impl AsyncRead + Unpin) -> String {
    let mut text = String::new();
    soon(reader.read_to_string(&mut text)).await.unwrap();
    text
}

async fn say(writer: &mut (impl AsyncWrite + Unpin), text: &str) {
    soon(writer.write_all(text.as_bytes())).await.unwrap();
    soon(writer.flush()).await.unwrap();
}

async fn hear(reader: &mut (impl AsyncRead + Unpin), length: usize) -> String {
    let mut bytes = vec![0; length];
    soon(reader.read_exact(&mut bytes)).await.unwrap();
    String::from_utf8(bytes).unwrap()
}
