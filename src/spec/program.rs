//! `wasmpod run app.wasm arg...`: a pod around one program, with the flags podman has.

use std::path::{Component, Path as FilePath, PathBuf};

use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::complaint::{Complaint, ComplaintKind, Complaints, Severity};
use super::expand::literal;
use super::image;
use super::pod::Image;

/// What was typed, the flags as text.
#[derive(Clone, Debug, Default)]
pub struct Program {
    /// A path to a wasm file, with or without `./`, or `wasmpod/toolbox`.
    pub image: String,
    pub args: Vec<String>,
    /// `-e NAME=VALUE`. A bare `NAME`, which podman takes from its own environment, is for the caller to complete.
    pub env: Vec<String>,
    /// `-v HOSTDIR:/path[:ro|rw]`
    pub volumes: Vec<String>,
    /// `-p [IP:]HOSTPORT:CONTAINERPORT[/tcp|udp]`
    pub publish: Vec<String>,
    /// `--name`; by default the name of the file.
    pub name: Option<String>,
    /// `--restart no|always|on-failure`
    pub restart: Option<String>,
}

/// Makes the pod. `cwd` is what relative paths are relative to.
pub fn pod_for_program(program: &Program, cwd: &FilePath) -> Result<v1::Pod, Complaints> {
    let mut wrong = Wrong(Vec::new());
    let mut pod = v1::Pod::default();
    let name = program
        .name
        .clone()
        .unwrap_or_else(|| name_of(&program.image));
    let mut container = v1::Container {
        name: container_name(&name),
        image: Some(image_of(&program.image)),
        ..v1::Container::default()
    };
    let mut spec = v1::PodSpec {
        restart_policy: Some(restart(program.restart.as_deref(), &mut wrong).to_owned()),
        ..v1::PodSpec::default()
    };
    // What a shell has passed is meant as it is: a manifest's $(VAR) must not happen to it.
    container.args = given(
        program
            .args
            .iter()
            .map(|arg| literal_if_needed(arg))
            .collect(),
    );
    container.env = given(
        program
            .env
            .iter()
            .filter_map(|text| wrong.keep("-e", text, env(text)))
            .collect(),
    );
    container.ports = given(
        program
            .publish
            .iter()
            .filter_map(|text| wrong.keep("-p", text, port(text)))
            .collect(),
    );
    let mut mounts = Vec::new();
    let mut volumes = Vec::new();
    for (index, text) in program.volumes.iter().enumerate() {
        if let Some((volume, mount)) = wrong.keep("-v", text, volume(text, index, cwd)) {
            volumes.push(volume);
            mounts.push(mount);
        }
    }
    container.volume_mounts = given(mounts);
    spec.volumes = given(volumes);
    spec.containers = vec![container];
    pod.metadata = ObjectMeta {
        name: Some(name),
        ..ObjectMeta::default()
    };
    pod.spec = Some(spec);
    if wrong.0.is_empty() {
        Ok(pod)
    } else {
        Err(Complaints(wrong.0))
    }
}

struct Wrong(Vec<Complaint>);

impl Wrong {
    fn keep<T>(&mut self, flag: &str, text: &str, result: Result<T, String>) -> Option<T> {
        result
            .map_err(|detail| {
                self.0.push(Complaint {
                    source: String::new(),
                    line: None,
                    object: String::new(),
                    path: flag.to_owned(),
                    kind: ComplaintKind::Invalid,
                    message: format!("Invalid value: {text:?}: {detail}"),
                    severity: Severity::Error,
                });
            })
            .ok()
    }
}

fn given<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

fn literal_if_needed(text: &str) -> String {
    if text.contains("$(") || text.contains("$$") {
        literal(text)
    } else {
        text.to_owned()
    }
}

/// A path stays one in a manifest only with a `./` before it.
fn image_of(typed: &str) -> String {
    match image::resolve(typed, FilePath::new("/")) {
        Image::Toolbox | Image::File { .. } => typed.to_owned(),
        Image::Registry { .. } | Image::Invalid { .. } => format!("./{typed}"),
    }
}

/// `./My App.wasm` → `my-app`
fn name_of(image: &str) -> String {
    let file = image
        .rsplit(['/', ':'])
        .find(|part| !part.is_empty())
        .unwrap_or_default();
    let stem = match file.split_once('.') {
        Some(("", _)) | None => file,
        Some((stem, _)) => stem,
    };
    container_name(stem)
}

