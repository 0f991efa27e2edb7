//! How a guest ended.

use wasmtime::{Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use super::state::State;

/// The end of one guest. There is no default: whoever asks gets the truth.
#[must_use = "how a guest ended decides what happens next"]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It said so: `proc_exit(n)`, `wasi:cli/exit`, or a return from its entry (0 for ok, 1 for err).
    Code(i32),
    /// A wasm trap. `message` is one line; `backtrace` the wasm frames, innermost first, names demangled.
    Trap { message: String, backtrace: String },
    /// A refused growth of memory, then a trap or an abort.
    OutOfMemory { message: String },
    /// Ended by [`super::Signal::Term`].
    Terminated,
    /// Ended by [`super::Signal::Kill`].
    Killed,
    /// It never began: `on_start` was not called. A mount that is not there, a limit below the initial memory ...
    Failed(String),
}

impl Exit {
    /// The number a shell would show. Failed is 128, as containerd reports a container that could not be started.
    pub fn code(&self) -> i32 {
        match self {
            Exit::Code(code) => *code,
            Exit::Failed(_) => 128,
            Exit::Trap { .. } => 134,
            Exit::OutOfMemory { .. } | Exit::Killed => 137,
            Exit::Terminated => 143,
        }
    }
}

/// Tells how a guest ended from what its call returned. `started` says whether the entry was reached.
pub(super) fn outcome(
    result: wasmtime::Result<Result<(), ()>>,
    started: bool,
    state: &State,
) -> Exit {
    let error = match result {
        Ok(Ok(())) => return Exit::Code(0),
        Ok(Err(())) => return Exit::Code(1),
        Err(error) => error,
    };
    // Looked for first: `proc_exit(0)` is an error too.
    if let Some(exit) = error.downcast_ref::<I32Exit>() {
        return Exit::Code(exit.0);
    }
    // Whatever trap it is that a guest told to stop ends with: the interruption has several (see `interrupt`).
    if let (Some(_), Some(exit)) = (error.downcast_ref::<Trap>(), state.stop.wanted()) {
        return exit;
    }
    match (state.limiter.refused(), started) {
        (Some(refusal), false) => Exit::Failed(format!(
            "memory limit of {} bytes is below the {} bytes the program begins with",
            refusal.limit, refusal.wanted
        )),
        (None, false) => Exit::Failed(format!("cannot be instantiated: {error:#}")),
        (Some(refusal), true) => Exit::OutOfMemory {
            message: format!(
                "{} after being refused a growth to {} bytes by its limit of {}",
                message(&error),
                refusal.wanted,
                refusal.limit
            ),
        },
        (None, true) => Exit::Trap {
            message: message(&error),
            backtrace: backtrace(&error),
        },
    }
}

/// The cause in one line, without the frames.
fn message(error: &wasmtime::Error) -> String {
    match error.downcast_ref::<Trap>() {
        Some(trap) => trap.to_string(),
        None => error
            .root_cause()
            .to_string()
            .lines()
            .next()
            .unwrap_or("unknown error")
            .to_owned(),
    }
}

/// The wasm frames as wasmtime prints them: names demangled, with file and line where the binary has them.
fn backtrace(error: &wasmtime::Error) -> String {
    let Some(trace) = error.downcast_ref::<WasmBacktrace>() else {
        return String::new();
    };
    let text = trace.to_string();
    // The first line only says that a backtrace follows.
    text.split_once('\n')
        .map(|(_, frames)| frames.to_owned())
        .unwrap_or_default()
}
