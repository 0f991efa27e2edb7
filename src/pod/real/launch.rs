//! One start of one container.

use std::io::{Read, Seek, SeekFrom};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result};
use cap_std::ambient_authority;
use cap_std::fs::Dir;

use super::super::StdinFrom;
use super::super::console::{Line, Source, Stream, Tail};
use super::attach::{INPUT_BYTES, Tapped, Taps};
use super::desk::{Guests, Instance};
use super::queue::{Inlet, queue};
use super::site::Site;
use super::view::{Keep, Refused, View};
use super::{Real, Report};
use crate::lifecycle::{Input, StartProblem};
use crate::sandbox::wasm::{Exit, GuestSpec, Listener, Output, Stdin};
use crate::spec::pod::{Container, MessagePolicy, Protocol, Role, Slot};
use crate::spec::{self, Composed};

/// Longest termination message (kubelet `pkg/kubelet/container/runtime.go`, `MaxContainerTerminationMessageLength`).
const MESSAGE_LIMIT: u64 = 4096;

impl Real {
    pub(super) fn start(&mut self, slot: Slot, attempt: u32) {
        if let Err((reason, error)) = self.try_start(slot, attempt) {
            self.tell(Input::StartFailed {
                slot,
                reason,
                message: format!("{error:#}"),
            });
        }
    }

    fn try_start(&mut self, slot: Slot, attempt: u32) -> Result<(), Refused> {
        let (instance, spec) = self.guest(slot, attempt)?;
        // Before the guest runs: its end may come at any time from then on.
        self.desk.begin(&instance);
        let guest = instance.program.start(spec).map_err(|error| {
            self.desk.end(&instance, &Exit::Failed(error.to_string()));
            (
                StartProblem::CreateContainerError,
                anyhow::Error::new(error),
            )
        })?;
        self.guests[slot] = Some((attempt, guest));
        Ok(())
    }

    fn guest(&mut self, slot: Slot, attempt: u32) -> Result<(Arc<Instance>, GuestSpec), Refused> {
        let config = |error| (StartProblem::CreateContainerConfigError, error);
        // One that has joined the pod since may use what nobody used before.
        self.mount_late().map_err(config)?;
        let site = self.site.as_ref().context("the pod's sandbox is gone");
        let site = site.map_err(config)?;
        let container = &self.pod.containers[slot];
        let composed = site.compose(&self.pod, slot, &self.world).map_err(config)?;
        let view = View::build(&self.pod, container, &composed, site)?;
        let tail = (container.termination_message_policy == MessagePolicy::FallbackToLogsOnError)
            .then(|| Arc::new(Tail::default()));
        let source = Arc::new(Source {
            slot,
            container: container.name.clone(),
            instance: attempt,
        });
        let (stdin, input) = self.stdin(container);
        let argv = self.argv(slot, &composed);
        let instance = Arc::new(Instance {
            pod: Arc::clone(&self.pod),
            slot,
            argv0: argv.first().cloned().unwrap_or_default(),
            program: self.images.program(slot).map_err(config)?.clone(),
            env: environment(site, container, composed.env),
            mounts: view.mounts,
            keep: Arc::new(view.keep),
            names: view.names,
            taps: Taps::new(input.is_some() || container.role == Role::Ephemeral),
            input,
            guests: Mutex::new(Guests::Open(Vec::new())),
        });
        let line = |stream| {
            Output::to(Arc::new(Tapped {
                line: Line {
                    console: Arc::clone(&self.console),
                    source: Arc::clone(&source),
                    stream,
                    tail: tail.clone(),
                },
                instance: Arc::clone(&instance),
            }))
            .terminal(container.tty)
        };
        let (stdout, stderr) = (line(Stream::Stdout), line(Stream::Stderr));
        let (started, ended) = (self.report.clone(), self.report.clone());
        let (console, desk) = (Arc::clone(&self.console), Arc::clone(&self.desk));
        let message = Message {
            file: view.message,
            tail,
            _keep: Arc::clone(&instance.keep),
        };
        let spec = GuestSpec {
            name: container.name.clone(),
            argv,
            env: instance.env.clone(),
            cwd: container.working_dir.clone(),
            mounts: instance.mounts.clone(),
            stdin,
            stdout,
            stderr,
            net: site
                .network
                .attach_with(&container.name, instance.names.clone()),
            listeners: listeners(container),
            memory_limit: container.resources.memory_limit,
            on_start: Box::new(move || {
                let _ = started.send(Report::Started { slot, attempt });
            }),
            on_exit: {
                let instance = Arc::clone(&instance);
                Box::new(move |exit| {
                    desk.end(&instance, &exit);
                    console.ended(source.origin(), &last_words(&exit));
                    let message = message.text(&exit);
                    let _ = ended.send(Report::Ended {
                        slot,
                        attempt,
                        exit,
                        message,
                    });
                })
            },
        };
        Ok((instance, spec))
    }

