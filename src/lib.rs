//! wasmpod runs ordinary Kubernetes Pods whose containers are WebAssembly, on any Linux machine.
//!
//! One pod is one process. That process *is* the pause container: it is born first, holds the pod's network and volumes,
//! and while it lives the pod lives. `wasmpod run` becomes that process; `wasmpod apply` starts one that outlives the
//! terminal. There is no daemon: whoever asks reads files, or speaks to the pod's process. This page is how it is built,
//! and why.
//!
//! # Rooms, and who may use whom
//!
//! | room | answers | may use | is free of |
//! |---|---|---|---|
//! | [`spec`] | what was written: text to a resolved pod | | clock, files, environment, network, processes, threads |
//! | [`lifecycle`] | what should happen next | `spec` | the same, and randomness |
//! | [`sandbox`] | what this machine can do | | any Kubernetes word, YAML, policy |
//! | [`control`] | what processes say to each other | `spec` | decisions |
//! | [`pod`] | one pod, running | `spec` `lifecycle` `sandbox` `control` | printing, arguments |
//! | [`node`] | many pods: objects on disk, processes launched and found again | `spec` `lifecycle` `control` | the sandbox |
//! | [`cli`] | what users type | `spec` `control` `node` `pod` | decisions |
//!
//! `tests/layering.rs` holds this table against the source. The hard half of the project is Kubernetes' semantics, dozens
//! of rules about order, restart and time; the risky half is Linux and wasmtime. They fail in different ways and need
//! different tests: the first by tables and literal times in microseconds, the second against the real kernel.
//!
//! # Life of a pod
//!
//! 1. `cli` reads text; [`spec::load`] parses, defaults and validates it, with all complaints at once; [`spec::resolve`]
//!    leaves nothing optional to guess about.
//! 2. [`pod::Pod::build`] reserves everything (code of all images, directory, network, host ports) and starts nothing.
//! 3. The actor in [`pod`] folds what happened into [`lifecycle::Life`], asks it for a plan, begins the plan's actions on the
//!    machine, tells who listens, and sleeps until something happens or [`lifecycle::Plan::wake_at`].
//! 4. At the end network, volumes and directory are removed, and [`pod::Pod::run`] returns.
//!
//! # Pods that outlive their command
//!
//! 1. `apply` stores the object ([`node::Store`]: one file each, atomic, under a lock) and launches the process of the pod,
//!    which says `ready` through a pipe once its control socket listens, or what stands in the way.
//! 2. That process holds a lock for as long as it lives. The kernel releases it at any death, so nobody is ever taken for
//!    alive who is not, and a watcher of the directory learns of it at once.
//! 3. It writes its status and its events to files, newest first to be seen, and its containers' output as CRI logs. `get`,
//!    `describe`, `logs`, `events` and `wait` read files and watch them by inotify: no process is asked, none can hang them.
//! 4. `exec`, `attach`, `port-forward`, and changes speak to it over its socket ([`control`]), which only its owner and root
//!    may.
//! 5. `delete` marks the object and tells the process, which removes everything when the last container has ended. A process
//!    that died without a word is found by its free lock, and whoever finds it says so and clears up behind it.
//!
//! # What a pod mounts and reads
//!
//! 1. A pod is *admitted* before it is stored: its namespace and its account must be there, presets and limit ranges are worked
//!    into it, and what then does not fit this machine is stored without a process until it does ([`node::admit`],
//!    [`lifecycle::schedule`]). `run` does the same with the objects of the same file.
//! 2. A process finds what is around its pod through one trait, [`pod::Surroundings`]: configuration, secrets, claims, tokens.
//!    The store is behind it, or the objects of a file, or whatever an embedder has.
//! 3. Everything that may change is looked up when it is needed, in pure functions over a lookup: the variables, the command
//!    and the sub-paths of a container at each start ([`spec::compose`]), the files of a volume when it is mounted and when
//!    something has changed ([`spec::project`]). What is missing keeps a container waiting with the kubelet's text.
//! 4. Volumes are mounted before the sandbox is made, and files of objects are written as the kubelet writes them: a new dated
//!    directory, and one `rename` of `..data`. Whoever reads sees all of the old or all of the new. Secrets and tokens lie in
//!    a tmpfs that is attached nowhere and goes with the process, where the process may have one.
//! 5. The process is told of changes by inotify and looks at nothing while nothing changes; what a container has as a variable
//!    or through a `subPath` stays as it was at its start.
//! 6. A WASI guest is given directories. A container with a mount that is a file, or that lies within another mount, gets
//!    a root that the kernel puts together in a mount namespace of its own ([`sandbox::volume::Assembly`]).
//! 7. Names: the pod has one hosts file, one hostname and one resolv.conf, which all containers see and may change, and lookups
//!    answer what those files say at that moment ([`spec::hostname`], [`spec::dns`]). Servers named there are reached as
//!    a container reaches anything; only those that the machine itself uses are asked on the machine.
//!
//! # Decisions
//!
//! * **A container is a thread** of the pod's process with its own event loop and its own wasmtime store, one engine per pod. The
//!   kernel schedules guests fairly, and an idle pod makes no system calls: no ticker, no polling.
//! * **Code is compiled ahead of time** by a short-lived process of its own, into a cache keyed by content; the pod maps it.
//! * **Stopping needs both** an epoch interruption for code that computes and dropping the call for code that waits.
//!   `wasmpod.dev/interrupt.<container>: none` compiles a container without the checks that interruption needs; its
//!   thread is then sent a signal until it is met inside the guest's own code, and made to trap there. (Taking the access
//!   rights from its memory would be simpler and wrong: the host's functions touch that memory too.)
//! * **Memory** is limited by an accumulating limiter per container: linear memories and tables together.
//! * **Virtual loopback first.** `127.0.0.0/8`, `::1` and the pod's own address belong to the pod, and what is said there never
//!   enters the kernel. A `hostPort` is a listener of the machine spliced into that network. Beyond the pod lies the machine's
//!   network, but never its loopback.
//! * **A guest sees only what the Pod mounts**: an empty root of its own, the generated `/etc`, and the volumes.
//! * **Who a pod is** its account's tokens say, signed (ES256) with a key that is made on first use and that only its owner can
//!   read; what others verify them with lies beside it for all to read ([`node::identity`]). There is no rotation of that key.
//! * **Secrets are encoded and not encrypted** where they lie, in files that only their owner can read, unless a key is given
//!   (`--encryption-key`), which then has to be given always ([`node::seal`]). It is never stored, and pods' processes are told
//!   where it lies.
//! * **Nothing accepted is ignored.** A field that is not honoured is refused by name.
//!
//! # Trust
//!
//! Trusted are the kernel and the author of a manifest, as far as his own pod goes. Not trusted is every guest and every
//! image. Containers of one pod are neighbours, not strangers: they share a process. Around a guest stand the memory safety of
//! WebAssembly, the capabilities of WASI (mounts, network, limits), and the rights of the user who runs the pod.
//!
//! # For embedders
//!
//! [`spec`] and [`pod`] are what another program needs to run pods of its own: `examples/embed.rs`.

pub mod cli;
pub mod control;
pub mod lifecycle;
pub mod node;
pub mod pod;
pub mod sandbox;
pub mod spec;
