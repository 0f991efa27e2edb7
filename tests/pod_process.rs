//! Stored pods as processes of their own: how one begins, what it says to whom, and how it ends.

mod common;

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use common::{Host, eventually, patience};
use futures::StreamExt;
use k8s_openapi::api::core::v1;
use nix::libc;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getsid};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use wasmpod::control::{CallError, Client, Exec, Refusal};
use wasmpod::node::{LaunchError, Launched, Launcher, Layout, Machinery, Process, Store};

/// The real binary, launched as the command line launches it.
struct Binary {
    root: PathBuf,
}

impl Machinery for Binary {
    fn command(&self, namespace: &str, name: &str, uid: &str, attempt: u32) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wasmpod"));
        command
            .arg("--root")
            .arg(&self.root)
            .args(["__pod", namespace, name, uid])
            .arg(format!("--attempt={attempt}"));
        command
    }

    fn sweep(&self, uid: &str) -> anyhow::Result<()> {
        let _ = fs::remove_dir_all(self.root.join("data/pods").join(uid));
        Ok(())
    }
}

struct Machine {
    host: Host,
    store: Store,
    binary: Arc<Binary>,
}

impl Machine {
    fn new() -> Machine {
        let host = Host::new();
        let root = host.root();
        let layout = Layout {
            run: root.join("run"),
            data: root.join("data"),
            logs: root.join("logs"),
        };
        Machine {
            host,
            store: Store::new(layout),
            binary: Arc::new(Binary { root }),
        }
    }

    /// Stores a pod of one toolbox container.
    fn stored(&self, command: &[&str]) -> v1::Pod {
        self.stored_with(json!({"command": command}))
    }

    fn stored_with(&self, container: Value) -> v1::Pod {
        self.stored_as("Never", container)
    }

    fn stored_as(&self, policy: &str, container: Value) -> v1::Pod {
        let mut object: v1::Pod = serde_json::from_value(json!({
            "metadata": {"name": "web", "namespace": "default"},
            "spec": {"restartPolicy": policy, "containers": [
                {"name": "c", "image": "wasmpod/toolbox", "imagePullPolicy": "IfNotPresent"},
            ]},
        }))
        .expect("a pod");
        let mut written = serde_json::to_value(&object).expect("an object");
        let place = written["spec"]["containers"][0].as_object_mut();
        let Value::Object(fields) = container else {
            panic!("fields of a container")
        };
        place.expect("a container").extend(fields);
        object = serde_json::from_value(written).expect("a pod");
        self.store.create(object).expect("a new pod")
    }

    fn launch(&self, pod: &v1::Pod) -> Result<Launched, LaunchError> {
        Launcher::new(self.store.clone(), Arc::clone(&self.binary) as _).launch(pod)
    }

    fn running(&self, command: &[&str]) -> Running<'_> {
        self.started(&self.stored(command))
    }

    fn started(&self, pod: &v1::Pod) -> Running<'_> {
        let launched = self.launch(pod).expect("a pod process");
        Running {
            machine: self,
            uid: pod.metadata.uid.clone().expect("stored"),
            child: launched.process.expect("launched just now"),
        }
    }

    fn in_run_directory(&self) -> Vec<String> {
        let mut state = self.host.state();
        state.retain(|path| path.starts_with("run/pods/"));
        state
    }

    /// What is left of pods but their objects.
    fn remains(&self) -> Vec<String> {
        let mut state = self.host.state();
        let places = [
            "run/pods/",
            "data/pods/",
            "data/status/",
            "data/events/",
            "logs/",
        ];
        state.retain(|path| places.iter().any(|place| path.starts_with(place)));
        state
    }
}

struct Running<'m> {
    machine: &'m Machine,
    uid: String,
    child: Child,
}

impl Running<'_> {
    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).expect("a process number"))
    }

    async fn client(&self) -> Client {
        let socket = self.machine.store.layout().socket(&self.uid);
        Client::connect(&socket).await.expect("a pod that answers")
    }

    /// Waits until the pod says that it is Ready.
    async fn ready(&self) {
        let mut all = self.client().await.status(true).await.expect("a status");
        let ready = async {
            while let Some(status) = all.next().await {
                let conditions = status.expect("a status").conditions;
                let mut conditions = conditions.iter().flatten();
                if conditions.any(|one| one.type_ == "Ready" && one.status == "True") {
                    return;
                }
            }
            panic!("the pod has ended");
        };
        let in_time = tokio::time::timeout(patience(), ready).await;
        in_time.expect("a pod that becomes ready");
    }

    fn status(&self) -> v1::PodStatus {
        let pod = self.machine.store.get("default", "web");
        pod.expect("a stored pod").status.expect("a view")
    }

    /// Waits for the end of the process.
    fn ended(&mut self) -> std::process::ExitStatus {
        eventually("the pod process ends", || {
            self.child.try_wait().expect("our child")
        })
    }
}

