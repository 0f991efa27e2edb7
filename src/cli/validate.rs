//! `wasmpod validate`: everything that is wrong with manifests, without running them.

use std::path::PathBuf;
use std::process::ExitCode;

use k8s_openapi::jiff::Timestamp;

use super::{Failure, Strictness, documents, manifest};
use crate::spec::{self, Complaints, LoadedObject, Object};

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
    valid.iter().for_each(|name| println!("{name} is valid"));
    Ok(ExitCode::SUCCESS)
}

/// What the objects are called, and what will not be honoured of them.
fn check(
    source: &spec::Source,
    strictness: Strictness,
) -> Result<(Vec<String>, Complaints), Complaints> {
    let mut loaded = spec::load(source, strictness.into())?;
    let warnings = Complaints(std::mem::take(&mut loaded.warnings));
    let mut names = Vec::new();
    for LoadedObject { object, base, .. } in documents::in_order(loaded) {
        names.push(format!(
            "{}/{}",
            object.kind().qualified_singular(),
            object.name()
        ));
        if let Object::Pod(pod) = object {
            // Neither uid nor time is shown to anybody.
            spec::resolve(*pod, &base, String::new(), Timestamp::UNIX_EPOCH)?;
        }
    }
    Ok((names, warnings))
}
