//! What is printed.

use super::common::{Host, container, pod};
use super::{run, run_with};

#[test]
fn lines_of_several_containers_are_never_torn() {
    let host = Host::new();
    let low = container("low").command(["seq", "100000", "119999"]);
    let high = container("high").command(["seq", "200000", "219999"]);
    let pod = pod("loud").restart("Never").container(low).container(high);
    let run = run(&host, &pod).success();
    let mut lines: Vec<u32> = run
        .stdout
        .lines()
        .map(|line| line.parse().expect("a line is whole"))
        .collect();
    lines.sort_unstable();
    assert!(
        lines
            .into_iter()
            .eq((100_000..120_000).chain(200_000..220_000))
    );
}

#[test]
fn a_prefix_names_the_container_when_asked_for() {
    let host = Host::new();
    let pod = pod("named")
        .restart("Never")
        .container(container("app").command(["echo", "hello"]));
    assert_eq!(
        run_with(&host, &pod, &["--prefix"]).success().stdout,
        "[app] hello\n"
    );
}

#[test]
fn stderr_of_a_container_goes_to_stderr() {
    let host = Host::new();
    let pod = pod("errs")
        .restart("Never")
        .container(container("app").command(["cat", "/missing"]));
    let run = run(&host, &pod).assert_code(1);
    assert_eq!(run.stdout, "");
    assert!(run.stderr.contains("/missing"), "{run}");
}

#[test]
fn json_output_is_one_object_a_line() {
    let host = Host::new();
    let pod = pod("json")
        .restart("Never")
        .container(container("app").command(["echo", "hello"]));
    let run = run_with(&host, &pod, &["-o", "json"]).success();
    let objects: Vec<serde_json::Value> = run
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect(line))
        .collect();
    assert!(
        objects
            .iter()
            .any(|o| o["log"]["line"] == "hello" && o["log"]["container"] == "app"),
        "{run}"
    );
    assert!(
        objects.iter().any(|o| o["event"]["reason"] == "Started"),
        "{run}"
    );
    let last = objects
        .iter()
        .rfind(|o| o.get("pod").is_some())
        .expect("a pod is printed");
    assert_eq!(last["pod"]["status"]["phase"], "Succeeded");
}

#[test]
fn events_are_told_in_the_words_of_the_kubelet() {
    let host = Host::new();
    let pod = pod("told")
        .restart("Never")
        .container(container("app").command(["true"]));
    let run = run_with(&host, &pod, &["-o", "events"]).success();
    let reasons: Vec<&str> = run
        .stdout
        .lines()
        .filter_map(|line| line.split_whitespace().nth(2))
        .collect();
    assert_eq!(
        reasons,
        ["REASON", "Scheduled", "Pulled", "Created", "Started"],
        "{run}"
    );
}

#[test]
fn a_reader_that_goes_away_does_not_hang_the_pod() {
    let host = Host::new();
    let pod = pod("pipe")
        .restart("Never")
        .container(container("app").command(["seq", "1", "10000000"]));
    let file = host.file("pod.yaml", pod.to_string());
    let mut shell = std::process::Command::new("sh");
    let script = format!(
        "{} --root {} run {} | head -n 1",
        env!("CARGO_BIN_EXE_wasmpod"),
        host.root().display(),
        file.display()
    );
    shell.args(["-c", &script]);
    let run = host.spawn_command(shell).wait();
    assert_eq!(run.stdout, "1\n");
}
