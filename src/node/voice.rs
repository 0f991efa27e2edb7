//! Speaking to a pod's process: one question, one answer, for callers that do not live in a runtime.

use std::future::Future;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1;

use super::{Process, Store, Watch};
use crate::control::{CallError, Client};

/// What is said to a pod's process. A seam, so that the rest of the room is tested without one.
pub(super) trait Voice {
    fn stop(&self, store: &Store, uid: &str, grace: Duration) -> Result<(), CallError>;
    fn update(&self, store: &Store, uid: &str, object: &v1::Pod) -> Result<(), CallError>;
}

/// Over its control socket.
pub(super) struct Control;

/// A process that lives but does not answer yet is setting up, which is a matter of milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between binding a socket and answering on it nothing happens that could be waited for.
const PAUSE: Duration = Duration::from_millis(20);

impl Voice for Control {
    fn stop(&self, store: &Store, uid: &str, grace: Duration) -> Result<(), CallError> {
        until_reached(store, uid, || {
            let socket = store.layout().socket(uid);
            block_on(async move { Client::connect(&socket).await?.stop(Some(grace)).await })
        })
    }

    fn update(&self, store: &Store, uid: &str, object: &v1::Pod) -> Result<(), CallError> {
        until_reached(store, uid, || {
            let socket = store.layout().socket(uid);
            block_on(async move { Client::connect(&socket).await?.update(object).await })
        })
    }
}

/// Asks until somebody answers, or nobody is there who could.
fn until_reached(
    store: &Store,
    uid: &str,
    ask: impl Fn() -> Result<(), CallError>,
) -> Result<(), CallError> {
    let first = ask();
    if !matches!(first, Err(CallError::Unreachable { .. })) {
        return first;
    }
    let give_up = Instant::now() + PATIENCE;
    let Ok(mut watch) = Watch::new(store, None) else {
        return first;
    };
    loop {
        let answer = ask();
        let again = matches!(answer, Err(CallError::Unreachable { .. }))
            && matches!(store.process(uid), Ok(Process::Living { .. }))
            && Instant::now() < give_up;
        if !again || watch.wait(Some(Instant::now() + PAUSE)).is_err() {
            return answer;
        }
    }
}

/// Carries a future to its end, inside a runtime or outside.
fn block_on<F>(future: F) -> Result<(), CallError>
where
    F: Future<Output = Result<(), CallError>> + Send,
{
    let run = || -> io::Result<Result<(), CallError>> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        Ok(runtime.block_on(future))
    };
    let done = if tokio::runtime::Handle::try_current().is_ok() {
        thread::scope(|scope| {
            let thread = scope.spawn(run);
            thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    } else {
        run()
    };
    done.unwrap_or_else(|error| Err(CallError::Lost(error.to_string())))
}