/// Whatever a failed test leaves.
impl Drop for Running<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn a_process_that_says_ready_can_be_spoken_to_and_is_its_own() {
    let machine = Machine::new();
    let pod = machine.running(&["sleep", "1000"]);
    let info = pod.client().await.info().await.unwrap();
    assert_eq!(info.identity.name, "web");
    assert_eq!(info.identity.uid, pod.uid);
    assert_eq!(info.pid, pod.pid().as_raw());
    assert_eq!(
        machine.store.process(&pod.uid).unwrap().pid(),
        Some(pod.child.id())
    );
    // Its own session, and nothing of the launcher's held open.
    assert_eq!(getsid(Some(pod.pid())), Ok(pod.pid()));
    let name = fs::read_to_string(format!("/proc/{}/comm", pod.child.id())).unwrap();
    assert_eq!(name, "wasmpod\n");
    let stream = |fd: u32| fs::read_link(format!("/proc/{}/fd/{fd}", pod.child.id())).unwrap();
    assert_eq!(stream(0), Path::new("/dev/null"));
    assert!(stream(1).ends_with("pod.log"));
    assert!(stream(2).ends_with("pod.log"));
}

#[tokio::test]
async fn nothing_that_is_meant_for_a_terminals_programs_ends_it() {
    let machine = Machine::new();
    let mut pod = machine.running(&["sleep", "1000"]);
    let deadly = [
        libc::SIGHUP,
        libc::SIGQUIT,
        libc::SIGPIPE,
        libc::SIGUSR1,
        libc::SIGUSR2,
        libc::SIGALRM,
        libc::SIGVTALRM,
        libc::SIGPROF,
        libc::SIGSTKFLT,
        libc::SIGIO,
        libc::SIGPWR,
        libc::SIGXCPU,
        libc::SIGXFSZ,
        libc::SIGRTMIN(),
        libc::SIGRTMAX(),
    ];
    for number in deadly {
        // SAFETY: kill has no preconditions, and the child is not yet waited for.
        assert_eq!(unsafe { libc::kill(pod.pid().as_raw(), number) }, 0);
    }
    pod.ready().await;
    assert_eq!(pod.child.try_wait().unwrap(), None);
}

#[tokio::test]
async fn a_process_that_is_told_to_end_takes_the_pod_along_and_keeps_its_story() {
    let machine = Machine::new();
    let mut pod = machine.running(&["sleep", "1000"]);
    pod.ready().await;
    let told = pod.client().await.status(true).await.unwrap();
    let told = told.collect::<Vec<_>>();
    kill(pod.pid(), Signal::SIGTERM).unwrap();
    assert!(pod.ended().success());
    let status = pod.status();
    assert_eq!(status.phase.as_deref(), Some("Failed"));
    assert_eq!(status.reason.as_deref(), Some("Terminated"));
    let told = tokio::time::timeout(patience(), told).await;
    let last = told.expect("a stream that ends").into_iter().next_back();
    assert_eq!(last.expect("a status").expect("a status"), status);
    assert_eq!(machine.store.process(&pod.uid).unwrap(), Process::None);
    assert_eq!(machine.in_run_directory(), Vec::<String>::new());
    assert!(
        !machine
            .host
            .root()
            .join("data/pods")
            .join(&pod.uid)
            .exists()
    );
}

#[tokio::test]
async fn a_pod_that_comes_to_its_end_leaves_its_status_its_events_and_its_log() {
    let machine = Machine::new();
    let mut pod = machine.running(&["echo", "done"]);
    assert!(pod.ended().success());
    assert_eq!(pod.status().phase.as_deref(), Some("Succeeded"));
    assert_eq!(machine.in_run_directory(), Vec::<String>::new());
    let events = machine.store.events_of(&pod.uid).unwrap();
    let reasons: Vec<_> = events
        .iter()
        .filter_map(|event| event.reason.as_deref())
        .collect();
    assert_eq!(reasons, ["Scheduled", "Pulled", "Created", "Started"]);
    let logs = machine.store.layout().pod_logs("default", "web", &pod.uid);
    let log = fs::read_to_string(logs.join("c/0.log")).unwrap();
    assert!(log.ends_with(" stdout F done\n"), "{log}");
}

