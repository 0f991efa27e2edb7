//! Running a command in the view of a running container: a new instance beside it, with its mounts (its root as it is
//! now), environment, network and memory limit.

use std::any::Any;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncWrite, DuplexStream, duplex};
use tokio::sync::{oneshot, watch};

use super::command::{self, Found, Missing};
use super::desk::{Desk, Instance};
use super::launch::last_words;
use crate::control::{Ended, Exec, Refusal, Session, TerminalSize};
use crate::sandbox::toolbox;
use crate::sandbox::wasm::{Code, Exit, Guest, GuestSpec, Output, Program, Sink, Stdin};
use crate::spec::pod::TOOLBOX;

/// What a session holds of its streams; who does not read makes the other side wait.
const STDIN_BYTES: usize = 16 << 10;
const STDOUT_BYTES: usize = 64 << 10;

/// What a shell says of a file that is there and cannot be run.
const CANNOT_RUN: i32 = 126;

impl Desk {
    /// Runs a command in a container's view.
    ///
    /// A command that cannot be found or loaded is a session that has ended, with the exit code a shell would give and a
    /// message.
    ///
    /// # Errors
    /// No such container, not running, no command.
    pub async fn exec(self: &Arc<Desk>, wish: Exec) -> Result<Session, Refusal> {
        let Some(word) = wish.command.first() else {
            // kubectl's words (pkg/cmd/exec/exec.go).
            let why = "you must specify at least one command for the container";
            return Err(Refusal::Invalid(why.to_owned()));
        };
        let instance = self.running(wish.container.as_deref())?;
        match self.program(&instance, word).await {
            Ok(program) => self.launch(instance, &program, wish),
            Err(missing) => Ok(stillborn(&wish, missing)),
        }
    }

    /// The program behind a command, found and loaded. What may take long is done on a thread that may block: neither the
    /// pod nor other sessions wait for it.
    async fn program(
        self: &Arc<Desk>,
        instance: &Arc<Instance>,
        word: &str,
    ) -> Result<Program, Missing> {
        match (command::is_known(instance, word), self.toolbox.get()) {
            (Some(Found::Own), _) => return Ok(instance.program.clone()),
            (Some(Found::Applet), Some(toolbox)) => return Ok(toolbox.clone()),
            _ => {}
        }
        let (desk, instance, word) = (Arc::clone(self), Arc::clone(instance), word.to_owned());
        let loading = tokio::task::spawn_blocking(move || desk.load(&instance, &word));
        loading.await.unwrap_or_else(|error| {
            Err(Missing {
                code: CANNOT_RUN,
                message: format!("the program could not be loaded: {error}"),
            })
        })
    }

    fn load(&self, instance: &Instance, word: &str) -> Result<Program, Missing> {
        let code = match &command::find(instance, word)? {
            Found::Own => return Ok(instance.program.clone()),
            Found::Applet => return self.load_toolbox(),
            Found::File(file) => self.engine.load(
                Code::Opened { name: word, file },
                instance.container().interruptible,
            ),
        };
        code.map_err(|error| cannot_run(word, &anyhow::Error::new(error)))
    }

    fn load_toolbox(&self) -> Result<Program, Missing> {
        if let Some(program) = self.toolbox.get() {
            return Ok(program.clone());
        }
        let code = Code::Bytes {
            name: TOOLBOX,
            wasm: toolbox::WASM,
            digest: Some(toolbox::digest()),
        };
        let program = self
            .engine
            .load(code, true)
            .map_err(|error| cannot_run(TOOLBOX, &anyhow::Error::new(error)))?;
        Ok(self.toolbox.get_or_init(|| program).clone())
    }

    fn launch(
        self: &Arc<Desk>,
        instance: Arc<Instance>,
        program: &Program,
        wish: Exec,
    ) -> Result<Session, Refusal> {
        let gone = || Refusal::NotReady("container is in CONTAINER_EXITED state".to_owned());
        let admission = self.admit()?;
        let network = self.network().ok_or_else(gone)?;
        let container = instance.container();
        let pipes = Pipes::new(&wish);
        let (tell, ended) = oneshot::channel();
        let spec = GuestSpec {
            name: format!("exec-{}", container.name),
            env: environment(&instance.env, &wish),
            argv: wish.command,
            cwd: container.working_dir.clone(),
            mounts: instance.mounts.clone(),
            stdin: pipes.stdin,
            stdout: pipes.stdout,
            stderr: pipes.stderr,
            net: network.attach_with(&container.name, instance.names.clone()),
            // Those of the container listen already.
            listeners: Vec::new(),
            memory_limit: container.resources.memory_limit,
            on_start: Box::new(|| ()),
            on_exit: {
                let keep = Arc::clone(&instance.keep);
                Box::new(move |exit| {
                    drop((keep, admission));
                    // Nobody may be interested any more.
                    let _ = tell.send(end(&exit));
                })
            },
        };
        let guest = program
            .start(spec)
            .map_err(|error| Refusal::Failed(format!("no thread for the command: {error}")))?;
        let guest = Arc::new(guest);
        if !instance.adopt(&guest) {
            // Dropping the handle kills it.
            return Err(gone());
        }
        let (resize, sizes) = resizing(&wish.size, wish.tty);
        Ok(Session {
            stdin: pipes.input,
            stdout: pipes.output,
            stderr: pipes.errors,
            resize,
            ended,
            guard: Box::new(Guard {
                _guest: guest,
                _sizes: sizes,
            }),
        })
    }
}

