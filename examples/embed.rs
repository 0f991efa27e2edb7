//! A pod inside another program: start it, read its status stream, stop it.
//!
//! ```sh
//! cargo run --example embed
//! ```

#![allow(clippy::print_stdout, reason = "an example shows what happens")]

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use wasmpod::pod::{Alone, Compiler, Dirs, Images, Options, Pod, Silent, StdinFrom};
use wasmpod::spec::{self, LoadedPod, Source, Validate};

const MANIFEST: &str = r#"
apiVersion: v1
kind: Pod
metadata:
  name: embedded
spec:
  containers:
    - name: sleeper
      image: wasmpod/toolbox
      command: ["sleep", "3600"]
"#;

fn main() -> Result<ExitCode> {
    // The compiler is this very program, started again with a hidden verb.
    if std::env::args_os()
        .nth(1)
        .is_some_and(|verb| verb == "__compile")
    {
        return Ok(wasmpod::pod::compile_main());
    }
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(run())?;
    Ok(ExitCode::SUCCESS)
}

async fn run() -> Result<()> {
    let source = Source {
        name: "embedded".to_owned(),
        base: std::env::current_dir()?,
        text: MANIFEST.into(),
    };
    let mut loaded = spec::load(&source, Validate::Strict)?;
    let LoadedPod { object, base, .. } = loaded.pods.pop().context("the manifest holds no pod")?;
    let uid = uuid::Uuid::new_v4().to_string();
    let spec = spec::resolve(object, &base, uid, wasmpod::pod::now())?;

    let scratch = tempfile::tempdir()?;
    let options = Options {
        dirs: Dirs::under(scratch.path()),
        compiler: Compiler::this_binary()?,
        console: Arc::new(Silent),
        stdin: StdinFrom::Process,
        node: "edge".to_owned(),
        images: Images::Eager,
        resume: None,
        keep_volumes: false,
        surroundings: Arc::new(Alone),
    };
    let pod = Pod::build(Arc::new(spec), options)?;
    let handle = pod.handle();
    let mut status = handle.status();

    let watch = async {
        while let Some(now) = status.next().await {
            println!("phase: {}", now.phase.as_deref().unwrap_or_default());
            if now.phase.as_deref() == Some("Running") {
                handle.stop(None);
            }
        }
    };
    let (outcome, ()) = tokio::join!(pod.run(), watch);
    println!(
        "ended: {}",
        outcome.status.phase.as_deref().unwrap_or_default()
    );
    Ok(())
}
