//! `wasmpod __pod`: this process is one stored pod, from its first moment to its end.
//!
//! ```text
//! leave the terminal -> take the lock -> read the object -> build the pod -> open the socket -> `ready` -> run the pod
//! -> write down its last status -> let the clients hear it -> remove the object if it was deleted -> let the lock go
//! ```
//!
//! Who launched it waits on its standard output for `ready`, or for the reason why not.

mod launcher;
mod notes;
mod signals;

use std::path::Path;
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use k8s_openapi::api::core::v1;
use tokio::sync::oneshot;

use super::fleet::Fleet;
use super::run::{node, raise_file_limit};
use super::surroundings::Stored;
use super::{Context, Failure, Globals};
use crate::control;
use crate::node::{Among, Hold, Layout, Record, Store, StoreError};
use crate::pod::{self, Compiler, CriLog, Ending, Handle, Images, Options, Pod, Served, StdinFrom};
use crate::spec::{self, pod::Pod as Spec};
use launcher::Launcher;
use notes::Notes;
use signals::Terminations;

#[derive(clap::Args)]
pub struct Args {
    namespace: String,
    name: String,
    uid: String,

    /// How many processes this pod has had before.
    #[arg(long, default_value_t = 0)]
    attempt: u32,
}

pub fn run(args: &Args, globals: Globals) -> Result<ExitCode, Failure> {
    let mut launcher = Launcher::default();
    let lived = live(args, globals, &mut launcher);
    if let Err(failure) = &lived {
        launcher.tell(failure);
    }
    lived.map(|()| ExitCode::SUCCESS)
}

fn live(args: &Args, globals: Globals, launcher: &mut Launcher) -> Result<(), Failure> {
    signals::let_go_of_what_was_inherited();
    signals::outlive_the_terminal();
    let context = Context::new(Globals {
        namespace: Some(args.namespace.clone()),
        ..globals
    })?;
    let layout = context.layout();
    // From here to the end of this function this process is the pod.
    let hold = Hold::take(&layout, &args.uid).map_err(anyhow::Error::new)?;
    let store = context.store();
    let object = object(&store, args).inspect_err(|_| forget(&store, args))?;
    let spec = Arc::new(resolve(&object, &args.uid)?);
    raise_file_limit();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.context("could not start the pod's event loop")?;
    let process = Process {
        context,
        store,
        object,
        spec,
        attempt: args.attempt,
    };
    let carried = runtime.block_on(process.carry(launcher));
    // A thread may still hang in something that cannot be interrupted.
    runtime.shutdown_background();
    carried?;
    process.bury()?;
    let context = process.context;
    drop(hold);
    make_room(&context);
    Ok(())
}

/// What this pod had may be what another one waits for. That this fails is no concern of a pod that has ended.
fn make_room(context: &Context) {
    let placed = Fleet::new(context).and_then(|fleet| fleet.place(Among::Marked));
    if let Err(error) = placed {
        tracing::warn!("pods that wait for a place are left waiting: {error:?}");
    }
}

/// What is stored, if it is still what this process was started for.
fn object(store: &Store, args: &Args) -> anyhow::Result<v1::Pod> {
    let object = store.stored(&args.namespace, &args.name)?;
    if object.metadata.uid.as_deref() != Some(&args.uid) {
        bail!("pod {}/{} is another one by now", args.namespace, args.name);
    }
    if object.metadata.deletion_timestamp.is_some() {
        bail!("pod {}/{} is being deleted", args.namespace, args.name);
    }
    Ok(object)
}

/// A pod that was deleted while its process was being started may have got a log since.
fn forget(store: &Store, args: &Args) {
    let stays = |pod: &v1::Pod| pod.metadata.uid.as_deref() == Some(&args.uid);
    let Args {
        namespace,
        name,
        uid,
        ..
    } = args;
    match store.stored(namespace, name) {
        Err(StoreError::NotFound { .. }) => {}
        Ok(pod) if !stays(&pod) => {}
        _ => return,
    }
    if let Err(error) = store.finish_delete(namespace, name, uid) {
        tracing::warn!("something of pod {name:?} is left: {error}");
    }
}

fn resolve(object: &v1::Pod, uid: &str) -> Result<Spec, Failure> {
    let created = &object.metadata.creation_timestamp;
    let created = created.as_ref().map_or_else(pod::now, |time| time.0);
    // What is stored names no relative path.
    let base = Path::new("/");
    Ok(spec::resolve(
        object.clone(),
        base,
        uid.to_owned(),
        created,
    )?)
}

