//! `wasmpod run app.wasm`.

use super::common::{Host, guest};
use super::{assert_clean, exits, wat};

#[test]
fn a_program_runs_with_its_arguments() {
    let host = Host::new();
    let toolbox = guest("toolbox");
    let run = host
        .run([
            "run".as_ref(),
            toolbox.as_os_str(),
            "echo".as_ref(),
            "-n".as_ref(),
            "a b".as_ref(),
        ])
        .success();
    assert_eq!(run.stdout, "a b");
    assert_clean(&host);
}

#[test]
fn a_program_gets_its_environment() {
    let host = Host::new();
    let toolbox = guest("toolbox");
    let args = [
        "run",
        "-e",
        "A=1",
        "-e",
        "B=x=y",
        toolbox.to_str().expect("utf-8"),
        "env",
    ];
    let run = host.run(args).success();
    assert!(
        run.stdout.contains("A=1\n") && run.stdout.contains("B=x=y\n"),
        "{run}"
    );
    assert!(
        !run.stdout.contains("HOME="),
        "nothing of the host's environment: {run}"
    );
}

#[test]
fn a_program_reads_standard_input_when_told_so() {
    let host = Host::new();
    let toolbox = guest("toolbox");
    let args = ["run", "-i", toolbox.to_str().expect("utf-8"), "cat"];
    assert_eq!(
        host.run_with_input(args, "one\ntwo\n").success().stdout,
        "one\ntwo\n"
    );
    let args = ["run", toolbox.to_str().expect("utf-8"), "cat"];
    assert_eq!(host.run_with_input(args, "one\ntwo\n").success().stdout, "");
}

#[test]
fn a_program_ends_with_its_exit_code() {
    let host = Host::new();
    wat(&host, "nine.wasm", &exits(9));
    host.run(["run", "nine.wasm"]).assert_code(9);
}

#[test]
fn a_directory_of_this_machine_can_be_mounted() {
    let host = Host::new();
    host.file("data/greeting", "hello\n");
    let toolbox = guest("toolbox");
    let args = [
        "run",
        "-v",
        "./data:/data:ro",
        toolbox.to_str().expect("utf-8"),
        "cat",
        "/data/greeting",
    ];
    assert_eq!(host.run(args).success().stdout, "hello\n");
}
