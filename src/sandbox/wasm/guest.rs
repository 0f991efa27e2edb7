//! One running guest: a thread, a runtime, a store.
//!
//! ```text
//! start ─> set up ─> instantiate ─> on_start ─> entry ... ─> tear down ─> on_exit
//!             └──────────┴── Exit::Failed ────────────────────┘
//! ```
//! A signal ends the guest in any of these; the store, and with it memory, sockets and files, is gone before `on_exit`.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use wasmtime::{Store, UpdateDeadline};

use super::exit::outcome;
use super::interrupt::{self, interruptible};
use super::limiter::Limiter;
use super::p1::P1;
use super::program::{Entry, Inner as ProgramInner};
use super::state::State;
use super::stdio::OutPort;
use super::stop::Stop;
use super::view::View;
use super::{Exit, GuestSpec, Listener};
use crate::sandbox::net::TcpListener;
use crate::sandbox::volume::quota;

/// Stack of the thread. The guest and the host functions it calls have one of their own (see `config`); on this one run
/// the runtime and the instantiation. Address space, of which an idle guest touches a few pages.
const THREAD_STACK: usize = 512 << 10;

/// Threads for file operations, which block. Files of one guest are rarely used by more than one call at a time.
const FILE_THREADS: usize = 4;

/// How long such a thread waits for more work: it is memory that an idle guest does not need.
const FILE_THREAD_IDLE: Duration = Duration::from_secs(1);

/// The most bytes a guest may hand to the host in one call; each is copied.
const HOSTCALL_BYTES: usize = 16 << 20;

/// How long to leave a guest without checks alone between two attempts to interrupt it: at first, and at most. Short,
/// because one that calls the host all the time is rarely met in its own code.
const CHASE_FIRST: Duration = Duration::from_micros(50);
const CHASE_LAST: Duration = Duration::from_micros(500);

/// What can be done to a guest from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Ends it as the default disposition of TERM would: [`super::Exit::Terminated`].
    Term,
    /// [`super::Exit::Killed`].
    Kill,
}

/// How sure it is that a signalled guest ends.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopping {
    /// It has ended, or will within moments.
    Certain,
    /// Compiled without checks, and on this machine a computing guest cannot be interrupted from outside (only x86-64 can
    /// so far, and only if nobody else uses SIGURG). It ends at its next wait; a loop that never waits goes on until the
    /// process ends, so the caller needs a deadline of its own.
    Uncertain,
}

/// A handle on a running guest. Dropping it kills the guest.
pub struct Guest(Arc<Shared>);

struct Shared {
    stop: Arc<Stop>,
    memory: Arc<AtomicU64>,
    /// 0: no thread.
    thread: AtomicI32,
    ended: AtomicBool,
    /// A thread is after it.
    chased: AtomicBool,
    program: Arc<ProgramInner>,
}

impl Guest {
    pub(super) fn start(program: Arc<ProgramInner>, spec: GuestSpec) -> io::Result<Guest> {
        let shared = Arc::new(Shared {
            stop: Arc::default(),
            memory: Arc::default(),
            thread: AtomicI32::new(0),
            ended: AtomicBool::new(false),
            chased: AtomicBool::new(false),
            program,
        });
        let inside = shared.clone();
        let thread = std::thread::Builder::new()
            .name(thread_name(&spec.name))
            .stack_size(THREAD_STACK);
        thread.spawn(move || live(&inside, spec))?;
        Ok(Guest(shared))
    }

    /// Asks the guest to end. Returns at once; `on_exit` tells when it has.
    pub fn signal(&self, signal: Signal) -> Stopping {
        let shared = &self.0;
        shared.stop.request(signal);
        if self.ended() {
            return Stopping::Certain;
        }
        if shared.program.checks {
            // Reaches every guest of the engine: each looks whether it is meant and, if not, goes on.
            shared.program.engine.increment_epoch();
            return Stopping::Certain;
        }
        if shared.program.reach.is_some() && chase(shared).is_ok() {
            Stopping::Certain
        } else {
            Stopping::Uncertain
        }
    }

    /// The guest's thread, for control groups and `top -H`. None until the thread runs, and after it has ended.
    pub fn thread(&self) -> Option<i32> {
        Some(self.0.thread.load(Ordering::Acquire)).filter(|id| *id != 0)
    }

    /// Bytes of linear memory and tables now held.
    pub fn memory(&self) -> u64 {
        self.0.memory.load(Ordering::Relaxed)
    }