#[tokio::test]
async fn a_deleted_pod_is_gone_with_its_process() {
    let machine = Machine::new();
    let mut pod = machine.running(&["sleep", "1000"]);
    pod.ready().await;
    let deleted = machine
        .store
        .begin_delete("default", "web", Some(&pod.uid), Some(1));
    deleted.unwrap();
    let client = pod.client().await;
    client.stop(Some(Duration::from_secs(1))).await.unwrap();
    assert!(pod.ended().success());
    assert!(machine.store.get("default", "web").is_err());
    assert_eq!(machine.remains(), Vec::<String>::new());
}

#[tokio::test]
async fn who_follows_hears_the_end_and_finds_it_on_disk() {
    let machine = Machine::new();
    let mut pod = machine.running(&["sleep", "1000"]);
    pod.ready().await;
    let client = pod.client().await;
    let statuses = client.status(true).await.unwrap();
    let events = client.events(true).await.unwrap();
    client.stop(Some(Duration::ZERO)).await.unwrap();
    let heard = async { tokio::join!(statuses.collect::<Vec<_>>(), events.collect::<Vec<_>>()) };
    let heard = tokio::time::timeout(patience(), heard).await;
    let (statuses, events) = heard.expect("streams that end");
    let last = statuses.into_iter().next_back().unwrap().unwrap();
    assert_eq!(last, pod.status());
    let last = events.into_iter().next_back().unwrap().unwrap();
    assert_eq!(last.reason.as_deref(), Some("Killing"));
    assert!(pod.ended().success());
}

#[tokio::test]
async fn a_killed_process_is_found_out() {
    let machine = Machine::new();
    let mut pod = machine.running(&["sleep", "1000"]);
    pod.ready().await;
    pod.child.kill().unwrap();
    assert_eq!(pod.ended().signal(), Some(libc::SIGKILL));
    assert!(matches!(
        machine.store.process(&pod.uid).unwrap(),
        Process::Dead { .. }
    ));
    assert!(machine.store.sight("default", "web").unwrap().lost);
}

#[tokio::test]
async fn the_next_process_of_a_lost_pod_goes_on_where_it_stood() {
    let machine = Machine::new();
    let pod = machine.stored_as("Always", json!({"command": ["sleep", "1000"]}));
    let mut first = machine.started(&pod);
    // What is not on disk did not happen, as far as the next process can tell.
    eventually("the first process is known to run", || {
        (first.status().phase? == "Running").then_some(())
    });
    first.child.kill().unwrap();
    first.ended();
    let second = machine.started(&pod);
    second.ready().await;
    // What is told is on disk in a moment.
    eventually("the restart is counted", || {
        let containers = second.status().container_statuses?;
        (containers[0].restart_count == 1).then_some(())
    });
    let published = machine.store.published(&second.uid).unwrap().unwrap();
    assert_eq!(published.sandbox_attempt, 1);
    eventually("the event is written", || {
        let events = machine.store.events_of(&second.uid).unwrap();
        let changed = |event: &&v1::Event| event.reason.as_deref() == Some("SandboxChanged");
        (events.iter().filter(changed).count() == 1).then_some(())
    });
}

#[tokio::test]
async fn an_updated_image_restarts_its_container() {
    let machine = Machine::new();
    let pod = machine.running(&["sleep", "1000"]);
    pod.ready().await;
    let client = pod.client().await;
    let events = client.events(true).await.unwrap();
    let mut object = machine.store.stored("default", "web").unwrap();
    object.spec.as_mut().unwrap().containers[0].image = Some("nowhere.example/image".into());
    client.update(&object).await.unwrap();
    let mut reasons = events.map(|event| event.unwrap().reason.unwrap());
    let found = async { while reasons.next().await.unwrap() != "Failed" {} };
    let in_time = tokio::time::timeout(patience(), found).await;
    in_time.expect("an image that cannot be pulled");
}

#[tokio::test]
async fn an_update_that_makes_no_sense_is_refused_and_changes_nothing() {
    let machine = Machine::new();
    let pod = machine.running(&["sleep", "1000"]);
    let client = pod.client().await;
    let mut object = machine.store.stored("default", "web").unwrap();
    object.metadata.name = Some("other".into());
    let refused = client.update(&object).await;
    assert!(
        matches!(refused, Err(CallError::Refused(Refusal::Invalid(_)))),
        "{refused:?}"
    );
    object.metadata.name = Some("web".into());
    object.spec.as_mut().unwrap().containers.clear();
    let refused = client.update(&object).await;
    assert!(
        matches!(refused, Err(CallError::Refused(Refusal::Invalid(_)))),
        "{refused:?}"
    );
    pod.ready().await;
}