/// A pod's process that knows who it is.
struct Process {
    context: Context,
    store: Store,
    object: v1::Pod,
    spec: Arc<Spec>,
    attempt: u32,
}

impl Process {
    fn layout(&self) -> &Layout {
        self.store.layout()
    }

    /// Runs the pod to its end, and writes down what becomes of it.
    async fn carry(&self, launcher: &mut Launcher) -> anyhow::Result<()> {
        // First of all, so that a wish to end is heard however early it comes.
        let mut terminations = Terminations::listen()?;
        let ending = Ending::default();
        let notes = Notes::new(ending.clone());
        let pod = self.build(&notes)?;
        let handle = pod.handle();
        let listener = control::bind(&self.layout().socket(&self.spec.uid))?;
        // Not before all is done that can fail: from here on the pod's status is what this process says.
        let record = Record::open(
            self.layout(),
            &self.object,
            Arc::clone(&self.spec),
            self.attempt,
        );
        notes.open(record);
        let writing = tokio::spawn(notes.clone().follow(handle.clone()));
        let served = Served::new(handle.clone(), notes.clone().source(), ending.clone());
        let (end, ended) = oneshot::channel::<()>();
        let serving = tokio::spawn(control::serve(listener, Arc::new(served), async {
            let _ = ended.await;
        }));
        launcher.ready()?;
        let mut run = pin!(pod.run());
        loop {
            tokio::select! {
                _ = &mut run => break,
                () = terminations.next() => self.end(&ending, &handle),
            }
        }
        // Both end by themselves now: first what is written, so that who hears the end finds it on disk.
        let _ = writing.await;
        if let Err(error) = notes.close() {
            tracing::error!("the pod's last status is not written: {error}");
        }
        drop(end);
        let _ = serving.await;
        Ok(())
    }

    /// The machine, or a supervisor, wants this process to end; or somebody reminds it of a deletion of which it was not told.
    fn end(&self, ending: &Ending, pod: &Handle) {
        let stored = self.store.stored(&self.spec.namespace, &self.spec.name);
        let metadata = stored.map(|object| object.metadata).unwrap_or_default();
        if metadata.uid.as_ref() == Some(&self.spec.uid) && metadata.deletion_timestamp.is_some() {
            let seconds = metadata.deletion_grace_period_seconds.unwrap_or(0);
            let grace = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
            pod.stop(Some(grace));
        } else {
            ending.begin();
            pod.stop(None);
        }
    }

    fn build(&self, notes: &Notes) -> anyhow::Result<Pod> {
        let spec = &self.spec;
        let logs = self
            .layout()
            .pod_logs(&spec.namespace, &spec.name, &spec.uid);
        let compiler = Compiler::this_binary().context("could not find this program's own file")?;
        let options = Options {
            dirs: self.context.dirs.clone(),
            compiler,
            console: Arc::new(CriLog::new(logs, notes.clone().trouble(Arc::clone(spec)))),
            stdin: StdinFrom::Attached,
            node: node(),
            images: Images::WhenPulled,
            resume: self.earlier()?,
            keep_volumes: true,
            surroundings: Arc::new(Stored::around(spec, self.store.clone(), node())),
        };
        Pod::build(Arc::clone(spec), options)
    }

    /// What an earlier process of the pod said last.
    fn earlier(&self) -> anyhow::Result<Option<(v1::PodStatus, u32)>> {
        if self.attempt == 0 {
            return Ok(None);
        }
        let published = self.store.published(&self.spec.uid)?;
        let status = published.map(|published| published.status.into_owned());
        Ok(Some((status.unwrap_or_default(), self.attempt)))
    }

    /// Takes away what is left in the store when the pod was deleted, or is not stored any more.
    fn bury(&self) -> Result<(), Failure> {
        let Spec {
            namespace,
            name,
            uid,
            ..
        } = &*self.spec;
        let stays = match self.store.stored(namespace, name) {
            Ok(object) => {
                let metadata = object.metadata;
                metadata.uid.as_ref() == Some(uid) && metadata.deletion_timestamp.is_none()
            }
            Err(StoreError::NotFound { .. }) => false,
            // Nothing is removed that is not known to be unwanted.
            Err(error) => return Err(anyhow::Error::new(error).into()),
        };
        if !stays {
            let buried = self.store.finish_delete(namespace, name, uid);
            buried.map_err(anyhow::Error::new)?;
        }
        Ok(())
    }
}