    /// Whether `on_exit` has been called.
    pub fn ended(&self) -> bool {
        self.0.ended.load(Ordering::Acquire)
    }
}

/// Pokes the guest's thread until it has ended. A thread is needed for it: the guest may be in a host function each time
/// it is looked at, and whoever sent the signal does not wait.
fn chase(shared: &Arc<Shared>) -> io::Result<()> {
    if shared.chased.swap(true, Ordering::AcqRel) {
        return Ok(());
    }
    let shared = shared.clone();
    let chaser = std::thread::Builder::new()
        .name("interrupt".into())
        .stack_size(THREAD_STACK);
    let chase = move || {
        let mut pause = CHASE_FIRST;
        while !shared.ended.load(Ordering::Acquire) {
            if let thread @ 1.. = shared.thread.load(Ordering::Acquire) {
                interrupt::poke(thread);
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(CHASE_LAST);
        }
    };
    chaser.spawn(chase).map(|_| ())
}

impl Drop for Guest {
    fn drop(&mut self) {
        if !self.ended() {
            let _ = self.signal(super::Signal::Kill);
        }
    }
}

/// The whole life of the guest's thread.
fn live(shared: &Shared, mut spec: GuestSpec) {
    shared
        .thread
        .store(nix::unistd::gettid().as_raw(), Ordering::Release);
    let on_exit = std::mem::replace(&mut spec.on_exit, Box::new(|_| ()));
    // A panic in a host function is our mistake, but it must not leave a guest that nobody hears of again.
    let exit =
        catch_unwind(AssertUnwindSafe(|| run(shared, spec))).unwrap_or_else(|panic| Exit::Trap {
            message: format!("the host failed: {}", panic_text(&*panic)),
            backtrace: String::new(),
        });
    shared.memory.store(0, Ordering::Relaxed);
    shared.thread.store(0, Ordering::Release);
    on_exit(exit);
    shared.ended.store(true, Ordering::Release);
}

fn run(shared: &Shared, spec: GuestSpec) -> Exit {
    // Before the runtime: the threads that write its files are started from here.
    if let Err(error) = quota::obey() {
        return Exit::Failed(format!("{error:#}"));
    }
    let runtime = match runtime(&spec.name) {
        Ok(runtime) => runtime,
        Err(error) => return Exit::Failed(format!("no runtime: {error}")),
    };
    let reach = shared.program.reach.as_ref();
    let exit = interruptible(reach, &shared.stop, || {
        runtime.block_on(drive(shared, spec))
    });
    // A file operation that hangs (a dead network mount) must not hold up the end of its guest.
    runtime.shutdown_background();
    exit
}

fn runtime(name: &str) -> io::Result<Runtime> {
    Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(FILE_THREADS)
        .thread_keep_alive(FILE_THREAD_IDLE)
        .thread_stack_size(THREAD_STACK)
        .thread_name(thread_name(name))
        .build()
}

/// Sets up, runs and tears down, unless a signal comes first.
async fn drive(shared: &Shared, spec: GuestSpec) -> Exit {
    let (stdout, stderr) = (spec.stdout.clone().open(), spec.stderr.clone().open());
    let mut body = Body::new(shared, spec, stdout.clone(), stderr.clone());
    let exit = tokio::select! {
        biased;
        exit = shared.stop.requested() => exit,
        exit = body.run() => exit,
    };
    // Outlived only by what the outputs have not taken yet.
    drop(body);
    tokio::select! {
        biased;
        _ = shared.stop.requested() => (),
        () = drain(&stdout, &stderr) => (),
    }
    exit
}

async fn drain(stdout: &OutPort, stderr: &OutPort) {
    for port in [stdout, stderr] {
        // A reader that has gone away is no reason to hold the guest's end back.
        let _ = std::future::poll_fn(|cx| port.poll_drain(cx)).await;
    }
}

/// What exists between the first and the last step of a guest.
struct Body<'a> {
    shared: &'a Shared,
    spec: GuestSpec,
    ports: Option<(OutPort, OutPort)>,
    store: Option<Store<State>>,
}

