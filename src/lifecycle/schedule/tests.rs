use super::*;
use serde_json::{Value, json};

fn a_node(spec: Value) -> v1::Node {
    let node = json!({
        "metadata": { "name": "here", "labels": { "kubernetes.io/hostname": "here", "disk": "ssd" } },
        "spec": spec,
    });
    serde_json::from_value(node).unwrap()
}

fn a_pod(name: &str, labels: Value, spec: Value) -> v1::Pod {
    let mut spec = spec;
    if spec.get("containers").is_none() {
        spec["containers"] = json!([]);
    }
    let metadata = json!({ "name": name, "namespace": "default", "labels": labels });
    serde_json::from_value(json!({ "metadata": metadata, "spec": spec })).unwrap()
}

const NODE: &str =
    ". preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.";
const OTHERS: &str =
    ". preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.";

fn text(pod: &v1::Pod, node: &v1::Node, pods: &[v1::Pod]) -> Option<String> {
    let already = Neighbours {
        pods,
        namespaces: None,
    };
    match schedule(pod, node, already) {
        Ok(()) => None,
        Err(Unplaced::Unschedulable(text)) => Some(text),
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn a_node_must_have_what_the_pod_selects() {
    let required = |terms: Value| json!({ "affinity": { "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": { "nodeSelectorTerms": terms } } } });
    let disk = |value: &str| json!([{ "matchExpressions": [{ "key": "disk", "operator": "In", "values": [value] }] }]);
    let rows = [
        (json!({}), true),
        (json!({ "nodeSelector": { "disk": "ssd" } }), true),
        (json!({ "nodeSelector": { "disk": "hdd" } }), false),
        (json!({ "nodeSelector": { "gpu": "" } }), false),
        (required(disk("ssd")), true),
        (required(disk("hdd")), false),
        (
            required(
                json!([{ "matchFields": [{ "key": "metadata.name", "operator": "In", "values": ["there"] }] }]),
            ),
            false,
        ),
        (
            json!({ "affinity": { "nodeAffinity": { "preferredDuringSchedulingIgnoredDuringExecution": [{ "weight": 1, "preference": disk("hdd")[0] }] } } }),
            true,
        ),
    ];
    for (spec, fits) in rows {
        let expected = format!(
            "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector{NODE}"
        );
        let found = text(
            &a_pod("web", json!({}), spec.clone()),
            &a_node(json!({})),
            &[],
        );
        assert_eq!(found, (!fits).then_some(expected), "{spec}");
    }
}

#[test]
fn taints_keep_those_away_that_do_not_tolerate_them() {
    let taint =
        |effect: &str| json!({ "taints": [{ "key": "gpu", "value": "yes", "effect": effect }] });
    let tolerating = |effect: &str| json!({ "tolerations": [{ "key": "gpu", "operator": "Exists", "effect": effect }] });
    let rows = [
        ("NoSchedule", json!({}), false),
        ("NoExecute", json!({}), false),
        ("PreferNoSchedule", json!({}), true),
        ("NoSchedule", tolerating("NoSchedule"), true),
        ("NoExecute", tolerating("NoSchedule"), false),
        ("NoExecute", tolerating(""), true),
    ];
    for (effect, spec, fits) in rows {
        let expected = format!("0/1 nodes are available: 1 node(s) had untolerated taint(s){NODE}");
        let found = text(
            &a_pod("web", json!({}), spec.clone()),
            &a_node(taint(effect)),
            &[],
        );
        assert_eq!(found, (!fits).then_some(expected), "{effect} {spec}");
    }
}

#[test]
fn a_cordoned_node_takes_only_those_who_tolerate_that() {
    let cordoned = a_node(json!({ "unschedulable": true }));
    let expected = format!("0/1 nodes are available: 1 node(s) were unschedulable{NODE}");
    assert_eq!(
        text(&a_pod("web", json!({}), json!({})), &cordoned, &[]),
        Some(expected)
    );
    let tolerating = json!({ "tolerations": [{ "key": UNSCHEDULABLE, "operator": "Exists" }] });
    assert_eq!(
        text(&a_pod("web", json!({}), tolerating), &cordoned, &[]),
        None
    );
}

#[test]
fn a_port_of_the_machine_is_given_once() {
    let port = |port: Value| json!({ "containers": [{ "name": "a", "ports": [port] }] });
    let sidecar = json!({
        "containers": [],
        "initContainers": [{ "name": "s", "restartPolicy": "Always", "ports": [{ "containerPort": 1, "hostPort": 80, "protocol": "TCP" }] }],
    });
    let init = json!({
        "containers": [],
        "initContainers": [{ "name": "i", "ports": [{ "containerPort": 1, "hostPort": 80, "protocol": "TCP" }] }],
    });
    let tcp = json!({ "containerPort": 1, "hostPort": 80, "protocol": "TCP" });
    let taken = a_pod("first", json!({}), port(tcp.clone()));
    let rows = [
        (port(tcp), false),
        (port(json!({ "containerPort": 80 })), true),
        (
            port(json!({ "containerPort": 1, "hostPort": 81, "protocol": "TCP" })),
            true,
        ),
        (
            port(json!({ "containerPort": 1, "hostPort": 80, "protocol": "UDP" })),
            true,
        ),
        (
            port(
                json!({ "containerPort": 1, "hostPort": 80, "protocol": "TCP", "hostIP": "127.0.0.1" }),
            ),
            false,
        ),
        (sidecar, false),
        (init, true),
    ];
    for (spec, fits) in rows {
        let expected = format!(
            "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports{OTHERS}"
        );
        let pod = a_pod("web", json!({}), spec.clone());
        let found = text(&pod, &a_node(json!({})), std::slice::from_ref(&taken));
        assert_eq!(found, (!fits).then_some(expected), "{spec}");
    }
    let local = |ip: &str| {
        a_pod(
            "p",
            json!({}),
            port(json!({ "containerPort": 1, "hostPort": 80, "hostIP": ip })),
        )
    };
    assert_eq!(
        text(
            &local("127.0.0.1"),
            &a_node(json!({})),
            &[local("127.0.0.2")]
        ),
        None
    );
    assert!(text(&local("127.0.0.1"), &a_node(json!({})), &[local("0.0.0.0")]).is_some());
}

fn affinity(kind: &str, term: Value) -> Value {
    let mut term = term;
    if term.get("topologyKey").is_none() {
        term["topologyKey"] = json!("kubernetes.io/hostname");
    }
    json!({ "affinity": { kind: { "requiredDuringSchedulingIgnoredDuringExecution": [term] } } })
}

fn app(name: &str) -> Value {
    json!({ "labelSelector": { "matchLabels": { "app": name } } })
}

const AFFINITY: &str = "0/1 nodes are available: 1 node(s) didn't match pod affinity rules";
const ANTI: &str = "0/1 nodes are available: 1 node(s) didn't match pod anti-affinity rules";
const EXISTING: &str =
    "0/1 nodes are available: 1 node(s) didn't satisfy existing pods anti-affinity rules";

#[test]
fn pods_that_want_to_be_near_others_wait_for_them() {
    let wants = |term| {
        a_pod(
            "web",
            json!({ "app": "web" }),
            affinity("podAffinity", term),
        )
    };
    let db = a_pod("db", json!({ "app": "db" }), json!({}));
    let node = a_node(json!({}));
    let expected = Some(format!("{AFFINITY}{NODE}"));
    assert_eq!(text(&wants(app("db")), &node, &[]), expected);
    assert_eq!(
        text(&wants(app("db")), &node, std::slice::from_ref(&db)),
        None
    );
    // The first of its kind.
    assert_eq!(
        text(&wants(app("web")), &node, std::slice::from_ref(&db)),
        None
    );
    let mut elsewhere = app("db");
    elsewhere["topologyKey"] = json!("topology.kubernetes.io/zone");
    assert_eq!(
        text(&wants(elsewhere), &node, std::slice::from_ref(&db)),
        expected
    );
    let mut foreign = app("db");
    foreign["namespaces"] = json!(["other"]);
    assert_eq!(
        text(&wants(foreign), &node, std::slice::from_ref(&db)),
        expected
    );
}

#[test]
fn pods_that_want_to_be_away_from_others_keep_and_are_kept_away() {
    let apart = |name| {
        a_pod(
            name,
            json!({ "app": "web" }),
            affinity("podAntiAffinity", app("web")),
        )
    };
    let plain = |label: &str| a_pod("plain", json!({ "app": label }), json!({}));
    let node = a_node(json!({}));
    assert_eq!(text(&apart("one"), &node, &[]), None);
    assert_eq!(text(&apart("one"), &node, &[plain("db")]), None);
    assert_eq!(
        text(&apart("two"), &node, &[apart("one")]),
        Some(format!("{ANTI}{OTHERS}"))
    );
    assert_eq!(
        text(&apart("one"), &node, &[plain("web")]),
        Some(format!("{ANTI}{OTHERS}"))
    );
    assert_eq!(
        text(&plain("web"), &node, &[apart("one")]),
        Some(format!("{EXISTING}{OTHERS}"))
    );
    assert_eq!(text(&plain("db"), &node, &[apart("one")]), None);
    assert!(keeps_away(&apart("one")) && minds_others(&apart("one")));
    assert!(!keeps_away(&plain("web")) && !minds_others(&plain("web")));
}

#[test]
fn a_term_may_select_namespaces_and_leave_values_to_the_pod() {
    let mut term = app("web");
    term["namespaceSelector"] = json!({ "matchLabels": { "team": "a" } });
    let apart = a_pod("one", json!({}), affinity("podAntiAffinity", term));
    let web = a_pod("web", json!({ "app": "web" }), json!({}));
    let namespaces = |team: &str| {
        let labels = BTreeMap::from([("team".to_owned(), team.to_owned())]);
        BTreeMap::from([("default".to_owned(), labels)])
    };
    for (team, fits) in [("a", false), ("b", true)] {
        let namespaces = namespaces(team);
        let already = Neighbours {
            pods: std::slice::from_ref(&web),
            namespaces: Some(&namespaces),
        };
        let found = schedule(&apart, &a_node(json!({})), already);
        assert_eq!(found.is_ok(), fits, "{team}");
    }
    let mut same_version = app("web");
    same_version["matchLabelKeys"] = json!(["version", "missing"]);
    let apart = a_pod(
        "two",
        json!({ "version": "1" }),
        affinity("podAntiAffinity", same_version),
    );
    let of = |version: &str| {
        a_pod(
            "web",
            json!({ "app": "web", "version": version }),
            json!({}),
        )
    };
    assert!(text(&apart, &a_node(json!({})), &[of("1")]).is_some());
    assert_eq!(text(&apart, &a_node(json!({})), &[of("2")]), None);
}

#[test]
fn what_is_not_this_schedulers_to_place_is_left() {
    let node = a_node(json!({}));
    let gated = a_pod(
        "web",
        json!({}),
        json!({ "schedulingGates": [{ "name": "example.com/a" }] }),
    );
    assert_eq!(
        schedule(&gated, &node, Neighbours::default()),
        Err(Unplaced::Gated)
    );
    let foreign = a_pod("web", json!({}), json!({ "schedulerName": "other" }));
    assert_eq!(
        schedule(&foreign, &node, Neighbours::default()),
        Err(Unplaced::Foreign)
    );
    let ours = a_pod(
        "web",
        json!({}),
        json!({ "schedulerName": "default-scheduler", "schedulingGates": [] }),
    );
    assert_eq!(schedule(&ours, &node, Neighbours::default()), Ok(()));
}

#[test]
fn who_makes_nobody_give_way_says_so() {
    let spec = json!({ "nodeSelector": { "gpu": "" }, "preemptionPolicy": "Never" });
    assert_eq!(
        text(&a_pod("web", json!({}), spec), &a_node(json!({})), &[]).unwrap(),
        "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. \
         preemption: not eligible due to preemptionPolicy=Never."
    );
}

#[test]
fn a_pod_that_names_the_machine_is_rejected_as_by_its_kubelet() {
    let tainted = |effect: &str| {
        a_node(json!({ "unschedulable": true, "taints": [{ "key": "a", "effect": effect }] }))
    };
    let pod = a_pod("web", json!({}), json!({}));
    let check = |pod: &v1::Pod, node: &v1::Node, fixed| {
        admit(pod, node, Neighbours::default(), fixed).map_err(|no| (no.reason, no.message))
    };
    assert_eq!(check(&pod, &tainted("NoSchedule"), false), Ok(()));
    assert_eq!(
        check(&pod, &tainted("NoExecute"), false),
        Err((
            "TaintToleration",
            "Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate"
                .to_owned()
        ))
    );
    assert_eq!(check(&pod, &tainted("NoExecute"), true), Ok(()));
    let choosy = a_pod("web", json!({}), json!({ "nodeSelector": { "gpu": "" } }));
    assert_eq!(
        check(&choosy, &a_node(json!({})), true),
        Err((
            "NodeAffinity",
            "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector"
                .to_owned()
        ))
    );
}

#[test]
fn a_pod_is_choosy_that_says_anything_of_its_place() {
    let port = json!([{ "name": "a", "ports": [{ "containerPort": 80, "hostPort": 80 }] }]);
    let table = [
        (json!({}), false),
        (
            json!({ "nodeName": "", "nodeSelector": {}, "schedulingGates": [] }),
            false,
        ),
        (json!({ "schedulerName": "default-scheduler" }), false),
        (json!({ "tolerations": [{ "operator": "Exists" }] }), false),
        (json!({ "nodeName": "here" }), true),
        (json!({ "nodeSelector": { "disk": "ssd" } }), true),
        (json!({ "schedulingGates": [{ "name": "later" }] }), true),
        (json!({ "schedulerName": "mine" }), true),
        (json!({ "affinity": { "nodeAffinity": {} } }), true),
        (json!({ "containers": port }), true),
    ];
    for (spec, choosy) in table {
        let pod = a_pod("web", json!({}), spec.clone());
        assert_eq!(is_choosy(&pod), choosy, "{spec}");
    }
}
