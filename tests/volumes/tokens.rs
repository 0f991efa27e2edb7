//! Who a pod is: the account's token in its files.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use k8s_openapi::api::core::v1;
use tokio::sync::watch;
use wasmpod::pod::{
    Compiler, Dirs, Images, Options, Pod as Running, Silent, StdinFrom, Surroundings, Token,
};
use wasmpod::spec::{self, Allocatable, TokenWish};

use super::*;

const PLACE: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

#[test]
fn what_is_run_in_the_foreground_has_a_token_if_it_asks_for_one() {
    let host = Host::new();
    let read = format!("cd {PLACE}; ls; cat namespace; echo; cat token; echo; head -n 1 ca.crt");
    let pod = once(&read).set("spec.serviceAccountName", "robot");
    let account =
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "robot"}});
    let run = run_with(&host, &pod, &[account]).success();
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(
        lines[..4],
        ["ca.crt", "namespace", "token", "default"],
        "{run}"
    );
    assert_eq!(lines[4].split('.').count(), 3, "{run}");
    assert_eq!(lines[5], "-----BEGIN CERTIFICATE-----", "{run}");
    assert_clean(&host);
    // And who does not ask has none.
    let run = super::run(&host, &once(&format!("ls {PLACE} || echo nobody")));
    assert_eq!(run.success().stdout, "nobody\n");
}

#[test]
fn an_account_that_is_not_there_is_refused() {
    let host = Host::new();
    let run = run(
        &host,
        &once("echo started").set("spec.serviceAccountName", "robot"),
    );
    assert_ne!(run.code(), 0, "{run}");
    assert_eq!(run.stdout, "");
    run.says(&["serviceaccount \"robot\" not found"]);
}

/// Numbers its tokens, which live for two seconds.
struct Issuer {
    issued: AtomicU32,
}

impl Surroundings for Issuer {
    fn config_map(&self, _: &str) -> Result<Option<Arc<v1::ConfigMap>>, String> {
        Ok(None)
    }

    fn secret(&self, _: &str) -> Result<Option<Arc<v1::Secret>>, String> {
        Ok(None)
    }

    fn claim(&self, name: &str) -> Result<PathBuf, String> {
        Err(name.to_owned())
    }

    fn token(&self, wish: &TokenWish) -> Result<Token, String> {
        assert_eq!(wish.audience.as_deref(), Some("vault"));
        let number = self.issued.fetch_add(1, Ordering::Relaxed);
        let now = SystemTime::now();
        Ok(Token {
            jwt: format!("token {number}"),
            expires: now + Duration::from_secs(2),
            renew: now + Duration::from_millis(1600),
        })
    }

    fn changes(&self) -> Option<watch::Receiver<u64>> {
        None
    }

    fn allocatable(&self) -> Allocatable {
        Allocatable::default()
    }
}

/// Waits an hour, which nobody here does.
const WAITS: &str = r#"(module
    (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "_start")
        (i32.store (i32.const 16) (i32.const 1))
        (i64.store (i32.const 24) (i64.const 3600000000000))
        (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))))"#;

/// The shortest token that may be asked for lives ten minutes; this program's own issuer gives out shorter ones.
#[test]
fn a_token_is_renewed_before_it_ends_and_never_after() {
    let scratch = tempfile::tempdir().expect("a directory");
    let wasm = wat::parse_str(WAITS).expect("a module");
    std::fs::write(scratch.path().join("waits.wasm"), wasm).expect("a file");
    let object = json!({
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {
            "containers": [{"name": "app", "image": "./waits.wasm", "volumeMounts": [
                {"name": "token", "mountPath": "/token"},
            ]}],
            "volumes": [{"name": "token", "projected": {"sources": [
                {"serviceAccountToken": {"path": "token", "audience": "vault", "expirationSeconds": 600}},
            ]}}],
        },
    });
    let object: v1::Pod = serde_json::from_value(object).expect("a pod");
    let created = "2026-01-31T12:00:00Z".parse().expect("a time");
    let spec = spec::resolve(object, scratch.path(), "u-1".to_owned(), created);
    let spec = spec.unwrap_or_else(|complaints| panic!("{complaints}"));
    let issuer = Arc::new(Issuer {
        issued: AtomicU32::new(0),
    });
    let options = Options {
        dirs: Dirs::under(&scratch.path().join("state")),
        compiler: Compiler::InProcess,
        console: Arc::new(Silent),
        stdin: StdinFrom::Attached,
        node: "here".to_owned(),
        images: Images::WhenPulled,
        resume: None,
        keep_volumes: false,
        surroundings: Arc::clone(&issuer) as _,
    };
    let file = scratch
        .path()
        .join("state/data/pods/u-1/volumes/kubernetes.io~projected/token/token");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let pod = Running::build(Arc::new(spec), options).expect("a pod");
        let handle = pod.handle();
        let look = tokio::task::spawn_blocking(move || {
            for number in 0..3 {
                let expected = format!("token {number}");
                eventually(&expected, || {
                    (std::fs::read_to_string(&file).ok()? == expected).then_some(())
                });
            }
            handle.stop(None);
        });
        let (_, looked) = tokio::join!(pod.run(), look);
        looked.expect("three tokens, one after another");
    });
    let issued = issuer.issued.load(Ordering::Relaxed);
    assert!((3..=4).contains(&issued), "{issued} tokens were signed");
}

/// What review says of the token in a running pod: its user, and whether it is authenticated.
fn reviewed(host: &Host, token: &str) -> (bool, String) {
    let run = host.run(["token", "review", token]);
    (run.code() == 0, run.stdout)
}

#[test]
fn a_stored_pod_has_the_token_of_its_account_unless_it_wants_none() {
    let host = Host::new();
    let sleeper = || container("app").command(["sleep", "100000"]);
    apply(&host, &pod("web").grace(1).container(sleeper()));
    ready(&host);
    let listed = exec(&host, ["ls", PLACE]);
    assert_eq!(listed, "ca.crt\nnamespace\ntoken\n");
    assert_eq!(
        exec(&host, ["cat", &format!("{PLACE}/namespace")]),
        "default"
    );
    let token = exec(&host, ["cat", &format!("{PLACE}/token")]);
    let (valid, told) = reviewed(&host, &token);
    assert!(
        valid && told.contains("system:serviceaccount:default:default"),
        "{told}"
    );
    // It is the pod's, and good as long as the pod is there.
    host.run(["delete", "pod", "web"]).success();
    let (valid, told) = reviewed(&host, &token);
    assert!(!valid, "{told}");
    let without = pod("web")
        .grace(1)
        .container(sleeper())
        .set("spec.automountServiceAccountToken", false);
    apply(&host, &without);
    ready(&host);
    let run = host.run(["exec", "web", "--", "ls", PLACE]);
    assert_ne!(run.code(), 0, "{run}");
    host.run(["delete", "pod", "web"]).success();
    assert_clean(&host);
}
