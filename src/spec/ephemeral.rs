//! Ephemeral containers are containers by another type: the same fields, and one more.

use k8s_openapi::api::core::v1;

/// The container it is, without the container it looks at.
pub fn as_container(ephemeral: &v1::EphemeralContainer) -> v1::Container {
    take(&mut ephemeral.clone())
}

/// Changes what it shares with every container.
pub fn edit(ephemeral: &mut v1::EphemeralContainer, change: impl FnOnce(&mut v1::Container)) {
    let mut container = take(ephemeral);
    change(&mut container);
    let target = ephemeral.target_container_name.take();
    *ephemeral = v1::EphemeralContainer {
        args: container.args,
        command: container.command,
        env: container.env,
        env_from: container.env_from,
        image: container.image,
        image_pull_policy: container.image_pull_policy,
        lifecycle: container.lifecycle,
        liveness_probe: container.liveness_probe,
        name: container.name,
        ports: container.ports,
        readiness_probe: container.readiness_probe,
        resize_policy: container.resize_policy,
        resources: container.resources,
        restart_policy: container.restart_policy,
        restart_policy_rules: container.restart_policy_rules,
        security_context: container.security_context,
        startup_probe: container.startup_probe,
        stdin: container.stdin,
        stdin_once: container.stdin_once,
        target_container_name: target,
        termination_message_path: container.termination_message_path,
        termination_message_policy: container.termination_message_policy,
        tty: container.tty,
        volume_devices: container.volume_devices,
        volume_mounts: container.volume_mounts,
        working_dir: container.working_dir,
    };
}

fn take(ephemeral: &mut v1::EphemeralContainer) -> v1::Container {
    let target = ephemeral.target_container_name.take();
    let taken = std::mem::take(ephemeral);
    ephemeral.target_container_name = target;
    v1::Container {
        args: taken.args,
        command: taken.command,
        env: taken.env,
        env_from: taken.env_from,
        image: taken.image,
        image_pull_policy: taken.image_pull_policy,
        lifecycle: taken.lifecycle,
        liveness_probe: taken.liveness_probe,
        name: taken.name,
        ports: taken.ports,
        readiness_probe: taken.readiness_probe,
        resize_policy: taken.resize_policy,
        resources: taken.resources,
        restart_policy: taken.restart_policy,
        restart_policy_rules: taken.restart_policy_rules,
        security_context: taken.security_context,
        startup_probe: taken.startup_probe,
        stdin: taken.stdin,
        stdin_once: taken.stdin_once,
        termination_message_path: taken.termination_message_path,
        termination_message_policy: taken.termination_message_policy,
        tty: taken.tty,
        volume_devices: taken.volume_devices,
        volume_mounts: taken.volume_mounts,
        working_dir: taken.working_dir,
    }
}
