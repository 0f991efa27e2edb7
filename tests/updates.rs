//! A pod that changes while it runs, seen by a program that embeds it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::{ContainerState, ContainerStatus, Pod as Object, PodStatus};
use serde_json::{Value, json};
use wasmpod::pod::{
    Alone, Compiler, Dirs, Event, Handle, Images, Options, Outcome, Pod, Silent, StatusStream,
    StdinFrom,
};
use wasmpod::spec::{self, pod::Pod as Spec};

/// Longer than anything here takes, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits an hour, which nobody here does.
const WAITS: &str = r#"(module
    (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "_start")
        (i32.store (i32.const 16) (i32.const 1))
        (i64.store (i32.const 24) (i64.const 3600000000000))
        (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))))"#;

/// Has nothing to do.
const ENDS: &str = r#"(module (func (export "_start")) (memory (export "memory") 1))"#;

struct Stage {
    scratch: tempfile::TempDir,
}

impl Stage {
    fn new() -> Stage {
        let scratch = tempfile::tempdir().expect("a directory");
        let stage = Stage { scratch };
        stage.program("waits.wasm", WAITS);
        stage.program("ends.wasm", ENDS);
        stage
    }

    fn program(&self, name: &str, text: &str) {
        let wasm = wat::parse_str(text).expect("a module");
        // As an atomic replacement does it: whoever looks sees the whole file or none.
        let path = self.scratch.path().join(name);
        let new = path.with_extension("new");
        std::fs::write(&new, wasm).expect("a file");
        std::fs::rename(&new, &path).expect("a file");
    }

    fn options(&self) -> Options {
        Options {
            dirs: Dirs::under(&self.scratch.path().join("state")),
            compiler: Compiler::InProcess,
            console: Arc::new(Silent),
            stdin: StdinFrom::Attached,
            node: "here".to_owned(),
            images: Images::WhenPulled,
            resume: None,
            keep_volumes: true,
            surroundings: Arc::new(Alone),
        }
    }

    fn spec(&self, spec: Value) -> Arc<Spec> {
        let object = json!({"metadata": {"name": "web", "namespace": "default", "uid": "u-1"}, "spec": spec});
        let object: Object = serde_json::from_value(object).expect("a pod");
        let created = "2026-01-31T12:00:00Z".parse().expect("a time");
        let pod = spec::resolve(object, self.scratch.path(), "u-1".to_owned(), created);
        Arc::new(pod.unwrap_or_else(|complaints| panic!("{complaints}")))
    }

    /// Runs a pod beside the story that is told of it, which ends with the pod being stopped.
    fn play(
        &self,
        options: Options,
        spec: Value,
        story: impl AsyncFnOnce(Watched) -> Result<()>,
    ) -> Result<Outcome> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let pod = Pod::build(self.spec(spec), options)?;
            let handle = pod.handle();
            let watched = Watched::new(&handle);
            let told = async {
                let told = tokio::time::timeout(PATIENCE, story(watched)).await;
                handle.stop(None);
                told?
            };
            let (outcome, told) = tokio::join!(pod.run(), told);
            told.map(|()| outcome)
        })
    }
}

/// A pod and everything it has told since before it ran.
struct Watched {
    handle: Handle,
    statuses: StatusStream,
    status: Arc<PodStatus>,
    events: tokio::sync::broadcast::Receiver<Event>,
}

impl Watched {
    fn new(handle: &Handle) -> Watched {
        Watched {
            handle: handle.clone(),
            statuses: handle.status(),
            status: Arc::default(),
            events: handle.events(),
        }
    }

    /// Waits for a status of which something is true.
    async fn until(
        &mut self,
        what: &str,
        is: impl Fn(&PodStatus) -> bool,
    ) -> Result<Arc<PodStatus>> {
        while !is(&self.status) {
            let next = self.statuses.next().await;
            self.status =
                next.with_context(|| format!("the pod has ended and never was {what}"))?;
        }
        Ok(Arc::clone(&self.status))
    }

    async fn event(&mut self, reason: &str) -> Result<Event> {
        loop {
            let event = self.events.recv().await?;
            if event.reason == reason {
                return Ok(event);
            }
        }
    }
}

fn container<'s>(status: &'s PodStatus, name: &str) -> Option<&'s ContainerStatus> {
    let lists = [
        &status.container_statuses,
        &status.init_container_statuses,
        &status.ephemeral_container_statuses,
    ];
    lists
        .into_iter()
        .flatten()
        .flatten()
        .find(|one| one.name == name)
}

fn runs(status: &PodStatus, name: &str, restarts: i32) -> bool {
    let state = |one: &ContainerStatus| {
        one.state
            .as_ref()
            .is_some_and(|state| state.running.is_some())
    };
    container(status, name).is_some_and(|one| state(one) && one.restart_count == restarts)
}

fn waits_for(state: &ContainerState, reason: &str) -> bool {
    let waiting = state.waiting.as_ref();
    waiting.and_then(|waiting| waiting.reason.as_deref()) == Some(reason)
}

fn is_kept_waiting(status: &PodStatus, name: &str, reason: &str) -> bool {
    let state = container(status, name).and_then(|one| one.state.as_ref());
    state.is_some_and(|state| waits_for(state, reason))
}

fn one(image: &str) -> Value {
    json!({"containers": [{"name": "app", "image": image}], "terminationGracePeriodSeconds": 5})
}

