//! `wasmpod cp`: files to and from containers, as tar streams of a command there (kubectl `pkg/cmd/cp/cp.go`).

mod pack;
mod place;
mod unpack;

use std::io;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use k8s_openapi::api::core::v1;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

use super::{Context, Failure, talk};
use crate::control::{Client, Ended, Exec, Session};
use place::{Place, Remote};

/// As much as is carried at once.
const CHUNK: usize = 32 << 10;

/// One of SOURCE and TARGET is in a container: [[NAMESPACE/]POD:]PATH. A directory is copied with all that is in it.
/// Symbolic links are not followed out of what is copied, and those in a container are left out.
#[derive(clap::Args)]
pub struct Args {
    #[arg(value_name = "SOURCE")]
    source: String,

    #[arg(value_name = "TARGET")]
    target: String,

    /// The container [default: the pod's first, or its annotation kubectl.kubernetes.io/default-container]
    #[arg(short, long, value_name = "NAME")]
    container: Option<String>,

    /// Do not keep the files' permissions in the container.
    #[arg(long)]
    no_preserve: bool,
}

pub fn run(args: &Args, context: &Context) -> Result<ExitCode, Failure> {
    let (source, target) = (Place::parse(&args.source)?, Place::parse(&args.target)?);
    match (source, target) {
        (Place::Remote(_), Place::Remote(_)) => {
            Err(anyhow!("one of src or dest must be a local file specification").into())
        }
        (Place::Local(_), Place::Local(_)) => {
            Err(anyhow!("one of src or dest must be a remote file specification").into())
        }
        (Place::Remote(remote), Place::Local(local)) => {
            let there = There::find(args, context, &remote)?;
            talk::converse(there.fetch(&remote.path, &local))
        }
        (Place::Local(local), Place::Remote(remote)) => {
            if let Err(error) = std::fs::metadata(&local)
                && error.kind() == io::ErrorKind::NotFound
            {
                let shown = local.display();
                return Err(anyhow!("{shown} doesn't exist in local filesystem").into());
            }
            let there = There::find(args, context, &remote)?;
            talk::converse(there.put(local, &remote.path))
        }
    }
}

/// The container that is copied from or to.
struct There<'a> {
    context: Context,
    pod: v1::Pod,
    container: String,
    args: &'a Args,
}

impl There<'_> {
    fn find<'a>(args: &'a Args, context: &Context, remote: &Remote) -> Result<There<'a>, Failure> {
        let mut context = context.clone();
        if let Some(namespace) = &remote.namespace {
            context.told_namespace = Some(namespace.clone());
        }
        let pod = talk::find(&context, &remote.pod)?;
        talk::must_be_alive(&pod, "exec into")?;
        let container = talk::container(&pod, args.container.as_deref(), false)?;
        Ok(There {
            context,
            pod,
            container,
            args,
        })
    }

    async fn exec(
        &self,
        client: &Client,
        stdin: bool,
        command: &[&str],
    ) -> anyhow::Result<Session> {
        let wish = Exec {
            container: Some(self.container.clone()),
            command: command.iter().map(|&word| word.to_owned()).collect(),
            stdin,
            ..Exec::default()
        };
        client.exec(wish).await.map_err(talk::failed)
    }

    /// From the container to here.
    async fn fetch(self, from: &str, to: &std::path::Path) -> Result<ExitCode, Failure> {
        let client = talk::reach(&self.context, &self.pod).await?;
        let from = place::clean(from);
        let from = from.as_str();
        let session = self.exec(&client, false, &["tar", "cf", "-", from]).await?;
        let Session {
            mut stdout,
            stderr,
            ended,
            guard,
            ..
        } = session;
        let (give, take) = mpsc::channel::<Vec<u8>>(4);
        let unpacking = unpack::Unpacking::new(from, to)?;
        let hint = format!(
            "wasmpod exec -n {:?} {:?} -- tar cf - {from:?} | tar xf -",
            self.context.namespace(),
            talk::name_of(&self.pod)
        );
        let unpacker =
            tokio::task::spawn_blocking(move || unpacking.run(unpack::Chunks::new(take), &hint));
        let complaints = tokio::spawn(complaints(stderr));
        loop {
            let mut bytes = vec![0; CHUNK];
            let length = stdout.read(&mut bytes).await.context("the copy broke")?;
            bytes.truncate(length);
            // An unpacker that gave up says why below.
            if length == 0 || give.send(bytes).await.is_err() {
                break;
            }
        }
        drop(give);
        let unpacked = unpacker.await.context("the copy broke")?;
        if let Err(error) = unpacked {
            return Err(error.into());
        }
        let ended = ended.await.unwrap_or_else(|_| lost());
        let _ = complaints.await;
        drop(guard);
        Ok(talk::end_as(&ended))
    }

    /// From here into the container.
    async fn put(self, from: std::path::PathBuf, to: &str) -> Result<ExitCode, Failure> {
        let client = talk::reach(&self.context, &self.pod).await?;
        let to = match self.is_directory(&client, to).await? {
            true => place::join(to, &place::base(&from)?),
            false => place::clean(to),
        };
        let (folder, name) = place::split(&to);
        let mut command = vec!["tar"];
        if self.args.no_preserve {
            command.extend(["--no-same-permissions", "--no-same-owner"]);
        }
        command.extend(["-xmf", "-"]);
        if !folder.is_empty() {
            command.extend(["-C", folder]);
        }
        let session = self.exec(&client, true, &command).await?;
        let (give, take) = mpsc::channel::<Vec<u8>>(4);
        let name = name.to_owned();
        let packer = tokio::task::spawn_blocking(move || pack::pack(&from, &name, give));
        let ended = send(session, take).await?;
        packer.await.context("the copy broke")??;
        Ok(talk::end_as(&ended))
    }

    async fn is_directory(&self, client: &Client, path: &str) -> anyhow::Result<bool> {
        let session = self.exec(client, false, &["test", "-d", path]).await?;
        Ok(session.ended.await.unwrap_or_else(|_| lost()).code == 0)
    }
}

/// Feeds a command, and prints what it complains of.
async fn send(mut session: Session, mut chunks: mpsc::Receiver<Vec<u8>>) -> anyhow::Result<Ended> {
    let complaints = tokio::spawn(complaints(session.stderr.take()));
    let mut stdin = session.stdin.take().context("the command takes no input")?;
    while let Some(bytes) = chunks.recv().await {
        // One that ended early says why by its exit code.
        if stdin.write_all(&bytes).await.is_err() {
            break;
        }
    }
    drop(chunks);
    let _ = stdin.shutdown().await;
    drop(stdin);
    let ended = session.ended.await.unwrap_or_else(|_| lost());
    let _ = complaints.await;
    Ok(ended)
}

async fn complaints(from: Option<crate::control::Reader>) {
    let Some(mut from) = from else { return };
    let mut bytes = vec![0; CHUNK];
    while let Ok(length @ 1..) = from.read(&mut bytes).await {
        let _ = io::Write::write_all(&mut io::stderr(), &bytes[..length]);
    }
}

fn lost() -> Ended {
    Ended {
        code: 1,
        message: "lost the connection to the pod process".to_owned(),
    }
}
