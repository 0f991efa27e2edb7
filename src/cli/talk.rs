//! Conversations with pod processes, for the verbs that join a running pod.

use std::future::Future;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use k8s_openapi::api::core::v1;

use super::fleet::Fleet;
use super::{Context, Failure, containers, named};
use crate::control::{CallError, Client, Ended};

/// Runs a conversation: one thread is enough for it.
pub fn converse<T>(body: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("could not start the event loop")?
        .block_on(body)
}

/// The pod that `POD` or `TYPE/NAME` names, as it is now.
pub fn find(context: &Context, text: &str) -> Result<v1::Pod, Failure> {
    let name = named::pod(text, "attach to")?;
    Ok(Fleet::new(context)?.pod(context.namespace(), &name)?)
}

/// A connection to a pod's process.
pub async fn reach(context: &Context, pod: &v1::Pod) -> Result<Client, Failure> {
    let uid = pod.metadata.uid.as_deref().unwrap_or_default();
    let socket = context.layout().socket(uid);
    Ok(Client::connect(&socket).await.map_err(failed)?)
}

/// What a pod process answered, as kubectl prints an upgrade that the kubelet refuses.
pub fn failed(error: CallError) -> anyhow::Error {
    match error {
        CallError::Refused(refusal) => anyhow!("unable to upgrade connection: {refusal}"),
        other => anyhow::Error::new(other),
    }
}

/// The container that is meant; `quiet`: without saying which one was guessed.
pub fn container(pod: &v1::Pod, named: Option<&str>, quiet: bool) -> Result<String, Failure> {
    // These verbs have another word for it than `logs` (kubectl `pkg/cmd/util/podcmd/podcmd.go`).
    if let Some(name) = named.filter(|name| !name.is_empty())
        && !containers::in_order(pod).iter().any(|known| known == name)
    {
        let pod = name_of(pod);
        return Err(anyhow!("container {name} not found in pod {pod}").into());
    }
    Ok(containers::choose(pod, named, !quiet)?)
}

/// Refuses a pod that has come to its end: `cannot exec into`, `cannot attach`.
pub fn must_be_alive(pod: &v1::Pod, doing: &str) -> Result<(), Failure> {
    let phase = phase_of(pod);
    if matches!(phase, "Succeeded" | "Failed") {
        return Err(anyhow!(
            "cannot {doing} a container in a completed pod; current phase is {phase}"
        )
        .into());
    }
    Ok(())
}

pub fn name_of(pod: &v1::Pod) -> &str {
    pod.metadata.name.as_deref().unwrap_or_default()
}

pub fn phase_of(pod: &v1::Pod) -> &str {
    let status = pod.status.as_ref();
    status
        .and_then(|status| status.phase.as_deref())
        .unwrap_or("Pending")
}

/// Ends as the command did, and says so (kubectl `pkg/cmd/util/helpers.go`: the exit code of a command is its own).
pub fn end_as(ended: &Ended) -> ExitCode {
    /// A program that is not there, cannot be run, or could not be set up: it never began.
    const NEVER_BEGAN: [i32; 3] = [126, 127, 128];
    if ended.code == 0 {
        return ExitCode::SUCCESS;
    }
    if !ended.message.is_empty() && NEVER_BEGAN.contains(&ended.code) {
        eprintln!(
            "error: Internal error occurred: error executing command in container: {}",
            ended.message
        );
    } else {
        if !ended.message.is_empty() {
            eprintln!("{}", ended.message.trim_end());
        }
        eprintln!("command terminated with exit code {}", ended.code);
    }
    // What is not an exit status is a failure all the same.
    let code = u8::try_from(ended.code).ok().filter(|code| *code != 0);
    ExitCode::from(code.unwrap_or(1))
}
