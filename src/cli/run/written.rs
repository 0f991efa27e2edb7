//! What is to be run, as it is written: a manifest, or a command line that stands for one.

use anyhow::{Context, anyhow};

use super::Args;
use crate::cli::{Failure, manifest};
use crate::spec::{self, LoadedPod, Object};

/// The pod to be run, and the objects that are written beside it.
pub struct Manifest {
    pub pod: LoadedPod,
    pub objects: Vec<Object>,
}

pub fn read(args: &Args) -> Result<Manifest, Failure> {
    if manifest::is_program(&args.file) {
        Ok(Manifest {
            pod: program(args)?,
            objects: Vec::new(),
        })
    } else {
        only_pod(args)
    }
}

fn only_pod(args: &Args) -> Result<Manifest, Failure> {
    refuse_program_flags(args)?;
    let (mut pods, mut objects) = (Vec::new(), Vec::new());
    for source in manifest::read(&args.file)? {
        let loaded = spec::load(&source, args.validate.into())?;
        loaded
            .warnings
            .iter()
            .for_each(|warning| eprintln!("warning: {warning}"));
        pods.extend(loaded.pods);
        objects.extend(loaded.others.into_iter().map(|loaded| loaded.object));
    }
    let count = pods.len();
    let only = pods.pop().filter(|_| count == 1);
    let only = only.ok_or_else(|| {
        let shown = args.file.display();
        Failure::Usage(anyhow!(
            "{shown} holds {count} Pods, and run takes exactly one: it is that pod's process"
        ))
    })?;
    Ok(Manifest { pod: only, objects })
}

fn refuse_program_flags(args: &Args) -> Result<(), Failure> {
    let program = &args.program;
    let given = [
        ("arguments", !args.args.is_empty()),
        ("--env", !program.env.is_empty()),
        ("--volume", !program.volume.is_empty()),
        ("--publish", !program.publish.is_empty()),
        ("--name", program.name.is_some()),
        ("--restart", program.restart.is_some()),
        ("--interactive", program.interactive),
    ];
    match given.iter().find(|(_, given)| *given) {
        Some((flag, _)) => Err(Failure::Usage(anyhow!(
            "{flag} cannot be given with a manifest: {} says such things itself",
            args.file.display()
        ))),
        None => Ok(()),
    }
}

fn program(args: &Args) -> Result<LoadedPod, Failure> {
    let flags = &args.program;
    let base = std::env::current_dir().context("could not tell the working directory")?;
    let program = spec::Program {
        image: args.file.display().to_string(),
        args: args.args.clone(),
        env: flags
            .env
            .iter()
            .map(|variable| complete(variable))
            .collect(),
        volumes: flags.volume.clone(),
        publish: flags.publish.clone(),
        name: flags.name.clone(),
        restart: flags.restart.clone(),
    };
    let mut object = spec::pod_for_program(&program, &base)?;
    let containers = object.spec.iter_mut().flat_map(|spec| &mut spec.containers);
    containers.for_each(|container| container.stdin = Some(flags.interactive));
    Ok(LoadedPod::made(object, base))
}

/// A bare name takes its value from this command's own environment, as podman does.
fn complete(variable: &str) -> String {
    match std::env::var(variable) {
        Ok(value) if !variable.contains('=') => format!("{variable}={value}"),
        _ => variable.to_owned(),
    }
}
