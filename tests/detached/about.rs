//! `info`, `version` and `completion`.

use serde_json::Value;

use super::common::Host;
use super::{host_with, idler};

fn json(host: &Host, verb: &str) -> Value {
    let run = host.run([verb, "-o", "json"]).success();
    serde_json::from_str(&run.stdout).expect("JSON")
}

#[test]
fn info_says_where_everything_is_and_what_is_there() {
    let host = host_with("web", &idler("web"));
    let info = json(&host, "info");
    assert_eq!(info["pods"]["total"], 1);
    assert_eq!(info["pods"]["processes"], 1);
    assert_eq!(info["pods"]["phases"]["Running"], 1);
    assert_eq!(info["pods"]["namespaces"]["default"], 1);
    let data = host.root().join("data").display().to_string();
    assert_eq!(info["directories"]["data"], data);
    host.run(["info"])
        .success()
        .says(&["directories:\n", &format!("  data: {data}\n")]);
}

#[test]
fn the_version_has_the_keys_of_kubectls() {
    let host = Host::new();
    let version = json(&host, "version");
    let ours = format!("v{}", env!("CARGO_PKG_VERSION"));
    assert_eq!(version["clientVersion"]["gitVersion"], ours);
    assert_eq!(version["serverVersion"]["major"], "1");
    let run = host.run(["version", "--client"]).success();
    assert_eq!(run.stdout, format!("Client Version: {ours}\n"));
}

#[test]
fn a_shell_understands_its_completion() {
    let host = Host::new();
    let run = host.run(["completion", "bash"]).success();
    host.file("completion.bash", &run.stdout);
    let script = "source completion.bash && complete -p wasmpod";
    let mut bash = std::process::Command::new("bash");
    bash.args(["-c", script]);
    host.spawn_command(bash)
        .wait()
        .success()
        .says(&["_wasmpod"]);
}
