//! `wasmpod debug`: an ephemeral container in a running pod (kubectl `pkg/cmd/debug/debug.go`).

use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use futures::StreamExt;
use k8s_openapi::api::core::v1;

use super::attach::Joining;
use super::fleet::Fleet;
use super::{Context, Failure, logs, talk};
use crate::control::{CallError, Client, Refusal};
use crate::node::PID_ANNOTATION;
use crate::spec::{self, Source, Validate, update};

/// The image built into this program.
const TOOLBOX: &str = "wasmpod/toolbox";

/// The container shares the pod's network and has a root of its own; to look at the files of a container use `exec`. It
/// stays in the pod's spec, as ephemeral containers do.
#[derive(clap::Args)]
pub struct Args {
    /// POD or TYPE/NAME.
    #[arg(value_name = "POD | TYPE/NAME")]
    pod: Option<String>,

    /// The image of the container.
    #[arg(long, default_value = TOOLBOX)]
    image: String,

    /// The name of the container [default: debugger- and five characters]
    #[arg(short, long, value_name = "NAME")]
    container: Option<String>,

    /// Set an environment variable.
    #[arg(long, value_name = "NAME=VALUE")]
    env: Vec<String>,

    /// Keep standard input open in the container, and attach to it.
    #[arg(short = 'i', long)]
    stdin: bool,

    /// Give the container a terminal.
    #[arg(short, long)]
    tty: bool,

    /// Wait until the container runs and attach to it [default: as -i is].
    #[arg(long, action = clap::ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "true|false")]
    attach: Option<bool>,

    /// Print only what the container prints.
    #[arg(short, long)]
    quiet: bool,

    /// The command of the container and its arguments [default: the image's own]
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

pub fn run(args: &Args, context: &Context) -> Result<ExitCode, Failure> {
    let name = args.pod.as_deref().filter(|pod| !pod.is_empty());
    let name = name.ok_or_else(|| anyhow!("NAME or TYPE/NAME is required for debug"))?;
    let pod = talk::find(context, name)?;
    if args.command.is_empty() && args.image == TOOLBOX {
        let why = "the toolbox has no command of its own: name one behind --";
        return Err(anyhow!(why).into());
    }
    talk::must_be_alive(&pod, "debug")?;
    if !is_running(&pod) {
        let name = talk::name_of(&pod);
        return Err(anyhow!("pod {name} has no process that could take a container").into());
    }
    let container = args.name();
    let new = with(&pod, args.container(&container)?)?;
    Fleet::new(context)?.update(&pod.clone().into(), new.clone().into())?;
    if !args.attach.unwrap_or(args.stdin) {
        return Ok(ExitCode::SUCCESS);
    }
    talk::converse(async {
        let client = talk::reach(context, &pod).await?;
        let joining = Joining {
            container,
            stdin: args.stdin,
            tty: args.tty,
            quiet: args.quiet,
        };
        let session = match started(&client, &joining.container).await? {
            Course::Ended => None,
            Course::Running => match joining.open(&client).await {
                // It ended just now.
                Err(CallError::Refused(Refusal::NotReady(_))) => None,
                session => Some(session.map_err(talk::failed)?),
            },
        };
        match session {
            Some(session) => joining.carry(session, &new).await,
            // Too late to attach: what it wrote is shown instead (`handleAttachPod`).
            None => {
                let pod = as_it_is(context, &client, &pod).await?;
                logs::whole(context, pod, joining.container)
            }
        }
    })
}

/// The pod as its process says it is: what is on disk may be a moment older.
async fn as_it_is(context: &Context, client: &Client, pod: &v1::Pod) -> Result<v1::Pod, Failure> {
    let store = context.store();
    let mut pod = store.get(context.namespace(), talk::name_of(pod))?;
    if let Ok(mut statuses) = client.status(false).await
        && let Some(Ok(status)) = statuses.next().await
    {
        pod.status = Some(status);
    }
    Ok(pod)
}

impl Args {
    fn name(&self) -> String {
        if let Some(name) = &self.container {
            return name.clone();
        }
        let random = uuid::Uuid::new_v4().simple().to_string();
        let name = format!("debugger-{}", &random[..5]);
        if !self.quiet {
            eprintln!("Defaulting debug container name to {name}.");
        }
        name
    }