/// What a process says that does not become a pod.
fn refused(machine: &Machine, uid: &str) -> String {
    let output = machine
        .binary
        .command("default", "web", uid, 0)
        .stdin(Stdio::null())
        .output()
        .expect("the binary");
    assert!(!output.status.success());
    String::from_utf8(output.stdout).expect("words")
}

#[test]
fn what_stands_in_the_way_is_told_to_the_launcher_and_leaves_nothing() {
    let machine = Machine::new();
    let nobody = "00000000-0000-4000-8000-000000000000";
    assert_eq!(refused(&machine, nobody), "pods \"web\" not found");

    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("bound").port();
    let ports = json!([{"containerPort": 80, "hostPort": port, "hostIP": "127.0.0.1"}]);
    let pod = machine.stored_with(json!({"command": ["true"], "ports": ports}));
    let uid = pod.metadata.uid.as_deref().expect("stored");
    let error = machine.launch(&pod).expect_err("a port that is taken");
    let LaunchError::Refused(words) = error else {
        panic!("{error}")
    };
    assert!(words.contains(&format!("hostPort {port}")), "{words}");

    assert_eq!(
        refused(&machine, nobody),
        "pod default/web is another one by now"
    );
    let deleted = machine.store.begin_delete("default", "web", None, Some(1));
    deleted.expect("a stored pod");
    assert_eq!(refused(&machine, uid), "pod default/web is being deleted");
    let mut left = machine.remains();
    // The launcher's, and of interest to whoever looks for the reason.
    left.retain(|path| !path.starts_with("logs/"));
    assert_eq!(left, Vec::<String>::new());
}

#[test]
fn a_pod_has_one_process() {
    let machine = Machine::new();
    let pod = machine.running(&["sleep", "1000"]);
    assert_eq!(
        refused(&machine, &pod.uid),
        format!(
            "pod {} is already running as process {}",
            pod.uid,
            pod.child.id()
        )
    );
    assert_eq!(
        machine.store.process(&pod.uid).expect("a look").pid(),
        Some(pod.child.id())
    );
}

#[tokio::test]
async fn a_command_runs_in_the_container_and_its_code_comes_back() {
    let machine = Machine::new();
    let pod = machine.running(&["sleep", "1000"]);
    pod.ready().await;
    let client = pod.client().await;
    let session = client.exec(exec(&["cat"])).await.expect("a session");
    let mut stdin = session.stdin.expect("wished for");
    stdin.write_all(b"typed").await.expect("a reader");
    drop(stdin);
    assert_eq!(all(session.stdout).await, "typed");
    assert_eq!(all(session.stderr.expect("no terminal")).await, "");
    assert_eq!(session.ended.await.expect("a last word").code, 0);

    let session = client.exec(exec(&["false"])).await.expect("a session");
    assert_eq!(session.ended.await.expect("a last word").code, 1);
}

/// The command line that was asked for it was killed.
#[tokio::test]
async fn a_command_whose_client_dies_is_killed() {
    let machine = Machine::new();
    let pod = machine.running(&["sleep", "1000"]);
    pod.ready().await;
    let tasks = format!("/proc/{}/task", pod.child.id());
    // A guest is a thread. (Those of the runtime linger, for the next one who waits for a disk.)
    let threads = move || {
        let tasks = fs::read_dir(&tasks).unwrap().flatten();
        let names = tasks.filter_map(|task| fs::read_to_string(task.path().join("comm")).ok());
        names.filter(|name| !name.starts_with("tokio")).count()
    };
    let client = pod.client().await;
    let mut session = client.exec(exec(&["cat"])).await.expect("a session");
    let stdin = session.stdin.as_mut().expect("wished for");
    stdin.write_all(b"x").await.expect("a reader");
    let mut heard = [0];
    session
        .stdout
        .read_exact(&mut heard)
        .await
        .expect("an echo");
    let with_command = threads();
    drop((session, client));
    // Elsewhere: here the connection has to be closed.
    let killed = tokio::task::spawn_blocking(move || {
        eventually("the command is killed", || {
            (threads() < with_command).then_some(())
        });
    });
    killed.await.unwrap();
    pod.client().await.info().await.unwrap();
}

fn exec(command: &[&str]) -> Exec {
    Exec {
        command: command.iter().map(|word| (*word).to_owned()).collect(),
        stdin: true,
        ..Exec::default()
    }
}

async fn all(mut stream: impl AsyncRead + Unpin) -> String {
    let mut text = String::new();
    let read = tokio::time::timeout(patience(), stream.read_to_string(&mut text)).await;
    read.expect("a stream that ends").expect("text");
    text
}
