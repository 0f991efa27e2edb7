//! Tokens and encrypted secrets, through the real binary.

mod common;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use common::{Host, Pod, Run, container, eventually, pod};
use k8s_openapi::api::core::v1;
use serde_json::{Value, json};
use wasmpod::node::{Layout, Store, seal};

fn token<'a>(host: &Host, args: impl IntoIterator<Item = &'a str>) -> String {
    let words = ["create", "token", "default"].into_iter().chain(args);
    let run = host.run(words).success();
    // Without the end of a line, as whoever puts it into a header needs it.
    assert_eq!(run.stdout.split('.').count(), 3, "{run}");
    assert!(!run.stdout.ends_with('\n'), "{run}");
    run.stdout
}

fn review(host: &Host, token: &str) -> (i32, Value) {
    let run = host.run_with_input(["token", "review", "-", "-o", "json"], token);
    let review: Value =
        serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run}"));
    (run.code(), review["status"].clone())
}

fn sleeper() -> Pod {
    let app = container("app").command(["sleep", "100000"]);
    pod("web").restart("Never").grace(1).container(app)
}

#[test]
fn a_token_that_was_created_is_believed_and_a_forged_one_is_not() {
    let host = Host::new();
    let token = token(&host, []);
    let (code, status) = review(&host, &format!("{token}\n"));
    assert_eq!(code, 0, "{status}");
    assert_eq!(status["authenticated"], true);
    assert_eq!(
        status["user"]["username"],
        "system:serviceaccount:default:default"
    );
    let (head, signature) = token.rsplit_once('.').expect("three parts");
    let forged = format!("{head}.{}", signature.chars().rev().collect::<String>());
    let (code, status) = review(&host, &forged);
    assert_eq!(
        (code, status),
        (
            1,
            json!({ "error": "[invalid bearer token, invalid signature]" })
        )
    );
    // Of another machine.
    let (code, status) = review(&Host::new(), &token);
    let error = "[invalid bearer token, invalid signature, no keys found]";
    assert_eq!((code, status), (1, json!({ "error": error })));
}

#[test]
fn a_token_is_for_those_who_were_named() {
    let host = Host::new();
    let token = token(&host, ["--audience", "vault", "--duration=10m"]);
    let asked = host.run(["token", "review", &token, "--audience", "vault"]);
    asked.success().says(&["- vault", "authenticated: true"]);
    let error = "-o=jsonpath={.status.error}";
    let run = host.run(["token", "review", &token, error]).assert_code(1);
    let own = "https://kubernetes.default.svc.cluster.local";
    assert_eq!(
        run.stdout,
        format!(
            "[invalid bearer token, token audiences [\"vault\"] is invalid for the target audiences [{own:?}]]"
        )
    );
}

#[test]
fn the_answer_of_create_token_is_an_object() {
    let host = Host::new();
    let run = host
        .run(["create", "token", "default", "-o", "json"])
        .success();
    let answer: Value = serde_json::from_str(&run.stdout).expect("json");
    assert_eq!(answer["kind"], "TokenRequest");
    assert_eq!(answer["spec"]["expirationSeconds"], 3600);
    assert_eq!(
        review(&host, answer["status"]["token"].as_str().expect("a token")).0,
        0
    );
    for (args, told) in [
        (
            vec!["nobody"],
            "error: failed to create token: serviceaccounts \"nobody\" not found\n",
        ),
        (
            vec!["default", "--duration", "599s"],
            "error: failed to create token: TokenRequest.authentication.k8s.io \"\" is invalid: spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes\n",
        ),
    ] {
        let run = host
            .run(["create", "token"].into_iter().chain(args))
            .assert_code(1);
        assert_eq!(run.stderr, told);
    }
}

#[test]
fn a_token_that_is_bound_to_a_pod_dies_with_it() {
    let host = Host::new();
    host.file("web.yaml", sleeper().to_string());
    host.run(["apply", "-f", "web.yaml"]).success();
    let token = token(
        &host,
        ["--bound-object-kind=Pod", "--bound-object-name=web"],
    );
    let (code, status) = review(&host, &token);
    assert_eq!(code, 0, "{status}");
    assert_eq!(
        status["user"]["extra"]["authentication.kubernetes.io/pod-name"],
        json!(["web"])
    );
    host.run(["delete", "pod", "web"]).success();
    let (code, status) = review(&host, &token);
    let error = "[invalid bearer token, service account token has been invalidated]";
    assert_eq!((code, status), (1, json!({ "error": error })));
}