    fn container(&self, name: &str) -> Result<v1::EphemeralContainer, Failure> {
        let env = self.env.iter().map(|text| variable(text));
        let env: Vec<v1::EnvVar> = env.collect::<Result<_, _>>()?;
        Ok(v1::EphemeralContainer {
            name: name.to_owned(),
            image: Some(self.image.clone()),
            command: Some(self.command.clone()).filter(|command| !command.is_empty()),
            env: Some(env).filter(|env| !env.is_empty()),
            stdin: self.stdin.then_some(true),
            tty: self.tty.then_some(true),
            termination_message_policy: Some("File".to_owned()),
            ..v1::EphemeralContainer::default()
        })
    }
}

fn variable(text: &str) -> Result<v1::EnvVar, Failure> {
    let parts = text.split_once('=').filter(|(name, _)| !name.is_empty());
    let (name, value) = parts.ok_or_else(|| anyhow!("invalid env: {text} is not NAME=VALUE"))?;
    Ok(v1::EnvVar {
        name: name.to_owned(),
        value: Some(value.to_owned()),
        value_from: None,
    })
}

fn is_running(pod: &v1::Pod) -> bool {
    let annotations = pod.metadata.annotations.as_ref();
    annotations.is_some_and(|all| all.contains_key(PID_ANNOTATION))
}

/// The same pod with one more container, checked as everything that is stored.
fn with(pod: &v1::Pod, container: v1::EphemeralContainer) -> Result<v1::Pod, Failure> {
    let mut old = pod.clone();
    old.status = None;
    if let Some(annotations) = &mut old.metadata.annotations {
        annotations.remove(PID_ANNOTATION);
    }
    let mut new = old.clone();
    let spec = new.spec.get_or_insert_default();
    spec.ephemeral_containers
        .get_or_insert_default()
        .push(container);
    let text = serde_json::to_string(&new).context("could not write the pod down")?;
    let source = Source {
        name: talk::name_of(pod).to_owned(),
        // Paths of what is stored are absolute.
        base: "/".into(),
        text: text.into(),
    };
    let rejected = |complaints| Failure::Rejected(complaints);
    let loaded = spec::load(&source, Validate::Strict).map_err(rejected)?;
    let mut new = loaded
        .pods
        .into_iter()
        .next()
        .context("there is no pod")?
        .object;
    spec::anchor(
        &mut new,
        &std::env::current_dir().context("could not tell the working directory")?,
    );
    new.metadata = old.metadata.clone();
    update::check_ephemeral(&old, &new).map_err(rejected)?;
    Ok(new)
}

/// What came of a container that was to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Course {
    Running,
    /// It was quick.
    Ended,
}

/// Waits until the container runs, or has run.
async fn started(client: &Client, container: &str) -> Result<Course, Failure> {
    let mut statuses = client.status(true).await.map_err(talk::failed)?;
    let mut said = None;
    while let Some(status) = statuses.next().await {
        let status = status.map_err(|error: CallError| anyhow::Error::new(error))?;
        let all = status.ephemeral_container_statuses.iter().flatten();
        let state = all
            .into_iter()
            .find(|one| one.name == container)
            .and_then(|one| one.state.clone())
            .unwrap_or_default();
        if state.running.is_some() {
            return Ok(Course::Running);
        }
        if state.terminated.is_some() {
            return Ok(Course::Ended);
        }
        let waiting = state.waiting.and_then(|waiting| {
            let reason = waiting
                .reason
                .filter(|reason| !matches!(&reason[..], "ContainerCreating" | "PodInitializing"))?;
            Some(format!("{reason}: {}", waiting.message.unwrap_or_default()))
        });
        if let Some(waiting) = waiting.filter(|waiting| said.as_ref() != Some(waiting)) {
            eprintln!("Warning: container {container}: {waiting}");
            said = Some(waiting);
        }
    }
    Err(anyhow!("the pod ended before container {container} ran").into())
}
