//! Volumes that hold more than they may.

use super::*;

#[test]
fn a_pod_whose_volume_has_grown_too_large_is_evicted_in_the_kubelets_words() {
    let app = script("app", "seq 1 300000 > /data/file; sleep 100000").mount("data", "/data");
    let pod = volumes(
        pod("web").grace(30).container(app),
        json!([{"name": "data", "emptyDir": {"sizeLimit": "1Mi"}}]),
    );
    let host = host_with(&pod);
    host.run([
        "wait",
        "pod/web",
        "--for=jsonpath={.status.phase}=Failed",
        "--timeout=60s",
    ])
    .success();
    let message = "Usage of EmptyDir volume \"data\" exceeds the limit \"1Mi\". ";
    assert_eq!(field(&host, "{.status.reason}"), "Evicted");
    assert_eq!(field(&host, "{.status.message}"), message);
    let target = r#"{.status.conditions[?(@.type=="DisruptionTarget")]"#;
    assert_eq!(field(&host, &format!("{target}.status}}")), "True");
    assert_eq!(
        field(&host, &format!("{target}.reason}}")),
        "TerminationByKubelet"
    );
    assert_eq!(field(&host, &format!("{target}.message}}")), message);
    told(&host, "Evicted", &format!("Warning {}", message.trim_end()));
    // The object stays until it is deleted; its volumes do not.
    eventually("its directory is gone", || {
        host.state()
            .iter()
            .all(|path| !path.starts_with("data/pods/"))
            .then_some(())
    });
    host.run(["delete", "pod", "web"]).success();
}

#[test]
fn what_stays_within_its_limit_is_left_alone() {
    let app = script("app", "seq 1 1000 > /data/file; sleep 100000").mount("data", "/data");
    let pod = volumes(
        pod("web").grace(1).container(app),
        json!([{"name": "data", "emptyDir": {"sizeLimit": "1Mi"}}]),
    );
    let host = host_with(&pod);
    ready(&host);
    assert_eq!(field(&host, "{.status.phase}"), "Running");
    host.run(["delete", "pod", "web"]).success();
    assert_clean(&host);
}