impl<'a> Body<'a> {
    fn new(shared: &'a Shared, spec: GuestSpec, stdout: OutPort, stderr: OutPort) -> Body<'a> {
        Body {
            shared,
            spec,
            ports: Some((stdout, stderr)),
            store: None,
        }
    }

    async fn run(&mut self) -> Exit {
        let state = match self.state() {
            Ok(state) => state,
            Err(why) => return Exit::Failed(why),
        };
        let store = self.store.insert(store(&self.shared.program, state));
        let on_start = std::mem::replace(&mut self.spec.on_start, Box::new(|| ()));
        let mut start = Start {
            called: false,
            on_start: Some(on_start),
        };
        let result = call(&self.shared.program.entry, store, &mut start).await;
        outcome(result, start.called, store.data())
    }

    fn state(&mut self) -> Result<State, String> {
        let (stdout, stderr) = self.ports.take().expect("set up once");
        let spec = &mut self.spec;
        let stdin = std::mem::replace(&mut spec.stdin, super::Stdin::Null).open();
        if !self.shared.program.takes_listeners {
            spec.listeners.clear();
        }
        let listeners = listeners(spec)?;
        let streams = (stdin, stdout, stderr);
        let view = View {
            argv: &spec.argv,
            env: &spec.env,
            cwd: spec.cwd.as_deref(),
            mounts: &spec.mounts,
            streams: streams.clone(),
        };
        Ok(State {
            p1: P1::new(view.build()?, listeners, streams),
            net: spec.net.clone(),
            limiter: Limiter::new(spec.memory_limit, self.shared.memory.clone()),
            stop: self.shared.stop.clone(),
        })
    }
}

/// Opens what the guest will find listening, and tells it in its environment (sd_listen_fds(3)).
fn listeners(spec: &mut GuestSpec) -> Result<Vec<TcpListener>, String> {
    let open = |listener: &Listener| {
        let failed = |error| {
            format!(
                "cannot listen on {} for {}: {error}",
                listener.address, listener.name
            )
        };
        spec.net.listen(listener.address).map_err(failed)
    };
    let open: Vec<TcpListener> = spec.listeners.iter().map(open).collect::<Result<_, _>>()?;
    if !open.is_empty() {
        let names: Vec<&str> = spec
            .listeners
            .iter()
            .map(|listener| listener.name.as_str())
            .collect();
        let told = [
            ("LISTEN_FDS", open.len().to_string()),
            ("LISTEN_FDNAMES", names.join(":")),
        ];
        spec.env
            .retain(|(name, _)| !told.iter().any(|(ours, _)| name == ours));
        spec.env
            .extend(told.map(|(name, value)| (name.to_owned(), value)));
    }
    Ok(open)
}

fn store(program: &ProgramInner, state: State) -> Store<State> {
    let mut store = Store::new(&program.engine, state);
    store.limiter(|state| &mut state.limiter);
    store.set_hostcall_fuel(HOSTCALL_BYTES);
    if program.checks {
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|context| {
            Ok(match context.data().stop.wanted() {
                Some(_) => UpdateDeadline::Interrupt,
                None => UpdateDeadline::Continue(1),
            })
        });
    }
    store
}

/// Says once that the entry is about to be called.
struct Start {
    called: bool,
    on_start: Option<Box<dyn FnOnce() + Send>>,
}

impl Start {
    fn now(&mut self) {
        self.called = true;
        if let Some(on_start) = self.on_start.take() {
            on_start();
        }
    }
}

/// Instantiates and calls the entry. The inner result is the entry's own answer.
async fn call(
    entry: &Entry,
    store: &mut Store<State>,
    start: &mut Start,
) -> wasmtime::Result<Result<(), ()>> {
    match entry {
        Entry::Module(pre) => {
            let instance = pre.instantiate_async(&mut *store).await?;
            let entry = instance.get_typed_func::<(), ()>(&mut *store, "_start")?;
            start.now();
            entry.call_async(store, ()).await.map(Ok)
        }
        Entry::P2(pre) => {
            let command = pre.instantiate_async(&mut *store).await?;
            start.now();
            command.wasi_cli_run().call_run(store).await
        }
        Entry::P3(pre) => {
            let command = pre.instantiate_async(&mut *store).await?;
            start.now();
            store
                .run_concurrent(async move |store| command.wasi_cli_run().call_run(store).await)
                .await?
        }
    }
}

/// What the kernel keeps of a thread's name: 15 bytes, cut between characters, without the NUL that would end it early.
fn thread_name(name: &str) -> String {
    let mut short = String::new();
    for c in name.chars().filter(|c| *c != '\0') {
        if short.len() + c.len_utf8() > 15 {
            break;
        }
        short.push(c);
    }
    short
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("panic")
}
