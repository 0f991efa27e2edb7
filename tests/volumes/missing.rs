//! A stored pod waits for what is missing, says so, and goes on by itself when it appears.

use super::*;

const WAITING: &str = "{.status.containerStatuses[0].state.waiting.reason}";
const MESSAGE: &str = "{.status.containerStatuses[0].state.waiting.message}";

fn sleeper() -> Container {
    container("app").command(["sleep", "100000"])
}

#[test]
fn a_pod_without_its_config_map_is_creating_its_containers_until_it_is_there() {
    let pod = volumes(
        pod("web")
            .grace(1)
            .container(sleeper().mount("config", "/config")),
        json!([{"name": "config", "configMap": {"name": "settings"}}]),
    );
    let host = host_with(&pod);
    let text =
        "Warning MountVolume.SetUp failed for volume \"config\" : configmap \"settings\" not found";
    told(&host, "FailedMount", text);
    assert_eq!(field(&host, "{.status.phase}"), "Pending");
    assert_eq!(field(&host, WAITING), "ContainerCreating");
    assert_eq!(field(&host, MESSAGE), "");
    let made = r#"{.status.conditions[?(@.type=="PodReadyToStartContainers")].status}"#;
    assert_eq!(field(&host, made), "False");
    around::config_map(&host, "settings", &[("key", "value")]);
    ready(&host);
    assert_eq!(exec(&host, ["cat", "/config/key"]), "value");
    host.run(["delete", "pod", "web"]).success();
    assert_clean(&host);
}

#[test]
fn a_key_that_appears_later_is_found_too() {
    let host = Host::new();
    around::secret(&host, "login", &[("user", "admin")]);
    let source = json!([{"name": "login", "secret": {"secretName": "login", "items": [
        {"key": "pass", "path": "p"},
    ]}}]);
    apply(
        &host,
        &volumes(
            pod("web")
                .grace(1)
                .container(sleeper().mount("login", "/login")),
            source,
        ),
    );
    told(
        &host,
        "FailedMount",
        "references non-existent secret key: pass",
    );
    around::secret(&host, "login", &[("user", "admin"), ("pass", "s3cret")]);
    ready(&host);
    assert_eq!(exec(&host, ["cat", "/login/p"]), "s3cret");
}

#[test]
fn a_container_without_its_secret_waits_with_a_reason_until_it_is_there() {
    let env =
        json!([{"name": "PASS", "valueFrom": {"secretKeyRef": {"name": "login", "key": "pass"}}}]);
    let host = host_with(&pod("web").grace(1).container(sleeper().set("env", env)));
    eventually("it waits", || {
        (field(&host, WAITING) == "CreateContainerConfigError").then_some(())
    });
    assert_eq!(field(&host, MESSAGE), "secret \"login\" not found");
    told(&host, "Failed", "Warning Error: secret \"login\" not found");
    around::secret(&host, "login", &[("user", "admin")]);
    let text = "couldn't find key pass in Secret default/login";
    told(&host, "Failed", &format!("Warning Error: {text}"));
    around::secret(&host, "login", &[("pass", "s3cret")]);
    ready(&host);
    assert_eq!(
        exec(&host, ["env"])
            .lines()
            .find(|line| line.starts_with("PASS")),
        Some("PASS=s3cret")
    );
}

#[test]
fn a_pod_that_waits_can_be_deleted() {
    let pod = volumes(
        pod("web")
            .grace(1)
            .container(sleeper().mount("config", "/config")),
        json!([{"name": "config", "configMap": {"name": "settings"}}, {"name": "other", "emptyDir": {}}]),
    );
    let host = host_with(&pod);
    told(&host, "FailedMount", "not found");
    host.run(["delete", "pod", "web"]).success();
    assert_clean(&host);
}

#[test]
fn a_file_in_the_place_of_a_folder_is_told_of() {
    let host = Host::new();
    let file = host.file("plain", "");
    let source = json!([{"name": "host", "hostPath": {"path": file, "type": "Directory"}}]);
    apply(
        &host,
        &volumes(
            pod("web")
                .grace(1)
                .container(sleeper().mount("host", "/host")),
            source,
        ),
    );
    let text = format!(
        "Warning MountVolume.SetUp failed for volume \"host\" : hostPath type check failed: {} is not a directory",
        file.display()
    );
    told(&host, "FailedMount", &text);
    // The next attempts come by themselves.
    std::fs::remove_file(&file).expect("there");
    std::fs::create_dir(&file).expect("free");
    ready(&host);
}
