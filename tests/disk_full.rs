//! A disk that is full: the pod goes on, says so in its events, and loses nothing but what it had no room for.
//!
//! The state directory is a small tmpfs that only this test's thread, and what it starts, can see.

mod common;

use std::ffi::CString;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::ptr;

use common::{Host, container, eventually, free_port, patience, pod, require};
use futures::StreamExt;
use nix::libc;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use wasmpod::control::Client;

/// Room for the state of a few pods.
const SIZE: &str = "size=1m";

/// Puts a file system of [`SIZE`] at `place`, in a mount namespace of this thread's own.
fn mount_small(place: &Path) -> io::Result<()> {
    let check = |result: libc::c_int| match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    };
    let place = CString::new(place.as_os_str().as_encoded_bytes())?;
    let options = CString::new(SIZE)?;
    // SAFETY: takes an integer; only this thread is moved to the new namespace.
    check(unsafe { libc::unshare(libc::CLONE_NEWNS) })?;
    let private = libc::MS_REC | libc::MS_PRIVATE;
    // SAFETY: all strings end in zero, and null stands where a change of propagation needs none.
    check(unsafe {
        libc::mount(
            ptr::null(),
            c"/".as_ptr(),
            ptr::null(),
            private,
            ptr::null(),
        )
    })?;
    // SAFETY: all strings end in zero, the options of a tmpfs too.
    check(unsafe {
        libc::mount(
            c"tmpfs".as_ptr(),
            place.as_ptr(),
            c"tmpfs".as_ptr(),
            0,
            options.as_ptr().cast(),
        )
    })
}

/// A pod whose log and whose status change when the test wants it: one container logs what it is asked for, the other ends, and
/// is started again, when somebody connects to it.
struct Served {
    host: Host,
    port: u16,
    end: u16,
}

impl Served {
    /// None: this may not be done here.
    fn start() -> Option<Served> {
        let host = Host::cold();
        let mounted = mount_small(&host.root());
        if !require("the right to mount (root)", mounted.is_ok()) {
            return None;
        }
        host.share_code();
        let (port, end) = (free_port(), free_port());
        let web = container("web")
            .command(["httpd", "-p", "8080", "-h", "/etc"])
            .host_port(8080, port);
        let once = container("once")
            .command(["nc", "-l", "-p", "8081"])
            .host_port(8081, end);
        let pod = pod("web").container(web).container(once).grace(1);
        host.file("web.yaml", pod.to_string());
        host.run(["apply", "-f", "web.yaml"]).success();
        let served = Served { host, port, end };
        eventually("the pod serves", || served.ask("first").ok());
        Some(served)
    }

