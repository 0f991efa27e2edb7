//! Bad input: a clear message with path and value, exit code 2 (manifest) or 1 (run time), and nothing left behind.

use super::common::{Host, Run, container, pod};
use super::{assert_clean, run, wat};

#[track_caller]
fn refused(host: &Host, manifest: impl AsRef<[u8]>, parts: &[&str]) {
    let file = host.file("bad.yaml", manifest);
    let run: Run = host
        .run(["run".as_ref(), file.as_os_str()])
        .assert_code(2)
        .says(parts);
    assert_eq!(run.stdout, "", "{run}");
    assert_clean(host);
}

const HEAD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: bad}\nspec:\n";

#[test]
fn manifests_that_are_wrong_are_refused_by_path_and_value() {
    let host = Host::new();
    let with = |spec: &str| format!("{HEAD}{spec}");
    let container = "  containers: [{name: a, image: wasmpod/toolbox}]\n";
    let cases: [(String, &[&str]); 12] = [
        (
            with(&format!("{container}  restartPolcy: Never\n")),
            &["spec.restartPolcy", "restartPolicy", ":6"],
        ),
        (
            with(&format!(
                "{container}  terminationGracePeriodSeconds: soon\n"
            )),
            &["spec.terminationGracePeriodSeconds", "soon"],
        ),
        (
            with("  containers: [{name: a}]\n"),
            &["spec.containers[0].image: Required value"],
        ),
        (
            with(
                "  containers: [{name: a, image: wasmpod/toolbox}, {name: a, image: wasmpod/toolbox}]\n",
            ),
            &["spec.containers[1].name: Duplicate value: \"a\""],
        ),
        (
            with(
                "  containers: [{name: a, image: wasmpod/toolbox, resources: {requests: {memory: 2Mi}, limits: {memory: 1Mi}}}]\n",
            ),
            &[
                "spec.containers[0].resources.requests",
                "must be less than or equal to memory limit",
            ],
        ),
        (
            with(
                "  containers: [{name: a, image: wasmpod/toolbox, volumeMounts: [{name: v, mountPath: /v}]}]\n",
            ),
            &["spec.containers[0].volumeMounts[0].name: Not found: \"v\""],
        ),
        (
            with(
                "  containers: [{name: a, image: wasmpod/toolbox, ports: [{containerPort: 70000}]}]\n",
            ),
            &["spec.containers[0].ports[0].containerPort", "70000"],
        ),
        (
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n".to_owned(),
            &["Deployment", "not supported yet"],
        ),
        ("a: [1, 2\n".to_owned(), &["bad.yaml"]),
        (String::new(), &["bad.yaml"]),
        (
            "apiVersion: v1\nkind: Pod\nmetadata: {name: bad}\nspec: {}\n".to_owned(),
            &["spec.containers: Required value"],
        ),
        (billion_laughs(), &["bad.yaml"]),
    ];
    for (manifest, parts) in cases {
        refused(&host, manifest, parts);
    }
}

fn billion_laughs() -> String {
    let mut text = String::from("a0: &a0 [x, x]\n");
    for n in 1..40 {
        text += &format!("a{n}: &a{n} [*a{m}, *a{m}]\n", m = n - 1);
    }
    text
}

#[test]
fn a_manifest_that_is_not_utf8_is_refused() {
    refused(
        &Host::new(),
        [b"apiVersion: v1\nkind: ".as_slice(), &[0xff, 0xfe]].concat(),
        &["UTF-8"],
    );
}

#[test]
fn a_manifest_of_more_than_ten_megabytes_is_refused() {
    refused(&Host::new(), vec![b'#'; 11 * 1024 * 1024], &["larger"]);
}

#[test]
fn a_missing_file_is_named() {
    let host = Host::new();
    host.run(["run", "missing.yaml"])
        .assert_code(2)
        .says(&["missing.yaml"]);
    host.run(["run", "missing.wasm"])
        .assert_code(1)
        .says(&["missing.wasm"]);
    assert_clean(&host);
}

#[track_caller]
fn image_refused(host: &Host, image: &str, parts: &[&str]) {
    let pod = pod("image")
        .restart("Never")
        .container(container("app").image(image));
    let run = run(host, &pod).assert_code(1).says(parts);
    assert_eq!(run.stderr.lines().count(), 1, "printed once: {run}");
    assert_clean(host);
}

#[test]
fn images_that_cannot_be_used_are_refused_before_anything_runs() {
    let host = Host::new();
    host.file("text.wasm", "not wasm at all");
    let whole = wat::parse_str(super::TRAPS).expect("valid");
    host.file("cut.wasm", &whole[..whole.len() - 3]);
    wat(&host, "library.wasm", "(module (func (export \"add\")))");
    wat(
        &host,
        "needy.wasm",
        r#"(module (import "host" "secret" (func)) (memory (export "memory") 1) (func (export "_start")))"#,
    );
    host.file(
        "reactor.wasm",
        wat::parse_str("(component)").expect("valid"),
    );
    image_refused(
        &host,
        "./missing.wasm",
        &["./missing.wasm", "does not exist"],
    );
    image_refused(&host, "./text.wasm", &["text.wasm", "not a wasm binary"]);
    image_refused(&host, "./cut.wasm", &["cut.wasm", "not valid wasm"]);
    image_refused(&host, "./library.wasm", &["library.wasm", "_start"]);
    image_refused(&host, "./needy.wasm", &["needy.wasm", "host", "secret"]);
    image_refused(&host, "./reactor.wasm", &["reactor.wasm", "wasi:cli/run"]);
    image_refused(&host, "nginx:1.27", &["nginx:1.27", "wasmpod/toolbox"]);
}

#[test]
fn validate_reports_everything_at_once() {
    let host = Host::new();
    let manifest = format!(
        "{HEAD}  containers: [{{name: A, image: ''}}]\n  volumes: [{{name: x}}, {{name: x}}]\n  nope: 1\n"
    );
    host.file("bad.yaml", manifest);
    host.run(["validate", "bad.yaml"]).assert_code(2).says(&[
        "spec.containers[0].name",
        "spec.containers[0].image",
        "spec.volumes[1].name",
        "spec.nope",
    ]);
}

#[test]
fn validate_says_which_pods_are_valid() {
    let host = Host::new();
    host.file(
        "good.yaml",
        pod("good").container(container("app")).to_string(),
    );
    let run = host.run(["validate", "good.yaml"]).success();
    assert_eq!(run.stdout, "pod/good is valid\n");
}

#[test]
fn flags_for_a_program_are_refused_for_a_manifest() {
    let host = Host::new();
    host.file(
        "good.yaml",
        pod("good").container(container("app")).to_string(),
    );
    host.run(["run", "-e", "A=1", "good.yaml"])
        .assert_code(2)
        .says(&["--env", "good.yaml"]);
}

#[test]
fn two_pods_in_a_file_are_one_too_many() {
    let host = Host::new();
    let one = pod("one").container(container("app"));
    host.file("two.yaml", format!("{one}\n---\n{one}\n"));
    host.run(["run", "two.yaml"])
        .assert_code(2)
        .says(&["2 Pods"]);
}
