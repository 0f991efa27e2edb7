//! The containers of a pod: what was asked for, and what became of it.

use k8s_openapi::api::core::v1::{
    Container, ContainerPort, ContainerState, ContainerStatus, EphemeralContainer, Pod, PodSpec,
    PodStatus, ResourceRequirements, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::page::Page;
use super::{Clock, env, probe};
use crate::cli::print::gotext;

pub fn all(page: &mut Page, pod: &Pod, spec: &PodSpec, status: &PodStatus, clock: &Clock) {
    let mut group =
        |title: &str, containers: &[Container], statuses: &Option<Vec<ContainerStatus>>| {
            page.line(
                0,
                &format!(
                    "{title}:{}",
                    if containers.is_empty() { " <none>" } else { "" }
                ),
            );
            for container in containers {
                let status = statuses
                    .iter()
                    .flatten()
                    .rfind(|status| status.name == container.name);
                one(page, pod, container, status, clock);
            }
        };
    let init = spec.init_containers.as_deref().unwrap_or_default();
    if !init.is_empty() {
        group("Init Containers", init, &status.init_container_statuses);
    }
    group("Containers", &spec.containers, &status.container_statuses);
    let ephemeral: Vec<Container> = spec
        .ephemeral_containers
        .iter()
        .flatten()
        .map(common)
        .collect();
    if !ephemeral.is_empty() {
        group(
            "Ephemeral Containers",
            &ephemeral,
            &status.ephemeral_container_statuses,
        );
    }
}

/// An ephemeral container as far as it is like any other.
fn common(container: &EphemeralContainer) -> Container {
    let container = container.clone();
    Container {
        name: container.name,
        image: container.image,
        command: container.command,
        args: container.args,
        ports: container.ports,
        security_context: container.security_context,
        resources: container.resources,
        liveness_probe: container.liveness_probe,
        readiness_probe: container.readiness_probe,
        startup_probe: container.startup_probe,
        env_from: container.env_from,
        env: container.env,
        volume_mounts: container.volume_mounts,
        volume_devices: container.volume_devices,
        ..Container::default()
    }
}

fn one(
    page: &mut Page,
    pod: &Pod,
    container: &Container,
    status: Option<&ContainerStatus>,
    clock: &Clock,
) {
    page.line(1, &format!("{}:", container.name));
    if let Some(status) = status {
        page.field(
            2,
            "Container ID",
            status.container_id.as_deref().unwrap_or_default(),
        );
    }
    page.field(2, "Image", container.image.as_deref().unwrap_or_default());
    if let Some(status) = status {
        page.field(2, "Image ID", &status.image_id);
    }
    ports(page, container.ports.as_deref().unwrap_or_default());
    seccomp(page, container);
    words(
        page,
        "Command",
        container.command.as_deref().unwrap_or_default(),
    );
    words(page, "Args", container.args.as_deref().unwrap_or_default());
    if let Some(status) = status {
        states(page, status, clock);
    }
    if let Some(resources) = &container.resources {
        amounts(page, resources, 2);
    }
    let probes = [
        ("Liveness", &container.liveness_probe),
        ("Readiness", &container.readiness_probe),
        ("Startup", &container.startup_probe),
    ];
    for (name, asked) in probes {
        if let Some(asked) = asked {
            page.field(2, name, &probe::text(asked));
        }
    }
    env::all(page, pod, container);
    mounts(page, container);
}

fn ports(page: &mut Page, ports: &[ContainerPort]) {
    let list = |number: fn(&ContainerPort) -> i32| {
        let text = |port: &ContainerPort| {
            let protocol = port.protocol.as_deref().unwrap_or("TCP");
            let name = port.name.as_ref().filter(|name| !name.is_empty());
            let name = name.map(|name| format!(" ({name})")).unwrap_or_default();
            format!("{}/{protocol}{name}", number(port))
        };
        ports.iter().map(text).collect::<Vec<_>>().join(", ")
    };
    let mut line = |name: &str, list: String| match list.as_str() {
        "" => page.field(2, name, "<none>"),
        _ if list.contains(',') => page.field(2, &format!("{name}s"), &list),
        _ => page.field(2, name, &list),
    };
    line("Port", list(|port| port.container_port));
    line("Host Port", list(|port| port.host_port.unwrap_or_default()));
}

fn seccomp(page: &mut Page, container: &Container) {
    let context = container.security_context.as_ref();
    if let Some(profile) = context.and_then(|context| context.seccomp_profile.as_ref()) {
        page.field(2, "SeccompProfile", &profile.type_);
        if profile.type_ == "Localhost" {
            page.field(
                3,
                "LocalhostProfile",
                profile.localhost_profile.as_deref().unwrap_or_default(),
            );
        }
    }
}

/// One word a line, and more of them if it has lines itself.
fn words(page: &mut Page, title: &str, words: &[String]) {
    if words.is_empty() {
        return;
    }
    page.line(2, &format!("{title}:"));
    let lines = words.iter().flat_map(|word| word.split('\n'));
    lines.for_each(|line| page.line(3, line));
}

fn states(page: &mut Page, status: &ContainerStatus, clock: &Clock) {
    let waiting = ContainerState::default();
    state(
        page,
        "State",
        status.state.as_ref().unwrap_or(&waiting),
        clock,
    );
    let last = status.last_state.as_ref();
    if let Some(last) = last.filter(|last| last.terminated.is_some()) {
        state(page, "Last State", last, clock);
    }
    page.field(2, "Ready", if status.ready { "True" } else { "False" });
    page.field(2, "Restart Count", &status.restart_count.to_string());
}

fn state(page: &mut Page, name: &str, state: &ContainerState, clock: &Clock) {
    if let Some(running) = &state.running {
        page.field(2, name, "Running");
        page.field(3, "Started", &clock.date(running.started_at.as_ref()));
    } else if let (Some(terminated), None) = (&state.terminated, &state.waiting) {
        page.field(2, name, "Terminated");
        page.filled(3, "Reason", terminated.reason.as_deref());
        page.filled(3, "Message", terminated.message.as_deref());
        page.field(3, "Exit Code", &terminated.exit_code.to_string());
        if let Some(signal) = terminated.signal.filter(|&signal| signal > 0) {
            page.field(3, "Signal", &signal.to_string());
        }
        page.field(3, "Started", &clock.date(terminated.started_at.as_ref()));
        page.field(3, "Finished", &clock.date(terminated.finished_at.as_ref()));
    } else {
        page.field(2, name, "Waiting");
        let waiting = state.waiting.as_ref();
        page.filled(
            3,
            "Reason",
            waiting.and_then(|waiting| waiting.reason.as_deref()),
        );
    }
}

/// Limits and requests, each under its own head.
pub fn amounts(page: &mut Page, resources: &ResourceRequirements, level: usize) {
    for (title, amounts) in [
        ("Limits", &resources.limits),
        ("Requests", &resources.requests),
    ] {
        let Some(amounts) = amounts.as_ref().filter(|amounts| !amounts.is_empty()) else {
            continue;
        };
        page.line(level, &format!("{title}:"));
        for (name, amount) in amounts {
            page.field(level + 1, name, &canonical(amount));
        }
    }
}

/// `0.5` is `500m`.
pub fn canonical(amount: &Quantity) -> String {
    match amount.0.parse::<crate::spec::Quantity>() {
        Ok(amount) => amount.to_string(),
        Err(_) => amount.0.clone(),
    }
}

fn mounts(page: &mut Page, container: &Container) {
    let mut mounts: Vec<&VolumeMount> = container.volume_mounts.iter().flatten().collect();
    mounts.sort_by(|a, b| a.mount_path.cmp(&b.mount_path));
    page.line(
        2,
        if mounts.is_empty() {
            "Mounts:\t<none>"
        } else {
            "Mounts:"
        },
    );
    for mount in mounts {
        let mut flags = if mount.read_only == Some(true) {
            "ro"
        } else {
            "rw"
        }
        .to_owned();
        if let Some(path) = mount.sub_path.as_ref().filter(|path| !path.is_empty()) {
            flags += &format!(",path={}", gotext::quoted(path));
        }
        page.line(
            3,
            &format!("{} from {} ({flags})", mount.mount_path, mount.name),
        );
    }
    let mut devices: Vec<_> = container.volume_devices.iter().flatten().collect();
    devices.sort_by(|a, b| a.device_path.cmp(&b.device_path));
    if !devices.is_empty() {
        page.line(2, "Devices:");
    }
    for device in devices {
        page.line(3, &format!("{} from {}", device.device_path, device.name));
    }
}
