//! The flags of `wasmpod run app.wasm`.

use k8s_openapi::jiff::Timestamp;

use super::*;
use crate::spec::pod::{HostPathKind, Pod, RestartPolicy, VolumeSource};
use crate::spec::{Composed, Facts, Nothing, Validate, admit_object, compose, resolve};

fn strings(list: &[&str]) -> Vec<String> {
    list.iter().map(|&text| text.to_owned()).collect()
}

fn pod(program: &Program) -> Pod {
    let object = pod_for_program(program, FilePath::new("/home/me"))
        .unwrap_or_else(|complaints| panic!("{complaints}"));
    let (object, warnings) =
        admit_object(object, Validate::Strict).unwrap_or_else(|complaints| panic!("{complaints}"));
    assert_eq!(warnings, []);
    resolve(
        object,
        FilePath::new("/home/me"),
        "u".to_owned(),
        Timestamp::UNIX_EPOCH,
    )
    .unwrap_or_else(|complaints| panic!("{complaints}"))
}

fn started(pod: &Pod) -> Composed {
    compose(pod, 0, &Facts::default(), &Nothing).unwrap_or_else(|text| panic!("{text}"))
}

#[test]
fn a_program_becomes_a_pod_of_one_container_that_runs_once() {
    let pod = pod(&Program {
        image: "target/My App.wasm".to_owned(),
        args: strings(&["a", "$(HOME)", "5$$"]),
        ..Program::default()
    });
    assert_eq!(
        (pod.name.as_str(), pod.containers[0].name.as_str()),
        ("my-app", "my-app")
    );
    assert_eq!(pod.restart_policy, RestartPolicy::Never);
    let written = "./target/My App.wasm".to_owned();
    assert_eq!(
        pod.containers[0].image,
        Image::File {
            written,
            path: "/home/me/target/My App.wasm".into()
        }
    );
    assert_eq!(started(&pod).args, ["a", "$(HOME)", "5$$"]);
}

#[test]
fn the_flags_mean_what_they_mean_to_podman() {
    let pod = pod(&Program {
        image: "wasmpod/toolbox".to_owned(),
        env: strings(&["A=1", "B=x=$(A)", "C="]),
        volumes: strings(&["../data:/d:ro", "/abs:/e"]),
        publish: strings(&["8080:80", "127.0.0.1:53:53/udp", "[::1]:81:80"]),
        name: Some("tools".to_owned()),
        restart: Some("on-failure".to_owned()),
        ..Program::default()
    });
    let one = &pod.containers[0];
    assert_eq!(one.image, Image::Toolbox);
    let env = started(&pod).env;
    assert_eq!(env[1], ("B".to_owned(), "x=$(A)".to_owned()));
    assert_eq!(env[2], ("C".to_owned(), String::new()));
    assert_eq!(
        pod.volumes[0].source,
        VolumeSource::HostPath {
            path: "/home/data".into(),
            kind: HostPathKind::Directory
        }
    );
    assert_eq!(
        (
            one.mounts[0].path.as_str(),
            one.mounts[0].read_only,
            one.mounts[1].read_only
        ),
        ("/d", true, false)
    );
    let ports: Vec<_> = one
        .ports
        .iter()
        .map(|port| {
            (
                port.host_ip.map(|ip| ip.to_string()),
                port.host_port,
                port.container_port,
            )
        })
        .collect();
    assert_eq!(
        ports,
        [
            (None, Some(8080), 80),
            (Some("127.0.0.1".to_owned()), Some(53), 53),
            (Some("::1".to_owned()), Some(81), 80)
        ]
    );
    assert_eq!(
        (pod.name.as_str(), pod.restart_policy),
        ("tools", RestartPolicy::OnFailure)
    );
}

#[test]
fn every_wrong_flag_is_told() {
    let complaints = pod_for_program(
        &Program {
            image: "app.wasm".to_owned(),
            env: strings(&["A"]),
            volumes: strings(&["data:/d", "/a", "/a:b", "/a:/b:rx"]),
            publish: strings(&["80", "0:80", "x:80:80", "80:80/sctp"]),
            restart: Some("sometimes".to_owned()),
            ..Program::default()
        },
        FilePath::new("/"),
    )
    .expect_err("refused");
    let said: Vec<String> = complaints.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "--restart: Invalid value: \"sometimes\": must be one of no, always, on-failure",
            "-e: Invalid value: \"A\": must be NAME=VALUE",
            "-p: Invalid value: \"80\": must be [IP:]HOSTPORT:CONTAINERPORT[/tcp|udp]",
            "-p: Invalid value: \"0:80\": \"0\" is not a port, which is a number between 1 and 65535",
            "-p: Invalid value: \"x:80:80\": \"x\" is not an IP address",
            "-p: Invalid value: \"80:80/sctp\": must be [IP:]HOSTPORT:CONTAINERPORT[/tcp|udp]",
            "-v: Invalid value: \"data:/d\": named volumes are not supported, write ./data for the folder",
            "-v: Invalid value: \"/a\": must be HOSTDIR:/path[:ro|rw]",
            "-v: Invalid value: \"/a:b\": \"b\" must be an absolute path",
            "-v: Invalid value: \"/a:/b:rx\": \"rx\" is not a mode, which is ro or rw",
        ]
    );
}
