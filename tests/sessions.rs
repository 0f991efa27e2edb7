//! Sessions with the containers of a running pod: execute, attach, connect. By the library, with real guests.

mod common;

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use k8s_openapi::api::core::v1::{ContainerState, PodStatus};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wasmpod::control::{Attach, Ended, Exec, Refusal, Session};
use wasmpod::pod::{
    Alone, Compiler, Dirs, Handle, Images, Options, Outcome, Pod, Silent, StatusStream, StdinFrom,
};
use wasmpod::spec::{self, LoadedPod, Source, Validate};

use common::{container, guest, pod};

/// A pod on a thread of its own, as a pod process has it.
struct Living {
    handle: Handle,
    /// Of the time before it ran, for a status is only built for those who listen already.
    status: StatusStream,
    thread: Option<JoinHandle<Outcome>>,
    _state: tempfile::TempDir,
}

impl Living {
    /// Starts a pod and waits until its containers run.
    async fn start(manifest: impl ToString) -> Living {
        let mut living = Living::begin(manifest);
        living
            .until(|status| {
                let containers = status.container_statuses.iter().flatten();
                let mut states = containers.filter_map(|c| c.state.as_ref());
                status.phase.as_deref() == Some("Running")
                    && states.all(|state| state.running.is_some())
            })
            .await;
        living
    }