/// The nearest DNS label.
fn container_name(name: &str) -> String {
    const MAX: usize = 63;
    let label: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '-'
            }
        })
        .take(MAX)
        .collect();
    match label.trim_matches('-') {
        "" => "app".to_owned(),
        label => label.to_owned(),
    }
}

fn restart(typed: Option<&str>, wrong: &mut Wrong) -> &'static str {
    match typed {
        None | Some("no" | "never") => "Never",
        Some("always") => "Always",
        Some("on-failure") => "OnFailure",
        Some(other) => {
            wrong.keep(
                "--restart",
                other,
                Err::<(), _>("must be one of no, always, on-failure".to_owned()),
            );
            "Never"
        }
    }
}

fn env(text: &str) -> Result<v1::EnvVar, String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok(v1::EnvVar {
            name: name.to_owned(),
            value: Some(literal_if_needed(value)),
            ..v1::EnvVar::default()
        }),
        _ => Err("must be NAME=VALUE".to_owned()),
    }
}

fn port(text: &str) -> Result<v1::ContainerPort, String> {
    const FORM: &str = "must be [IP:]HOSTPORT:CONTAINERPORT[/tcp|udp]";
    let (numbers, protocol) = match text.rsplit_once('/') {
        Some((numbers, protocol)) => (numbers, protocol.to_uppercase()),
        None => (text, "TCP".to_owned()),
    };
    if !matches!(protocol.as_str(), "TCP" | "UDP") {
        return Err(FORM.to_owned());
    }
    let (host, container) = numbers.rsplit_once(':').ok_or(FORM)?;
    let (address, host) = match host.rsplit_once(':') {
        Some((address, host)) => (Some(address), host),
        None => (None, host),
    };
    let number = |text: &str| match text.parse::<u16>() {
        Ok(number) if number != 0 => Ok(i32::from(number)),
        _ => Err(format!(
            "{text:?} is not a port, which is a number between 1 and 65535"
        )),
    };
    let host_ip = match address {
        Some(text) => {
            let text = text
                .strip_prefix('[')
                .and_then(|text| text.strip_suffix(']'))
                .unwrap_or(text);
            let address: std::net::IpAddr = text
                .parse()
                .map_err(|_| format!("{text:?} is not an IP address"))?;
            Some(address.to_string())
        }
        None => None,
    };
    Ok(v1::ContainerPort {
        container_port: number(container)?,
        host_port: Some(number(host)?),
        host_ip,
        name: None,
        protocol: Some(protocol),
    })
}

fn volume(
    text: &str,
    index: usize,
    cwd: &FilePath,
) -> Result<(v1::Volume, v1::VolumeMount), String> {
    let mut parts = text.split(':');
    let (Some(host), Some(guest), mode, None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err("must be HOSTDIR:/path[:ro|rw]".to_owned());
    };
    let read_only = match mode {
        None | Some("rw") => false,
        Some("ro") => true,
        Some(other) => return Err(format!("{other:?} is not a mode, which is ro or rw")),
    };
    if !guest.starts_with('/') {
        return Err(format!("{guest:?} must be an absolute path"));
    }
    if !host.contains('/') && host != "." && host != ".." {
        return Err(format!(
            "named volumes are not supported, write ./{host} for the folder"
        ));
    }
    let name = format!("v{index}");
    let path = tidy(&cwd.join(host)).to_string_lossy().into_owned();
    let source = v1::HostPathVolumeSource {
        path,
        type_: Some("Directory".to_owned()),
    };
    let volume = v1::Volume {
        name: name.clone(),
        host_path: Some(source),
        ..v1::Volume::default()
    };
    let mount = v1::VolumeMount {
        name,
        mount_path: guest.to_owned(),
        read_only: read_only.then_some(true),
        ..v1::VolumeMount::default()
    };
    Ok((volume, mount))
}

/// Without `.` and `..`, as a shell shows it: a hostPath may have none.
fn tidy(path: &FilePath) -> PathBuf {
    let mut tidy = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                tidy.pop();
            }
            other => tidy.push(other),
        }
    }
    tidy
}

#[cfg(test)]
mod tests;
