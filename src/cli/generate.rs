//! `wasmpod generate systemd`: a unit that runs `wasmpod up`.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use clap::Subcommand;

use super::{Failure, Globals};

#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Print a systemd unit that runs `wasmpod up`.
    Systemd(Systemd),
}

#[derive(clap::Args)]
struct Systemd {
    /// For the user's own service manager instead of the system's.
    #[arg(long)]
    user: bool,

    /// Let it run the pods of this directory too.
    #[arg(long, value_name = "DIR")]
    manifests: Option<PathBuf>,
}

pub fn run(args: &Args, globals: &Globals) -> Result<ExitCode, Failure> {
    let What::Systemd(wish) = &args.what;
    let program = std::env::current_exe().context("could not find this program's own file")?;
    let there = |path: &Option<PathBuf>| path.as_deref().map(absolute).transpose();
    let places = Places {
        root: there(&globals.root)?,
        encryption_key: there(&globals.encryption_key)?,
        manifests: there(&wish.manifests)?,
    };
    let unit = unit(wish.user, &program, &places);
    print!("{}", unit.map_err(Failure::Machine)?);
    Ok(ExitCode::SUCCESS)
}

/// What the unit's command is told, as the one that prints it was.
#[derive(Default)]
struct Places {
    root: Option<PathBuf>,
    encryption_key: Option<PathBuf>,
    manifests: Option<PathBuf>,
}

fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path)
        .map_err(|error| Failure::Usage(anyhow!("{}: {error}", path.display())))
}

/// `KillMode=process`: a supervisor that is killed leaves its pods running and the next one takes them over; one that is
/// stopped takes them down itself, each within its own grace, so nobody else sets a limit.
fn unit(user: bool, program: &Path, places: &Places) -> anyhow::Result<String> {
    let mut command = word(program)?;
    for (flag, path) in [
        (" --root ", &places.root),
        (" --encryption-key ", &places.encryption_key),
        (" up", &None),
        (" --manifests ", &places.manifests),
    ] {
        match path {
            Some(path) => write!(command, "{flag}{}", word(path)?)?,
            None if flag == " up" => command.push_str(flag),
            None => {}
        }
    }
    let (target, network) = if user {
        ("default.target", "")
    } else {
        (
            "multi-user.target",
            "Wants=network-online.target\nAfter=network-online.target\n",
        )
    };
    Ok(format!(
        "[Unit]\n\
         Description=Kubernetes pods whose containers are WebAssembly\n\
         {network}\n\
         [Service]\n\
         Type=notify\n\
         ExecStart={command}\n\
         Restart=on-failure\n\
         KillMode=process\n\
         TimeoutStopSec=infinity\n\
         Delegate=yes\n\
         OOMPolicy=continue\n\
         TasksMax=infinity\n\
         LimitNOFILE=infinity\n\
         \n\
         [Install]\n\
         WantedBy={target}\n"
    ))
}

/// One word of a command line in a unit (systemd.service(5), systemd.syntax(7)).
fn word(path: &Path) -> anyhow::Result<String> {
    let text = path
        .to_str()
        .ok_or_else(|| anyhow!("{}: a unit holds UTF-8 only", path.display()))?;
    let mut quoted = String::new();
    for c in text.chars() {
        match c {
            // What a unit would take for something of its own.
            '%' => quoted.push_str("%%"),
            '$' => quoted.push_str("$$"),
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => anyhow::bail!("{text:?}: a unit holds no control characters"),
            c => quoted.push(c),
        }
    }
    let plain = text
        .chars()
        .all(|c| c.is_alphanumeric() || "/._-+@:".contains(c));
    Ok(if plain {
        quoted
    } else {
        format!("\"{quoted}\"")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_of_the_system() {
        let unit = unit(false, Path::new("/usr/bin/wasmpod"), &Places::default()).unwrap();
        let expected = "[Unit]
Description=Kubernetes pods whose containers are WebAssembly
Wants=network-online.target
After=network-online.target

[Service]
Type=notify
ExecStart=/usr/bin/wasmpod up
Restart=on-failure
KillMode=process
TimeoutStopSec=infinity
Delegate=yes
OOMPolicy=continue
TasksMax=infinity
LimitNOFILE=infinity

[Install]
WantedBy=multi-user.target
";
        assert_eq!(unit, expected);
    }

    #[test]
    fn a_unit_of_a_user_with_odd_paths() {
        let unit = unit(
            true,
            Path::new("/home/a b/wasmpod"),
            &Places {
                root: Some("/data/100%".into()),
                encryption_key: Some("/etc/key".into()),
                manifests: Some("/etc/pods".into()),
            },
        )
        .unwrap();
        let command = r#"ExecStart="/home/a b/wasmpod" --root "/data/100%%" --encryption-key /etc/key up --manifests /etc/pods"#;
        assert!(unit.contains(command), "{unit}");
        assert!(unit.contains("WantedBy=default.target"), "{unit}");
        assert!(!unit.contains("network-online"), "{unit}");
    }
}
