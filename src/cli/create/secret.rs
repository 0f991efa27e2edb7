//! `wasmpod create secret` (`kubectl/pkg/cmd/create/create_secret*.go`).

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::anyhow;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use serde::Serialize;

use super::data::{Entries, Holder, Sources, from_file};
use super::made::Flags;
use super::{hash, plain, tls};
use crate::cli::{Context, Failure};

#[derive(clap::Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    type_: Type,
}

#[derive(clap::Subcommand)]
enum Type {
    /// The credentials of a registry.
    DockerRegistry(Registry),
    /// Anything, of literals, files and directories.
    Generic(Generic),
    /// A certificate and its key.
    Tls(Pair),
}

#[derive(clap::Args)]
struct Generic {
    #[command(flatten)]
    flags: Flags,

    #[command(flatten)]
    sources: Sources,

    /// What is in it, if not just anything.
    #[arg(
        long = "type",
        value_name = "TYPE",
        default_value = "",
        hide_default_value = true
    )]
    type_: String,

    /// Put a digest of the content behind the name.
    #[arg(long)]
    append_hash: bool,
}

#[derive(clap::Args)]
struct Registry {
    #[command(flatten)]
    flags: Flags,

    /// A file of credentials as docker keeps them; its key is .dockerconfigjson unless KEY=FILE says otherwise.
    #[arg(long, value_name = "[KEY=]FILE")]
    from_file: Vec<String>,

    /// The registry.
    #[arg(
        long,
        value_name = "SERVER",
        default_value = "https://index.docker.io/v1/"
    )]
    docker_server: String,

    /// Who is known there.
    #[arg(
        long,
        value_name = "NAME",
        default_value = "",
        hide_default_value = true
    )]
    docker_username: String,

    /// His password.
    #[arg(
        long,
        value_name = "WORD",
        default_value = "",
        hide_default_value = true
    )]
    docker_password: String,

    /// His address.
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "",
        hide_default_value = true
    )]
    docker_email: String,

    /// Put a digest of the content behind the name.
    #[arg(long)]
    append_hash: bool,
}

#[derive(clap::Args)]
struct Pair {
    #[command(flatten)]
    flags: Flags,

    /// The certificate, in PEM.
    #[arg(long, value_name = "FILE")]
    cert: Option<PathBuf>,

    /// Its key, in PEM.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,

    /// Put a digest of the content behind the name.
    #[arg(long)]
    append_hash: bool,
}

pub fn run(args: &Args, context: &Context) -> Result<ExitCode, Failure> {
    match &args.type_ {
        Type::DockerRegistry(registry) => registry.run(context),
        Type::Generic(generic) => generic.run(context),
        Type::Tls(pair) => pair.run(context),
    }
}

impl Generic {
    fn run(&self, context: &Context) -> Result<ExitCode, Failure> {
        let name = self.flags.name("create secret generic")?;
        let entries = self.sources.read(Holder::Secret)?;
        make(
            &self.flags,
            context,
            of(name, &self.type_, entries),
            self.append_hash,
        )
    }
}

/// The key of what docker keeps (`SecretTypeDockerConfigJson`).
const DOCKER_KEY: &str = ".dockerconfigjson";

impl Registry {
    fn run(&self, context: &Context) -> Result<ExitCode, Failure> {
        let name = self.flags.name("create secret docker-registry")?;
        let secret = of(name, "kubernetes.io/dockerconfigjson", self.entries()?);
        make(&self.flags, context, secret, self.append_hash)
    }

    fn entries(&self) -> Result<Entries, Failure> {
        let mut entries = Entries::new();
        for source in &self.from_file {
            // The key of a file without one is not its name.
            let source = match source.contains('=') {
                true => source.clone(),
                false => format!("{DOCKER_KEY}={source}"),
            };
            from_file(&source, Holder::Secret, &mut entries)?;
        }
        if !self.from_file.is_empty() {
            return Ok(entries);
        }
        let given = [
            &self.docker_username,
            &self.docker_password,
            &self.docker_server,
        ];
        if given.iter().any(|text| text.is_empty()) {
            return Err(Failure::Machine(anyhow!(
                "either --from-file or the combination of --docker-username, --docker-password and --docker-server is required"
            )));
        }
        entries.insert(DOCKER_KEY.to_owned(), self.config().into_bytes());
        Ok(entries)
    }

    /// What `docker login` would write.
    fn config(&self) -> String {
        #[derive(Serialize)]
        struct Login<'a> {
            username: &'a str,
            password: &'a str,
            #[serde(skip_serializing_if = "str::is_empty")]
            email: &'a str,
            auth: String,
        }
        let login = Login {
            username: &self.docker_username,
            password: &self.docker_password,
            email: &self.docker_email,
            auth: STANDARD.encode(format!("{}:{}", self.docker_username, self.docker_password)),
        };
        let auths = std::collections::BTreeMap::from([(&self.docker_server, login)]);
        hash::as_go_writes(&std::collections::BTreeMap::from([("auths", auths)]))
    }
}

impl Pair {
    fn run(&self, context: &Context) -> Result<ExitCode, Failure> {
        let name = self.flags.name("create secret tls")?;
        let (Some(cert), Some(key)) = (&self.cert, &self.key) else {
            return Err(Failure::Machine(anyhow!("key and cert must be specified")));
        };
        let (cert, key) = tls::read(cert, key).map_err(Failure::Machine)?;
        let entries = [("tls.crt", cert), ("tls.key", key)];
        let entries = entries.map(|(key, content)| (key.to_owned(), content));
        let secret = of(name, "kubernetes.io/tls", entries.into());
        make(&self.flags, context, secret, self.append_hash)
    }
}

fn of(name: &str, type_: &str, entries: Entries) -> Secret {
    let data = entries
        .into_iter()
        .map(|(key, content)| (key, ByteString(content)));
    let data: std::collections::BTreeMap<String, ByteString> = data.collect();
    Secret {
        metadata: plain::named(name),
        data: (!data.is_empty()).then_some(data),
        // The API server knows what none is.
        type_: (!type_.is_empty()).then(|| type_.to_owned()),
        ..Secret::default()
    }
}

fn make(
    flags: &Flags,
    context: &Context,
    mut secret: Secret,
    append_hash: bool,
) -> Result<ExitCode, Failure> {
    if append_hash {
        let name = secret.metadata.name.take().unwrap_or_default();
        secret.metadata.name = Some(format!("{name}-{}", hash::of_secret(&secret, &name)));
    }
    flags.make(context, secret.into(), Some("failed to create secret"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The answer of kubectl 1.32.
    #[test]
    fn a_login_is_written_as_docker_would() {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            registry: Registry,
        }
        let line = "x s --docker-server=x --docker-username=u --docker-password=p --docker-email=e";
        let line: Line = clap::Parser::parse_from(line.split(' '));
        assert_eq!(
            line.registry.config(),
            r#"{"auths":{"x":{"username":"u","password":"p","email":"e","auth":"dTpw"}}}"#
        );
    }
}