/// Dropped when the client has gone.
struct Guard {
    /// Dropping it kills the guest.
    _guest: Arc<Guest>,
    /// WASI has no way to tell a guest of its window; whoever tells us is not to be turned away for it.
    _sizes: Option<watch::Receiver<TerminalSize>>,
}

fn resizing(
    size: &Option<TerminalSize>,
    tty: bool,
) -> (
    Option<watch::Sender<TerminalSize>>,
    Option<watch::Receiver<TerminalSize>>,
) {
    let channel = tty.then(|| watch::channel(size.unwrap_or_default()));
    channel.unzip()
}

/// Both ends of a session's streams.
struct Pipes {
    stdin: Stdin,
    stdout: Output,
    stderr: Output,
    input: Option<Box<dyn AsyncWrite + Send + Sync + Unpin>>,
    output: Box<DuplexStream>,
    errors: Option<Box<dyn tokio::io::AsyncRead + Send + Sync + Unpin>>,
}

impl Pipes {
    fn new(wish: &Exec) -> Pipes {
        let (stdin, input): (_, Option<Box<dyn AsyncWrite + Send + Sync + Unpin>>) = if wish.stdin {
            let (ours, theirs) = duplex(STDIN_BYTES);
            let reader = Box::new(theirs);
            let terminal = wish.tty;
            (Stdin::Reader { reader, terminal }, Some(Box::new(ours)))
        } else {
            (Stdin::Null, None)
        };
        let (output, stdout) = pipe();
        let stdout = stdout.terminal(wish.tty);
        // A terminal is one stream.
        let (errors, stderr): (
            Option<Box<dyn tokio::io::AsyncRead + Send + Sync + Unpin>>,
            _,
        ) = if wish.tty {
            (None, stdout.clone())
        } else {
            let (errors, stderr) = pipe();
            (Some(Box::new(errors)), stderr)
        };
        Pipes {
            stdin,
            stdout,
            stderr,
            input,
            output: Box::new(output),
            errors,
        }
    }
}

fn pipe() -> (DuplexStream, Output) {
    let (ours, theirs) = duplex(STDOUT_BYTES);
    (ours, Output::to(Arc::new(Pipe(Mutex::new(theirs)))))
}

/// The guest's end of a pipe. Its reader finds the end when the last of these has gone with the guest.
struct Pipe(Mutex<DuplexStream>);

impl Sink for Pipe {
    fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut stream = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Pin::new(&mut *stream).poll_write(cx, bytes)
    }
}

/// The container's, and what a terminal adds: containerd sets TERM too (`internal/cri/server/container_exec.go`); the size
/// is what shells export.
fn environment(own: &[(String, String)], wish: &Exec) -> Vec<(String, String)> {
    let mut env = own.to_vec();
    let mut add = |name: &str, value: String| {
        if !env.iter().any(|(known, _)| known == name) {
            env.push((name.to_owned(), value));
        }
    };
    if wish.tty {
        add("TERM", "xterm".to_owned());
        if let Some(size) = wish.size.filter(|size| size.columns > 0 && size.rows > 0) {
            add("COLUMNS", size.columns.to_string());
            add("LINES", size.rows.to_string());
        }
    }
    env
}

fn end(exit: &Exit) -> Ended {
    let message = match exit {
        Exit::Failed(why) => why.clone(),
        other => last_words(other),
    };
    Ended {
        code: exit.code(),
        message,
    }
}

fn cannot_run(word: &str, error: &anyhow::Error) -> Missing {
    Missing {
        code: CANNOT_RUN,
        message: format!("exec: {word:?}: {error:#}"),
    }
}

/// A session of a command that never began.
fn stillborn(wish: &Exec, missing: Missing) -> Session {
    let Missing { code, message } = missing;
    let (tell, ended) = oneshot::channel();
    let _ = tell.send(Ended { code, message });
    let (resize, sizes) = resizing(&wish.size, wish.tty);
    Session {
        stdin: wish.stdin.then(|| Box::new(tokio::io::sink()) as _),
        stdout: Box::new(tokio::io::empty()),
        stderr: (!wish.tty).then(|| Box::new(tokio::io::empty()) as _),
        resize,
        ended,
        guard: Box::new(sizes) as Box<dyn Any + Send + Sync>,
    }
}