    /// Where a container reads from, and where those who attach to it write.
    fn stdin(&self, container: &Container) -> (Stdin, Option<Inlet>) {
        let terminal = container.tty;
        match self.stdin {
            _ if !container.stdin => (Stdin::Null, None),
            StdinFrom::Process => (Stdin::Inherit { terminal }, None),
            StdinFrom::Attached => {
                let (inlet, outlet) = queue(INPUT_BYTES);
                let reader = Box::new(outlet);
                (Stdin::Reader { reader, terminal }, Some(inlet))
            }
        }
    }

    /// The toolbox has no entrypoint, as busybox has none: its first word chooses the applet. A wasm file is its own.
    fn argv(&self, slot: Slot, composed: &Composed) -> Vec<String> {
        let container = &self.pod.containers[slot];
        let (entrypoint, cmd) = match &container.image {
            spec::pod::Image::File { path, .. } => {
                let name = path
                    .file_name()
                    .map(|name| name.to_string_lossy().into_owned());
                (vec![name.unwrap_or_default()], Vec::new())
            }
            _ => (Vec::new(), vec!["toolbox".to_owned()]),
        };
        spec::argv(composed, &entrypoint, &cmd)
    }
}

/// Where a container's last word is found.
struct Message {
    file: (PathBuf, PathBuf),
    tail: Option<Arc<Tail>>,
    /// The file's path may lead through one of these.
    _keep: Arc<Keep>,
}

impl Message {
    /// The file's end; if it is empty, what the runtime knows; if that is nothing either and the policy says so, the
    /// log's end (kubelet `pkg/kubelet/kuberuntime/kuberuntime_container.go`, `getTerminationMessage`).
    fn text(&self, exit: &Exit) -> String {
        let written = self.read().unwrap_or_default();
        if !written.is_empty() {
            return written;
        }
        let own = match exit {
            Exit::Trap { message, .. } | Exit::OutOfMemory { message } => message.clone(),
            _ => String::new(),
        };
        match &self.tail {
            Some(tail) if exit.code() != 0 && own.is_empty() => tail.text(),
            _ => own,
        }
    }

    /// Beneath the directory only: a guest may have put a symlink in the file's place.
    fn read(&self) -> Result<String> {
        let (dir, path) = &self.file;
        let mut file = Dir::open_ambient_dir(dir, ambient_authority())?.open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(MESSAGE_LIMIT)))?;
        let mut bytes = Vec::new();
        file.take(MESSAGE_LIMIT).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// What container runtimes set themselves, below what the manifest says: `HOSTNAME` from the pod's host name, and `TERM` for
/// a terminal (containerd `internal/cri/server/container_create.go`).
fn environment(
    site: &Site,
    container: &Container,
    given: Vec<(String, String)>,
) -> Vec<(String, String)> {
    let term = container
        .tty
        .then(|| ("TERM".to_owned(), "xterm".to_owned()));
    let hostname = site.etc.etc.hostname.clone().unwrap_or_default();
    let own = [Some(("HOSTNAME".to_owned(), hostname)), term];
    own.into_iter()
        .flatten()
        .filter(|(own, _)| !given.iter().any(|(name, _)| name == own))
        .collect::<Vec<_>>()
        .into_iter()
        .chain(given)
        .collect()
}

/// Declared TCP ports, for programs that cannot bind for themselves (systemd's `LISTEN_FDS` convention).
fn listeners(container: &Container) -> Vec<Listener> {
    let tcp = container
        .ports
        .iter()
        .filter(|port| port.protocol == Protocol::Tcp);
    tcp.map(|port| Listener {
        name: port
            .name
            .clone()
            .unwrap_or_else(|| port.container_port.to_string()),
        address: SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port.container_port),
    })
    .collect()
}

/// What a dying guest leaves in its log: of a trap all that is known, as wasmtime prints it.
pub(super) fn last_words(exit: &Exit) -> String {
    match exit {
        Exit::Trap { message, backtrace } if backtrace.is_empty() => message.clone(),
        Exit::Trap { message, backtrace } => format!("{message}\nwasm backtrace:\n{backtrace}"),
        Exit::OutOfMemory { message } => message.clone(),
        _ => String::new(),
    }
}
