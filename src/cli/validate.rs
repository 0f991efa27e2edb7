//! `wasmpod validate`: everything that is wrong with manifests, without running them.

use std::path::PathBuf;
use std::process::ExitCode;

use k8s_openapi::jiff::Timestamp;

use super::{Failure, Strictness, manifest};
use crate::spec::{self, Complaints, LoadedPod};

#[derive(clap::Args)]
pub struct Args {
    /// Files or directories of manifests, or - for standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// What to do about fields that are unknown or not supported yet.
    #[arg(long, value_enum, default_value_t)]
    validate: Strictness,
}

pub fn run(args: &Args) -> Result<ExitCode, Failure> {
    let mut complaints = Vec::new();
    let mut valid = Vec::new();
    for file in &args.files {
        for source in manifest::read(file)? {
            match check(&source, args.validate) {
                Ok((names, warnings)) => {
                    valid.extend(names);
                    warnings
                        .iter()
                        .for_each(|warning| eprintln!("warning: {warning}"));
                }
                Err(found) => complaints.extend(found.0),
            }
        }
    }
    if !complaints.is_empty() {
        return Err(Complaints(complaints).into());
    }
    valid
        .iter()
        .for_each(|name| println!("pod/{name} is valid"));
    Ok(ExitCode::SUCCESS)
}

fn check(
    source: &spec::Source,
    strictness: Strictness,
) -> Result<(Vec<String>, Complaints), Complaints> {
    let loaded = spec::load(source, strictness.into())?;
    let mut names = Vec::new();
    for LoadedPod { object, base, .. } in loaded.pods {
        // Neither uid nor time is shown to anybody.
        let pod = spec::resolve(object, &base, String::new(), Timestamp::UNIX_EPOCH)?;
        names.push(pod.name);
    }
    Ok((names, Complaints(loaded.warnings)))
}