#[test]
fn another_image_replaces_a_running_container() -> Result<()> {
    let stage = Stage::new();
    stage.program("other.wasm", WAITS);
    stage.play(stage.options(), one("./waits.wasm"), async |mut pod| {
        pod.until("running", |status| runs(status, "app", 0))
            .await?;
        pod.handle.update(stage.spec(one("./other.wasm")))?;
        let status = pod
            .until("running again", |status| runs(status, "app", 1))
            .await?;
        assert_eq!(
            container(&status, "app").map(|one| one.image.as_str()),
            Some("./other.wasm")
        );
        let killing = pod.event("Killing").await?;
        assert_eq!(
            killing.message,
            "Container app definition changed, will be restarted"
        );
        assert!(
            pod.handle.spec().containers[0]
                .image
                .written()
                .ends_with("other.wasm")
        );
        Ok(())
    })?;
    Ok(())
}

#[test]
fn what_a_running_pod_cannot_become_is_refused() -> Result<()> {
    let stage = Stage::new();
    stage.play(stage.options(), one("./waits.wasm"), async |pod| {
        let mut other = one("./waits.wasm");
        other["hostNetwork"] = json!(true);
        let refused = pod
            .handle
            .update(stage.spec(other))
            .expect_err("another network");
        assert!(
            refused
                .to_string()
                .contains("pod updates may not change fields"),
            "{refused}"
        );
        assert!(!pod.handle.spec().host_network);
        Ok(())
    })?;
    Ok(())
}

#[test]
fn an_ephemeral_container_joins_and_ends_and_the_pod_goes_on() -> Result<()> {
    let stage = Stage::new();
    stage.play(stage.options(), one("./waits.wasm"), async |mut pod| {
        pod.until("running", |status| runs(status, "app", 0))
            .await?;
        let mut with = one("./waits.wasm");
        with["ephemeralContainers"] = json!([{"name": "debug", "image": "./ends.wasm"}]);
        pod.handle.update(stage.spec(with.clone()))?;
        let has_ended = |status: &PodStatus, name: &str| {
            let state = container(status, name).and_then(|one| one.state.as_ref());
            state.is_some_and(|state| state.terminated.is_some())
        };
        pod.until("looked into", |status| has_ended(status, "debug"))
            .await?;
        // And another one, while the first is long over.
        let list = with["ephemeralContainers"].as_array_mut().expect("a list");
        list.push(json!({"name": "more", "image": "./waits.wasm"}));
        pod.handle.update(stage.spec(with))?;
        let status = pod
            .until("looked into", |status| runs(status, "more", 0))
            .await?;
        assert!(has_ended(&status, "debug") && runs(&status, "app", 0));
        Ok(())
    })?;
    Ok(())
}

#[test]
fn a_missing_image_keeps_its_container_waiting_until_it_is_there() -> Result<()> {
    let stage = Stage::new();
    let spec = json!({"containers": [
        {"name": "app", "image": "./missing.wasm"},
        {"name": "never", "image": "./missing.wasm", "imagePullPolicy": "Never"},
        {"name": "other", "image": "./waits.wasm"},
    ]});
    stage.play(stage.options(), spec.clone(), async |mut pod| {
        let status = pod
            .until("held up", |status| {
                is_kept_waiting(status, "app", "ImagePullBackOff") && runs(status, "other", 0)
            })
            .await?;
        let state = container(&status, "app").and_then(|one| one.state.clone());
        let message = state
            .and_then(|state| state.waiting?.message)
            .unwrap_or_default();
        let (head, tail) = message.split_once(": ErrImagePull: ").unwrap_or_default();
        assert_eq!(head, "Back-off pulling image \"./missing.wasm\"");
        assert!(tail.ends_with("missing.wasm does not exist"), "{message}");
        assert!(is_kept_waiting(&status, "never", "ErrImageNeverPull"));
        assert_eq!(status.phase.as_deref(), Some("Pending"));
        // Another image is looked for at once; the old one's back-off is not waited for.
        let mut fixed = spec.clone();
        fixed["containers"][0]["image"] = json!("./waits.wasm");
        pod.handle.update(stage.spec(fixed))?;
        pod.until("running", |status| runs(status, "app", 0))
            .await?;
        Ok(())
    })?;
    Ok(())
}

#[test]
fn a_pod_goes_on_where_a_lost_process_was() -> Result<()> {
    let stage = Stage::new();
    let mut last = None;
    stage.play(stage.options(), one("./waits.wasm"), async |mut pod| {
        last = Some(
            pod.until("running", |status| runs(status, "app", 0))
                .await?,
        );
        Ok(())
    })?;
    let last = last.expect("a status");
    let options = Options {
        resume: Some((PodStatus::clone(&last), 1)),
        ..stage.options()
    };
    stage.play(options, one("./waits.wasm"), async |mut pod| {
        let status = pod
            .until("running", |status| runs(status, "app", 1))
            .await?;
        assert_eq!(status.start_time, last.start_time);
        let one = container(&status, "app").expect("a container");
        let state = one
            .last_state
            .as_ref()
            .and_then(|state| state.terminated.as_ref());
        assert_eq!(
            state.and_then(|state| state.reason.as_deref()),
            Some("ContainerStatusUnknown")
        );
        pod.event("SandboxChanged").await?;
        Ok(())
    })?;
    let pods = stage.options().dirs.pods();
    assert_eq!(
        std::fs::read_dir(pods)?.count(),
        0,
        "a pod that has ended leaves nothing"
    );
    Ok(())
}
