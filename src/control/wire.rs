//! Our words as protocol buffers, and back.

use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tonic::{Code, Status};

use super::{Attach, Ended, Exec, Identity, Refusal, TerminalSize};

/// What was made of `control.proto`.
#[allow(
    clippy::allow_attributes_without_reason,
    clippy::disallowed_types,
    clippy::missing_errors_doc,
    reason = "generated code"
)]
pub mod proto {
    tonic::include_proto!("wasmpod.control.v1");
}

pub use proto::session_input::Input;
pub use proto::session_output::Output;

/// An object of Kubernetes as the JSON it travels in.
pub fn to_json(object: &impl Serialize) -> Result<Bytes, serde_json::Error> {
    serde_json::to_vec(object).map(Bytes::from)
}

pub fn from_json<T: DeserializeOwned>(json: &[u8]) -> Result<T, serde_json::Error> {
    serde_json::from_slice(json)
}

/// One code per sort of refusal, none of which the transport uses for troubles of its own.
pub fn status(refusal: &Refusal) -> Status {
    let code = match refusal {
        Refusal::NotFound(_) => Code::NotFound,
        Refusal::NotReady(_) => Code::FailedPrecondition,
        Refusal::Invalid(_) => Code::InvalidArgument,
        Refusal::Failed(_) => Code::Aborted,
    };
    Status::new(code, refusal.to_string())
}

/// None: nobody refused, the conversation itself broke.
pub fn refusal(status: &Status) -> Option<Refusal> {
    let text = status.message().to_owned();
    match status.code() {
        Code::NotFound => Some(Refusal::NotFound(text)),
        Code::FailedPrecondition => Some(Refusal::NotReady(text)),
        Code::InvalidArgument => Some(Refusal::Invalid(text)),
        Code::Aborted => Some(Refusal::Failed(text)),
        _ => None,
    }
}

impl From<TerminalSize> for proto::TerminalSize {
    fn from(size: TerminalSize) -> proto::TerminalSize {
        proto::TerminalSize {
            rows: size.rows.into(),
            columns: size.columns.into(),
        }
    }
}

impl From<proto::TerminalSize> for TerminalSize {
    fn from(size: proto::TerminalSize) -> TerminalSize {
        let cut = |length: u32| u16::try_from(length).unwrap_or(u16::MAX);
        TerminalSize {
            rows: cut(size.rows),
            columns: cut(size.columns),
        }
    }
}

/// An empty name is none.
fn named(name: String) -> Option<String> {
    Some(name).filter(|name| !name.is_empty())
}

impl From<Exec> for proto::ExecStart {
    fn from(exec: Exec) -> proto::ExecStart {
        proto::ExecStart {
            container: exec.container.unwrap_or_default(),
            command: exec.command,
            stdin: exec.stdin,
            tty: exec.tty,
            size: exec.size.map(Into::into),
        }
    }
}

impl From<proto::ExecStart> for Exec {
    fn from(start: proto::ExecStart) -> Exec {
        Exec {
            container: named(start.container),
            command: start.command,
            stdin: start.stdin,
            tty: start.tty,
            size: start.size.map(Into::into),
        }
    }
}

impl From<Attach> for proto::AttachStart {
    fn from(attach: Attach) -> proto::AttachStart {
        proto::AttachStart {
            container: attach.container.unwrap_or_default(),
            stdin: attach.stdin,
        }
    }
}

impl From<proto::AttachStart> for Attach {
    fn from(start: proto::AttachStart) -> Attach {
        Attach {
            container: named(start.container),
            stdin: start.stdin,
        }
    }
}

impl From<Ended> for proto::SessionEnd {
    fn from(ended: Ended) -> proto::SessionEnd {
        proto::SessionEnd {
            code: ended.code,
            message: ended.message,
        }
    }
}

impl From<proto::SessionEnd> for Ended {
    fn from(end: proto::SessionEnd) -> Ended {
        Ended {
            code: end.code,
            message: end.message,
        }
    }
}

impl From<Input> for proto::SessionInput {
    fn from(input: Input) -> proto::SessionInput {
        proto::SessionInput { input: Some(input) }
    }
}

impl From<Output> for proto::SessionOutput {
    fn from(output: Output) -> proto::SessionOutput {
        proto::SessionOutput {
            output: Some(output),
        }
    }
}

impl From<Identity> for proto::InfoReply {
    fn from(identity: Identity) -> proto::InfoReply {
        proto::InfoReply {
            namespace: identity.namespace,
            name: identity.name,
            uid: identity.uid,
            pid: i32::try_from(std::process::id()).unwrap_or_default(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// Whole seconds, as the API counts a grace period; a part of one counts as one, so that a grace is never cut to nothing.
pub fn grace_to_wire(grace: Duration) -> i64 {
    let seconds = grace.as_secs() + u64::from(grace.subsec_nanos() > 0);
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

/// A negative grace period is none (`pkg/registry/core/pod/strategy.go` treats it as 1 s; the CLI has refused it before).
pub fn grace_from_wire(seconds: i64) -> Duration {
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_survives_the_way() {
        for refused in [
            Refusal::NotFound("a".into()),
            Refusal::NotReady("b".into()),
            Refusal::Invalid("c".into()),
            Refusal::Failed("d".into()),
        ] {
            assert_eq!(refusal(&status(&refused)), Some(refused));
        }
        assert_eq!(refusal(&Status::unavailable("broken")), None);
    }

    #[test]
    fn a_wish_survives_the_way() {
        let exec = Exec {
            container: Some("web".into()),
            command: vec!["sh".into(), "-c".into(), String::new()],
            stdin: true,
            tty: true,
            size: Some(TerminalSize {
                rows: 24,
                columns: 80,
            }),
        };
        assert_eq!(Exec::from(proto::ExecStart::from(exec.clone())), exec);
        let nameless = Attach::default();
        assert_eq!(
            Attach::from(proto::AttachStart::from(nameless.clone())),
            nameless
        );
    }

    #[test]
    fn a_grace_is_whole_seconds_and_never_cut_to_none() {
        assert_eq!(grace_to_wire(Duration::from_millis(1)), 1);
        assert_eq!(grace_to_wire(Duration::from_secs(30)), 30);
        assert_eq!(grace_from_wire(-1), Duration::ZERO);
        assert_eq!(grace_from_wire(0), Duration::ZERO);
    }
}