    /// Makes it write a line, and tells whether it still lives.
    fn ask(&self, path: &str) -> io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(patience()))?;
        write!(stream, "GET /{path} HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        if answer.starts_with("HTTP/") {
            Ok(answer)
        } else {
            Err(io::Error::other(answer))
        }
    }

    /// Ends the container that can be ended, and so changes the status.
    fn end_one(&self) {
        eventually("it can be ended", || {
            TcpStream::connect(("127.0.0.1", self.end)).ok()
        });
    }

    fn restarts(&self) -> i64 {
        let known = self.known();
        let containers = known["status"]["containerStatuses"].as_array();
        let once = containers.and_then(|all| all.iter().find(|one| one["name"] == "once"));
        once.and_then(|one| one["restartCount"].as_i64())
            .unwrap_or(0)
    }

    fn known(&self) -> Value {
        let said = self.host.run(["get", "pod", "web", "-o", "json"]).success();
        serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error} in {said}"))
    }

    fn uid(&self) -> String {
        self.known()["metadata"]["uid"]
            .as_str()
            .expect("a stored pod")
            .to_owned()
    }

    fn pid(&self) -> Option<i32> {
        self.known()["metadata"]["annotations"]["wasmpod.dev/pid"]
            .as_str()?
            .parse()
            .ok()
    }

    /// Waits until the pod says this of itself, over its socket: there is no room for it on disk.
    fn hear(&self, reason: &str) {
        let socket = self
            .host
            .root()
            .join(format!("run/pods/{}.sock", self.uid()));
        let heard = async {
            let client = Client::connect(&socket).await.expect("its socket answers");
            let mut events = client.events(true).await.expect("it tells its events");
            while let Some(event) = events.next().await {
                let event = event.expect("an event");
                if event.reason.as_deref() == Some(reason) {
                    return;
                }
            }
            panic!("the pod ended before it said {reason}");
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let in_time = async { tokio::time::timeout(patience(), heard).await };
        let in_time = runtime.expect("a runtime").block_on(in_time);
        assert!(in_time.is_ok(), "no event {reason}");
    }

    /// Until not a byte more can be written.
    fn fill(&self) {
        let mut file = File::create(self.host.root().join("ballast")).expect("there is room");
        for size in [4096, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
    }

    fn free(&self) {
        fs::remove_file(self.host.root().join("ballast")).expect("it was filled");
    }

    /// Every file is whole: objects, statuses and events are JSON, and logs are lines of the CRI's form.
    fn nothing_is_torn(&self) {
        let mut seen = 0;
        for path in self.host.state() {
            let file = self.host.root().join(&path);
            if path.ends_with(".json") {
                let content = fs::read(&file).expect("nobody takes it away");
                let parsed = serde_json::from_slice::<Value>(&content);
                parsed.unwrap_or_else(|error| panic!("{path}: {error}"));
                seen += 1;
            }
            if path.starts_with("logs/") && path.contains("/web/") && file.is_file() {
                let content = fs::read_to_string(&file).expect("nobody takes it away");
                let whole = content.is_empty() || content.ends_with('\n');
                assert!(whole, "{path} ends in {:?}", content.lines().last());
                content
                    .lines()
                    .for_each(|line| assert!(is_record(line), "{path}: {line:?}"));
                seen += 1;
            }
        }
        assert!(
            seen >= 4,
            "an object, a status, events and a log: {:?}",
            self.host.state()
        );
    }

    fn logged(&self, path: &str) -> bool {
        let said = self.host.run(["logs", "web", "-c", "web"]).success();
        said.stdout.contains(&format!("GET /{path}\""))
    }

    fn reasons(&self) -> Vec<String> {
        let said = self
            .host
            .run(["get", "events", "-o", "jsonpath={.items[*].reason}"])
            .success();
        said.stdout.split(' ').map(str::to_owned).collect()
    }
}

/// `TIME stdout F text` (the kubelet's `pkg/kubelet/kuberuntime/logs`).
fn is_record(line: &str) -> bool {
    let mut parts = line.splitn(4, ' ');
    let time = parts
        .next()
        .is_some_and(|time| time.starts_with("20") && time.contains('T'));
    time && matches!(parts.next(), Some("stdout" | "stderr"))
        && matches!(parts.next(), Some("F" | "P"))
}

#[test]
fn a_pod_on_a_full_disk_goes_on_and_says_so() {
    let Some(served) = Served::start() else {
        return;
    };
    let pid = served.pid();
    eventually("the first line is logged", || {
        served.logged("first").then_some(())
    });
    served.fill();
    // The last block of the log takes some more lines.
    for _ in 0..200 {
        served.ask("unheard").expect("it goes on");
    }
    served.hear("FailedLog");
    served.end_one();
    served.hear("FailedSync");
    served.ask("unheard").expect("it still goes on");
    assert_eq!(
        (served.pid(), served.restarts()),
        (pid, 0),
        "what was known is still told"
    );
    served.nothing_is_torn();
    served.free();
    eventually("its status is written", || {
        (served.restarts() == 1).then_some(())
    });
    served.ask("last").expect("it goes on");
    eventually("the last line is logged", || {
        served.logged("last").then_some(())
    });
    assert!(served.logged("first"));
    for reason in ["FailedLog", "FailedSync", "ResumedLog"] {
        eventually(reason, || {
            served
                .reasons()
                .iter()
                .any(|said| said == reason)
                .then_some(())
        });
    }
    let known = served.known();
    assert_eq!(known["status"]["phase"], "Running", "{known}");
    assert_eq!(served.pid(), pid);
    served.nothing_is_torn();
    served.host.run(["delete", "pod", "web"]).success();
}

#[test]
fn commands_on_a_full_disk_say_so_and_leave_things_as_they_were() {
    let Some(served) = Served::start() else {
        return;
    };
    let other = pod("other").container(container("app").command(["sleep", "1000"]));
    served.host.file("other.yaml", other.to_string());
    let before = served.known();
    served.fill();
    let full = "No space left on device";
    for words in [
        &["apply", "-f", "other.yaml"][..],
        &["label", "pod", "web", "colour=red"],
        &["delete", "pod", "web"],
    ] {
        served.host.run(words).assert_code(1).says(&[full]);
    }
    let absent = served.host.run(["get", "pod", "other"]);
    absent.assert_code(1).says(&["not found"]);
    assert_eq!(served.known()["metadata"]["uid"], before["metadata"]["uid"]);
    served
        .host
        .run(["exec", "web", "-c", "web", "--", "true"])
        .success();
    served.nothing_is_torn();
    served.free();
    served
        .host
        .run(["label", "pod", "web", "colour=red"])
        .success();
    served.host.run(["apply", "-f", "other.yaml"]).success();
    served
        .host
        .run(["delete", "pod", "web", "other", "--now"])
        .success();
}

#[test]
fn a_pod_that_is_killed_on_a_full_disk_is_not_said_to_run() {
    let Some(served) = Served::start() else {
        return;
    };
    let pid = served.pid().expect("it runs");
    served.fill();
    kill(Pid::from_raw(pid), Signal::SIGKILL).expect("a process of ours");
    let known = eventually("it is not said to run", || {
        let known = served.known();
        let phase = known["status"]["phase"].as_str()?;
        matches!(phase, "Unknown" | "Failed").then_some(known)
    });
    assert!(known["metadata"]["annotations"]["wasmpod.dev/pid"].is_null());
    served.nothing_is_torn();
    served.free();
    let known = served.known();
    assert_eq!(known["status"]["phase"], "Failed", "{known}");
    assert_eq!(known["status"]["reason"], "SandboxLost");
    // It is started again, and goes on with the log it had.
    served
        .host
        .run(["apply", "-f", "web.yaml"])
        .success()
        .says(&["started"]);
    eventually("it serves again", || served.ask("again").ok());
    eventually("its line is logged", || {
        served.logged("again").then_some(())
    });
    served.nothing_is_torn();
    // A terminal status finds room in the place of the one before.
    served.fill();
    let pid = served.pid().expect("it runs");
    kill(Pid::from_raw(pid), Signal::SIGTERM).expect("a process of ours");
    eventually("it has ended in order", || {
        served.pid().is_none().then_some(())
    });
    let known = served.known();
    assert_eq!(known["status"]["reason"], "Terminated", "{known}");
    served.host.run(["delete", "pod", "web"]).success();
    served.free();
}