/// Who may read the files of another user reads those that are published.
#[test]
fn the_keys_that_are_printed_are_those_that_are_published() {
    let host = Host::new();
    let printed = |what: &str| -> Value {
        let run = host.run(["token", what]).success();
        serde_json::from_str(&run.stdout).expect("json")
    };
    let keys = printed("jwks");
    let uri = printed("discovery")["jwks_uri"].clone();
    let path = uri
        .as_str()
        .and_then(|uri| uri.strip_prefix("file://"))
        .expect("a file's URI");
    let mode = fs::metadata(path).expect("the keys").permissions().mode();
    assert_eq!(mode & 0o777, 0o644);
    let published: Value =
        serde_json::from_slice(&fs::read(path).expect("the keys")).expect("json");
    assert_eq!(published, keys);
}

fn key(host: &Host, content: &[u8]) -> PathBuf {
    let path = host.file("key", content);
    fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("our own file");
    path
}

/// What the program that is told the same key has stored.
fn store_sealed(host: &Host, key: &Path) {
    let key = seal::Key::read(key).expect("a key");
    let secret: v1::Secret = serde_json::from_value(json!({
        "metadata": { "name": "login", "namespace": "default" },
        "data": { "pass": "aHVudGVyMg==" },
    }))
    .expect("a secret");
    let root = host.root();
    let store = Store::new(Layout {
        run: root.join("run"),
        data: root.join("data"),
        logs: root.join("logs"),
    });
    store.ensure_namespace("default").expect("a namespace");
    store
        .with_key(Some(key))
        .objects()
        .create(secret)
        .expect("a new secret");
    let file = root.join("data/objects/secrets/default/login.json");
    assert!(seal::is_sealed(&fs::read(file).expect("its file")));
}

fn reader() -> Pod {
    let app = container("app")
        .command(["cat", "/login/pass"])
        .mount("login", "/login");
    pod("web").restart("Never").grace(1).container(app).set(
        "spec.volumes",
        json!([{ "name": "login", "secret": { "secretName": "login" } }]),
    )
}

fn succeeded(host: &Host) -> Run {
    let phase = "--for=jsonpath={.status.phase}=Succeeded";
    host.run(["wait", phase, "pod/web"]).success();
    host.run(["logs", "web"]).success()
}

#[test]
fn a_pods_process_opens_secrets_with_the_key_that_was_given() {
    let host = Host::new();
    let key = key(&host, &[7; 32]);
    store_sealed(&host, &key);
    host.file("web.yaml", reader().to_string());
    // A path of the working folder, which is not the process's.
    host.run(["--encryption-key", "key", "apply", "-f", "web.yaml"])
        .success();
    assert_eq!(succeeded(&host).stdout, "hunter2");
}

#[test]
fn a_pod_without_the_key_says_what_it_waits_for() {
    let host = Host::new();
    let key = key(&host, &[7; 32]);
    store_sealed(&host, &key);
    host.file("web.yaml", reader().to_string());
    host.run(["apply", "-f", "web.yaml"]).success();
    eventually("the event of the mount", || {
        let events = host.run(["events"]).stdout;
        let told = "the key has to be given with --encryption-key FILE";
        (events.contains("FailedMount") && events.contains(told)).then_some(())
    });
}

#[test]
fn a_key_that_cannot_be_used_is_refused_before_anything_is_done() {
    let host = Host::new();
    let path = key(&host, b"hunter2");
    let apply = || {
        let args = ["--encryption-key", "key", "apply", "-f", "web.yaml"];
        host.run(args).assert_code(2).stderr
    };
    host.file("web.yaml", sleeper().to_string());
    let begin = format!("error: encryption key {}: ", path.display());
    let told = |reason: &str| format!("{begin}{reason}\n");
    let wrong = "must be 32 bytes, or 32 bytes in base64: `head -c 32 /dev/urandom` makes one";
    assert_eq!(apply(), told(wrong));
    fs::set_permissions(&path, Permissions::from_mode(0o644)).expect("our own file");
    let open = "others than its owner may use it (mode 0644); set it to 0600, or 0400";
    assert_eq!(apply(), told(open));
    assert_eq!(host.state(), [] as [&str; 0]);
}