    fn begin(manifest: impl ToString) -> Living {
        let state = tempfile::tempdir().unwrap();
        let (root, text) = (state.path().to_owned(), manifest.to_string());
        let (tell, handle) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            block_on(async {
                let pod = build(&root, &text);
                tell.send((pod.handle(), pod.handle().status())).unwrap();
                pod.run().await
            })
        });
        let (handle, status) = handle.recv().unwrap();
        Living {
            handle,
            status,
            thread: Some(thread),
            _state: state,
        }
    }

    async fn until(&mut self, is: impl Fn(&PodStatus) -> bool) {
        while let Some(now) = self.status.next().await {
            if is(&now) {
                return;
            }
        }
        panic!("the pod ended before that");
    }

    async fn exec(&self, command: &[&str]) -> Ran {
        self.session(exec(command)).await.finish().await
    }

    async fn session(&self, wish: Exec) -> Session {
        self.handle.exec(wish).await.unwrap()
    }

    fn stop(mut self) -> Outcome {
        self.handle.abort();
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Living {
    fn drop(&mut self) {
        self.handle.abort();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn block_on<T>(body: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(body)
}

fn build(root: &Path, text: &str) -> Pod {
    let source = Source {
        name: "test".to_owned(),
        base: root.to_owned(),
        text: text.as_bytes().to_vec(),
    };
    let mut loaded = spec::load(&source, Validate::Strict).unwrap();
    let LoadedPod { object, base, .. } = loaded.pods.pop().unwrap();
    let uid = uuid::Uuid::new_v4().to_string();
    let spec = spec::resolve(object, &base, uid, wasmpod::pod::now()).unwrap();
    let mut dirs = Dirs::under(root);
    // Code that was compiled once serves all tests.
    dirs.cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sessions");
    let options = Options {
        dirs,
        compiler: Compiler::InProcess,
        console: Arc::new(Silent),
        stdin: StdinFrom::Attached,
        node: "node".to_owned(),
        images: Images::Eager,
        resume: None,
        keep_volumes: false,
        surroundings: Arc::new(Alone),
    };
    Pod::build(Arc::new(spec), options).unwrap()
}

/// What a session said, and how it ended.
#[derive(Debug)]
struct Ran {
    stdout: String,
    stderr: String,
    ended: Ended,
}

trait Finish {
    async fn finish(self) -> Ran;
}

impl Finish for Session {
    async fn finish(mut self) -> Ran {
        drop(self.stdin.take());
        let (mut stdout, mut stderr) = (String::new(), String::new());
        let read_out = self.stdout.read_to_string(&mut stdout);
        let read_err = async {
            match &mut self.stderr {
                Some(reader) => reader.read_to_string(&mut stderr).await,
                None => Ok(0),
            }
        };
        let (out, err) = tokio::join!(read_out, read_err);
        out.unwrap();
        err.unwrap();
        let ended = self.ended.await.unwrap();
        Ran {
            stdout,
            stderr,
            ended,
        }
    }
}

fn exec(command: &[&str]) -> Exec {
    Exec {
        command: command.iter().map(|&word| word.to_owned()).collect(),
        ..Exec::default()
    }
}

fn code(code: i32) -> Ended {
    Ended {
        code,
        message: String::new(),
    }
}

fn states_of<'a>(status: &'a PodStatus, container: &str) -> Option<&'a ContainerState> {
    let mut all = status.container_statuses.iter().flatten();
    all.find(|c| c.name == container)?.state.as_ref()
}

fn sleeper() -> common::Container {
    container("app").command(["sleep", "3600"])
}

#[tokio::test]
async fn a_command_sees_what_its_container_sees() {
    let app = sleeper()
        .set("env", json!([{ "name": "COLOUR", "value": "green" }]))
        .set("workingDir", "/work")
        .mount("work", "/work");
    let pod = Living::start(pod("view").empty_dir("work").container(app)).await;
    assert!(pod.exec(&["env"]).await.stdout.contains("COLOUR=green\n"));
    assert_eq!(pod.exec(&["hostname"]).await.stdout, "view\n");
    assert_eq!(pod.exec(&["pwd"]).await.stdout, "/work\n");
    // The container's own root is as the last command left it, not as a start would make it.
    assert_eq!(
        pod.exec(&["touch", "/tmp/kept", "/work/too"]).await.ended,
        code(0)
    );
    let listed = pod.exec(&["ls", "/tmp/kept", "too"]).await;
    assert_eq!(listed.stdout, "/tmp/kept\ntoo\n", "{listed:?}");
}

#[tokio::test]
async fn streams_and_exit_code_are_carried_over() {
    let pod = Living::start(pod("streams").container(sleeper())).await;
    let failed = pod.exec(&["ls", "/nowhere"]).await;
    assert_eq!(failed.ended, code(1));
    assert_eq!(failed.stdout, "");
    assert!(failed.stderr.contains("/nowhere"), "{failed:?}");
    assert_eq!(pod.exec(&["grep"]).await.ended, code(2));
    let big = pod.exec(&["seq", "1", "100000"]).await;
    assert_eq!(big.stdout.lines().count(), 100_000);
}

#[tokio::test]
async fn input_reaches_the_command_and_its_end_too() {
    let pod = Living::start(pod("input").container(sleeper())).await;
    let wish = Exec {
        stdin: true,
        ..exec(&["wc", "-c"])
    };
    let mut session = pod.session(wish).await;
    let mut stdin = session.stdin.take().unwrap();
    stdin.write_all(&[b'x'; 200_000]).await.unwrap();
    drop(stdin);
    assert_eq!(session.finish().await.stdout.trim(), "200000");
    // Without input there is an end at once.
    assert_eq!(pod.exec(&["wc", "-c"]).await.stdout.trim(), "0");
}

#[tokio::test]
async fn a_terminal_is_one_stream_and_says_so() {
    let pod = Living::start(pod("terminal").container(sleeper())).await;
    let wish = Exec {
        tty: true,
        size: Some(wasmpod::control::TerminalSize {
            rows: 24,
            columns: 80,
        }),
        ..exec(&["ls", "/nowhere"])
    };
    let session = pod.session(wish.clone()).await;
    assert!(session.stderr.is_none() && session.resize.is_some());
    let ran = session.finish().await;
    assert!(ran.stdout.contains("/nowhere"), "{ran:?}");
    let command = vec!["env".to_owned()];
    let env = pod.session(Exec { command, ..wish }).await.finish().await;
    for variable in ["TERM=xterm\n", "COLUMNS=80\n", "LINES=24\n"] {
        assert!(env.stdout.contains(variable), "{env:?}");
    }
}

#[tokio::test]
async fn a_command_ends_when_its_client_goes() {
    let pod = Living::start(pod("client").container(sleeper())).await;
    let Session { ended, guard, .. } = pod.session(exec(&["sleep", "3600"])).await;
    drop(guard);
    assert_eq!(ended.await.unwrap().code, 137);
}

#[tokio::test]
async fn a_command_ends_with_its_container() {
    let pod = Living::start(pod("together").container(sleeper())).await;
    let session = pod.session(exec(&["sleep", "3600"])).await;
    let handle = pod.handle.clone();
    pod.stop();
    assert_eq!(session.finish().await.ended.code, 137);
    let late = handle.exec(exec(&["true"])).await.err().unwrap();
    assert!(matches!(late, Refusal::NotReady(_)), "{late:?}");
}

#[tokio::test]
async fn what_cannot_be_found_is_named() {
    let two = pod("refusals")
        .restart("Never")
        .container(sleeper())
        .container(container("done").command(["true"]));
    let mut pod = Living::begin(two);
    // The second one ends on its own.
    pod.until(|status| {
        let mut states = status.container_statuses.iter().flatten().map(|c| &c.state);
        states.all(|state| state.as_ref().is_some_and(|state| state.waiting.is_none()))
            && states_of(status, "done").is_some_and(|state| state.terminated.is_some())
    })
    .await;
    let refusal = async |container: &str, command: &[&str]| {
        let wish = Exec {
            container: Some(container.to_owned()),
            ..exec(command)
        };
        pod.handle.exec(wish).await.err().unwrap()
    };
    assert_eq!(
        refusal("nope", &["true"]).await,
        Refusal::NotFound("container nope not found in pod refusals".to_owned())
    );
    assert_eq!(
        refusal("done", &["true"]).await,
        Refusal::NotReady("container is in CONTAINER_EXITED state".to_owned())
    );
    assert!(matches!(refusal("app", &[]).await, Refusal::Invalid(_)));
    let unknown = pod.exec(&["frobnicate", "-x"]).await.ended;
    assert_eq!(unknown.code, 127);
    assert_eq!(
        unknown.message,
        "exec: \"frobnicate\": executable file not found in $PATH"
    );
    let no_file = pod.exec(&["/no/such"]).await.ended;
    assert_eq!(
        (no_file.code, no_file.message.as_str()),
        (
            127,
            "exec: \"/no/such\": stat /no/such: no such file or directory"
        )
    );
    assert_eq!(pod.exec(&["/bin/true"]).await.ended, code(0));
    assert_eq!(pod.exec(&["/etc/hosts"]).await.ended.code, 126);
}

#[tokio::test]
async fn programs_are_the_containers_own_a_file_of_its_view_or_an_applet() {
    let guests = tempfile::tempdir().unwrap();
    std::fs::copy(guest("probe-p1"), guests.path().join("other.wasm")).unwrap();
    std::fs::write(guests.path().join("bad.wasm"), b"\0asm and no more").unwrap();
    let volume = json!([{ "name": "guests", "hostPath": { "path": guests.path() } }]);
    let app = container("app")
        .image(guest("probe-p2").to_str().unwrap())
        .args(["bad-sleep"])
        .mount("guests", "/opt/guests");
    let pod = Living::start(pod("programs").set("spec.volumes", volume).container(app)).await;
    for own in ["probe-p2.wasm", "probe-p2"] {
        assert_eq!(pod.exec(&[own, "hello", "own"]).await.stdout, "hello own\n");
    }
    let file = pod.exec(&["/opt/guests/other.wasm", "hello", "file"]).await;
    assert_eq!(file.stdout, "hello file\n", "{file:?}");
    assert_eq!(pod.exec(&["echo", "applet"]).await.stdout, "applet\n");
    let bad = pod.exec(&["/opt/guests/bad.wasm"]).await.ended;
    assert_eq!(bad.code, 126);
    assert!(bad.message.contains("/opt/guests/bad.wasm"), "{bad:?}");
}

#[tokio::test]
async fn the_memory_limit_holds_for_commands_too() {
    let app = container("app")
        .image(guest("probe-p2").to_str().unwrap())
        .args(["bad-sleep"])
        .set("resources", json!({ "limits": { "memory": "32Mi" } }));
    let pod = Living::start(pod("limit").container(app)).await;
    let ran = pod.exec(&["probe-p2", "bad-alloc", "abort"]).await;
    assert_eq!(ran.ended.code, 137, "{ran:?}");
    assert!(ran.ended.message.contains("limit"), "{ran:?}");
}

#[tokio::test]
async fn many_commands_run_at_once() {
    let pod = Living::start(pod("many").container(sleeper())).await;
    let commands = (0..100).map(|n| {
        let pod = &pod;
        async move {
            let text = n.to_string();
            let ran = pod.exec(&["echo", &text]).await;
            assert_eq!(ran.stdout.trim(), text);
        }
    });
    futures::future::join_all(commands).await;
}

#[tokio::test]
async fn a_port_is_reached_by_the_pods_loopback() {
    let app = container("app").command(["httpd", "-p", "8080", "-h", "/etc"]);
    let pod = Living::start(pod("ports").container(app)).await;
    let mut stream = loop {
        // It runs; when it listens nobody says.
        match pod.handle.connect(8080).await {
            Ok(stream) => break stream,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    let request = b"GET /hostname HTTP/1.0\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("ports\n"), "{answer}");
    let refused = pod.handle.connect(9).await.err().unwrap();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
}

fn attach(stdin: bool) -> Attach {
    Attach {
        container: None,
        stdin,
    }
}

/// Reads the next line.
async fn line(session: &mut Session) -> String {
    let mut line = Vec::new();
    while line.last() != Some(&b'\n') {
        line.push(session.stdout.read_u8().await.unwrap());
    }
    String::from_utf8(line).unwrap()
}

/// Echoes its input line by line: what is attached to in these tests.
fn echoing(once: bool) -> common::Container {
    container("app")
        .command(["tee", "/tmp/copy"])
        .set("stdin", true)
        .set("stdinOnce", once)
}

#[tokio::test]
async fn everybody_attached_sees_the_output() {
    let pod = Living::start(pod("watched").restart("Never").container(echoing(true))).await;
    let mut first = pod.handle.attach(attach(true)).await.unwrap();
    let mut second = pod.handle.attach(attach(false)).await.unwrap();
    assert!(second.stdin.is_none());
    first
        .stdin
        .as_mut()
        .unwrap()
        .write_all(b"hello\n")
        .await
        .unwrap();
    assert_eq!(line(&mut first).await, "hello\n");
    assert_eq!(line(&mut second).await, "hello\n");
    // The first client's going is the end of the input, and with it of the container: stdinOnce.
    drop(first);
    assert_eq!(second.finish().await.ended, code(0));
}

#[tokio::test]
async fn input_goes_on_with_the_next_client() {
    let pod = Living::start(pod("input").container(echoing(false))).await;
    for word in ["one\n", "two\n"] {
        let mut session = pod.handle.attach(attach(true)).await.unwrap();
        let mut stdin = session.stdin.take().unwrap();
        stdin.write_all(word.as_bytes()).await.unwrap();
        stdin.shutdown().await.unwrap();
        drop(stdin);
        assert_eq!(line(&mut session).await, word);
    }
}

#[tokio::test]
async fn one_who_does_not_read_is_let_go_and_slows_nobody() {
    let pod = Living::start(pod("slow").restart("Never").container(echoing(true))).await;
    let slow = pod.handle.attach(attach(false)).await.unwrap();
    let mut quick = pod.handle.attach(attach(true)).await.unwrap();
    let mut stdin = quick.stdin.take().unwrap();
    let feed = async {
        for _ in 0..128 {
            stdin.write_all(&[b'x'; 64 << 10]).await.unwrap();
        }
        drop(stdin);
    };
    let mut taken = Vec::new();
    let (read, ()) = tokio::join!(quick.stdout.read_to_end(&mut taken), feed);
    assert_eq!(read.unwrap(), 128 * (64 << 10));
    let ended = slow.ended.await.unwrap();
    assert_eq!(ended.code, 1);
    assert!(ended.message.contains("not read fast enough"), "{ended:?}");
}
