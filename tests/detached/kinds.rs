//! The objects around pods: every verb for every kind.

use super::common::{Host, Process, Run, container, pod};
use super::{idler, ready, refuses, says};

/// The ages are whatever they are.
fn without_age(table: &str) -> Vec<Vec<String>> {
    let words = |line: &str| {
        let mut words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        words.pop();
        words
    };
    table.lines().map(words).collect()
}

const MAP: &str = "\
apiVersion: v1
kind: ConfigMap
metadata:
  name: app
data:
  level: info
";

#[test]
fn every_kind_has_its_table() {
    let host = Host::new();
    host.file(
        "all.yaml",
        "\
apiVersion: v1
kind: LimitRange
metadata: {name: lr}
spec: {limits: [{type: Container, max: {cpu: '2'}}]}
---
apiVersion: settings.k8s.io/v1alpha1
kind: PodPreset
metadata: {name: pre}
spec: {selector: {matchLabels: {role: frontend}}, env: [{name: A, value: b}]}
",
    );
    assert_eq!(
        says(&host, "apply -f all.yaml"),
        "limitrange/lr created\npodpreset.settings.k8s.io/pre created\n"
    );
    says(&host, "create cm app --from-literal=a=b --from-literal=c=d");
    says(&host, "create secret generic keys --from-literal=a=b");
    let words = |line: &str| without_age(&says(&host, line));
    assert_eq!(words("get cm"), [vec!["NAME", "DATA"], vec!["app", "2"]]);
    assert_eq!(
        words("get secrets"),
        [vec!["NAME", "TYPE", "DATA"], vec!["keys", "Opaque", "1"]]
    );
    assert_eq!(words("get sa"), [["NAME"], ["default"]]);
    assert_eq!(
        words("get ns"),
        [vec!["NAME", "STATUS"], vec!["default", "Active"]]
    );
    assert_eq!(words("get limits --no-headers"), [["lr"]]);
    assert_eq!(words("get podpresets"), [["NAME"], ["pre"]]);
    let several = says(&host, "get cm,sa,podpresets.settings.k8s.io -o name");
    assert_eq!(
        several,
        "configmap/app\nserviceaccount/default\npodpreset.settings.k8s.io/pre\n"
    );
    let everywhere = words("get cm -A");
    assert_eq!(everywhere[1], ["default", "app", "2"]);
    // What is in no namespace has no column for it.
    assert_eq!(words("get ns -A")[0], ["NAME", "STATUS"]);
}

#[test]
fn a_namespace_is_there_before_what_is_in_it_and_takes_it_along() {
    let host = Host::new();
    host.file("app.yaml", MAP);
    refuses(
        host.run(["apply", "-n", "team", "-f", "app.yaml"]),
        1,
        "Error from server (NotFound): error when creating \"app.yaml\": namespaces \"team\" not found",
    );
    refuses(
        host.run(["create", "cm", "x", "-n", "team"]),
        1,
        "error: failed to create configmap: namespaces \"team\" not found",
    );
    refuses(
        host.run([
            "create",
            "secret",
            "generic",
            "x",
            "--type=kubernetes.io/ssh-auth",
        ]),
        1,
        "error: failed to create secret Secret \"x\" is invalid: data[ssh-privatekey]: Required value",
    );
    let web = idler("web").set("metadata.namespace", "team");
    host.file("web.yaml", web.to_string());
    refuses(
        host.run(["apply", "-n", "team", "-f", "web.yaml"]),
        1,
        "Error from server (NotFound): error when creating \"web.yaml\": namespaces \"team\" not found",
    );
    assert_eq!(says(&host, "create ns team"), "namespace/team created\n");
    says(&host, "apply -n team -f app.yaml");
    says(&host, "apply -n team -f web.yaml");
    assert_eq!(
        says(&host, "delete ns team"),
        "namespace \"team\" deleted\n"
    );
    for gone in ["get ns team", "get cm app -n team", "get pod web -n team"] {
        let run = host.run(gone.split(' ')).assert_code(1);
        assert!(run.stderr.contains("not found"), "{run}");
    }
    refuses(
        host.run(["delete", "ns", "default"]),
        1,
        "Error from server (Forbidden): namespaces \"default\" is forbidden: this namespace may not be deleted",
    );
}

#[test]
fn the_objects_of_a_file_are_made_in_its_order() {
    let host = Host::new();
    let web = pod("web").container(container("app").command(["sleep", "100000"]).set(
        "envFrom",
        serde_json::json!([{"configMapRef": {"name": "app"}}]),
    ));
    let web = web.grace(1).set("metadata.namespace", "team").to_string();
    let map = MAP.replace("name: app", "name: app\n  namespace: team");
    let team = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: team\n";
    host.file("all.yaml", format!("{team}---\n{map}---\n{web}"));
    assert_eq!(
        says(&host, "apply -f all.yaml"),
        "namespace/team created\nconfigmap/app created\npod/web created\n"
    );
    says(&host, "wait -n team --for=condition=Ready pod/web");
    assert_eq!(
        says(&host, "apply -f all.yaml"),
        "namespace/team unchanged\nconfigmap/app unchanged\npod/web unchanged\n"
    );
    assert_eq!(
        says(&host, "delete -f all.yaml"),
        "namespace \"team\" deleted\nconfigmap \"app\" deleted from team namespace\npod \"web\" deleted from team namespace\n"
    );
}

#[test]
fn a_config_map_goes_through_every_verb() {
    let host = Host::new();
    host.file("app.yaml", MAP);
    assert_eq!(says(&host, "create -f app.yaml"), "configmap/app created\n");
    refuses(
        host.run(["create", "cm", "app"]),
        1,
        "error: failed to create configmap: configmaps \"app\" already exists",
    );
    assert_eq!(
        says(&host, "label cm app tier=x"),
        "configmap/app labeled\n"
    );
    assert_eq!(
        says(&host, "annotate configmaps/app who=me"),
        "configmap/app annotated\n"
    );
    host.file("app.yaml", MAP.replace("info", "debug"));
    let run = host.run(["apply", "-f", "app.yaml"]).success();
    assert_eq!(run.stdout, "configmap/app configured\n");
    assert!(
        run.stderr.starts_with("Warning: resource configmaps/app is missing the kubectl.kubernetes.io/last-applied-configuration annotation"),
        "{run}"
    );
    assert_eq!(says(&host, "get cm app -o jsonpath={.data.level}"), "debug");
    assert_eq!(
        says(
            &host,
            "get cm -l tier=x -o jsonpath={.items[*].metadata.annotations.who}"
        ),
        "me"
    );
    host.file("app.yaml", MAP.replace("info", "trace"));
    let run = host.run(["diff", "-f", "app.yaml"]).assert_code(1);
    assert!(
        run.stdout.contains("\n-  level: debug\n+  level: trace\n"),
        "{run}"
    );
    assert_eq!(
        says(&host, "replace -f app.yaml"),
        "configmap/app replaced\n"
    );
    assert_eq!(says(&host, "get cm app -o jsonpath={.metadata.labels}"), "");
    assert_eq!(
        says(&host, "wait cm/app --for=jsonpath={.data.level}=trace"),
        "configmap/app condition met\n"
    );
    assert_eq!(
        says(&host, "delete cm/app"),
        "configmap \"app\" deleted from default namespace\n"
    );
    refuses(
        host.run(["get", "cm", "app"]),
        1,
        "Error from server (NotFound): configmaps \"app\" not found",
    );
    assert_eq!(
        says(&host, "delete cm app --ignore-not-found"),
        "No resources found\n"
    );
}

#[test]
fn what_is_immutable_stays_as_it_is() {
    let host = Host::new();
    host.file("app.yaml", format!("{MAP}immutable: true\n"));
    says(&host, "apply -f app.yaml");
    let other = MAP.replace("info", "debug");
    host.file("app.yaml", format!("{other}immutable: true\n"));
    for verb in ["apply", "replace"] {
        refuses(
            host.run([verb, "-f", "app.yaml"]),
            1,
            "The ConfigMap \"app\" is invalid: data: Forbidden: field is immutable when `immutable` is set",
        );
    }
    assert_eq!(says(&host, "get cm app -o jsonpath={.data.level}"), "info");
    assert_eq!(says(&host, "label cm app a=b"), "configmap/app labeled\n");
}

#[test]
fn nobody_is_shown_a_secret() {
    let host = Host::new();
    host.file(
        "keys.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\nstringData: {user: me, pass: geheim}\n",
    );
    says(&host, "apply -f keys.yaml");
    let text = "\
Name:         keys
Namespace:    default
Labels:       <none>
Annotations:  <none>

Type:  Opaque

Data
====
pass:  6 bytes
user:  2 bytes
";
    assert_eq!(says(&host, "describe secret keys"), text);
    host.file(
        "keys.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\nstringData: {user: me, pass: other}\n",
    );
    let run = host.run(["diff", "-f", "keys.yaml"]).assert_code(1);
    assert!(
        run.stdout
            .contains("\n-  pass: '*** (before)'\n+  pass: '*** (after)'\n"),
        "{run}"
    );
    assert!(
        !run.stdout.contains("geheim") && !run.stdout.contains("other"),
        "{run}"
    );
}

#[test]
fn descriptions_read_as_kubectls() {
    let host = Host::new();
    says(
        &host,
        "create cm app --from-literal=level=info --from-literal=empty=",
    );
    let text = "\
Name:         app
Namespace:    default
Labels:       <none>
Annotations:  <none>

Data
====
empty:
----


level:
----
info


BinaryData
====

Events:  <none>
";
    assert_eq!(says(&host, "describe cm app"), text);
    says(&host, "create ns team");
    host.file(
        "lr.yaml",
        "\
apiVersion: v1
kind: LimitRange
metadata: {name: lr, namespace: team}
spec:
  limits:
  - {type: Container, default: {cpu: 500m}, defaultRequest: {cpu: 250m}, max: {cpu: '2'}}
",
    );
    says(&host, "apply -f lr.yaml");
    let text = "\
Name:         team
Labels:       kubernetes.io/metadata.name=team
Annotations:  <none>
Status:       Active

No resource quota.

Resource Limits
 Type       Resource  Min  Max  Default Request  Default Limit  Max Limit/Request Ratio
 ----       --------  ---  ---  ---------------  -------------  -----------------------
 Container  cpu       -    2    250m             500m           -
";
    assert_eq!(says(&host, "describe ns team"), text);
    let text = "\
Name:                default
Namespace:           default
Labels:              <none>
Annotations:         <none>
Image pull secrets:  <none>
Mountable secrets:   <none>
Tokens:              <none>
Events:              <none>
";
    assert_eq!(says(&host, "describe sa"), text);
}

#[test]
fn changes_are_seen_by_who_watches() {
    let host = Host::new();
    let watching: Process = host.spawn([
        "get",
        "cm",
        "-w",
        "-o",
        "name",
        "--output-watch-events=false",
    ]);
    says(&host, "create cm one");
    watching.stdout.wait_for("configmap/one");
    says(&host, "create cm two");
    watching.stdout.wait_for("configmap/two");
}

#[test]
fn a_map_is_changed_in_the_editor() {
    let host = Host::new().env("KUBE_EDITOR", "sed -i s/info/debug/");
    host.file("app.yaml", MAP);
    says(&host, "apply -f app.yaml");
    assert_eq!(says(&host, "edit cm app"), "configmap/app edited\n");
    assert_eq!(says(&host, "get cm app -o jsonpath={.data.level}"), "debug");
}

#[test]
fn what_is_not_a_pod_is_not_spoken_to() {
    let host = Host::new();
    for (line, what) in [
        ("logs cm/app", "get the logs from"),
        ("exec cm/app -- ls", "attach to"),
    ] {
        refuses(
            host.run(line.split(' ')),
            1,
            &format!(
                "error: cannot {what} *v1.ConfigMap: selector for *v1.ConfigMap not implemented"
            ),
        );
    }
}

#[test]
fn the_machine_is_a_node() {
    let host = Host::new();
    let names = says(&host, "get nodes -o name");
    let name = names.trim();
    let table = without_age(&says(&host, "get node --no-headers"));
    assert_eq!(table[0][1..3], ["Ready", "<none>"], "{table:?}");
    assert_eq!(
        says(&host, &format!("label {name} disk=ssd")),
        format!("{name} labeled\n")
    );
    assert_eq!(
        says(
            &host,
            "get nodes -l disk=ssd -o jsonpath={.items[*].metadata.labels.disk}"
        ),
        "ssd"
    );
    let text = says(&host, "describe node");
    for part in [
        "\nRoles:              <none>\n",
        "disk=ssd\n",
        "\nTaints:             <none>\nUnschedulable:      false\n",
        "\nNon-terminated Pods:          (0 in total)\n",
        "\nAllocated resources:\n  (Total limits may be over 100 percent, i.e., overcommitted.)\n",
    ] {
        assert!(text.contains(part), "{part:?} in {text}");
    }
}

#[test]
fn fields_of_all_kinds_are_explained() {
    let host = Host::new();
    let text = says(&host, "explain cm.data");
    assert!(
        text.starts_with(
            "KIND:       ConfigMap\nVERSION:    v1\n\nFIELD: data <map[string]string>\n"
        ),
        "{text}"
    );
    let text = says(&host, "explain podpreset.spec");
    assert!(text.contains("\n  env\t<[]EnvVar>\n"), "{text}");
    assert!(
        text.starts_with(
            "GROUP:      settings.k8s.io\nKIND:       PodPreset\nVERSION:    v1alpha1\n"
        ),
        "{text}"
    );
}

#[test]
fn a_claim_waits_for_whoever_uses_it() {
    let host = Host::new();
    host.file(
        "claim.yaml",
        "\
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}
",
    );
    assert_eq!(
        says(&host, "apply -f claim.yaml"),
        "persistentvolumeclaim/data created\n"
    );
    let table = says(&host, "get pvc");
    assert!(
        table.starts_with("NAME   STATUS    VOLUME   CAPACITY   ACCESS MODES   STORAGECLASS   VOLUMEATTRIBUTESCLASS   AGE\ndata   Pending"),
        "{table}"
    );
    let run: Run = host.run(["delete", "pvc", "data"]).success();
    assert_eq!(
        run.stdout,
        "persistentvolumeclaim \"data\" deleted from default namespace\n"
    );
}

#[test]
fn a_pod_and_what_it_reads_are_shown_together() {
    let host = Host::new();
    host.file("web.yaml", idler("web").to_string());
    says(&host, "apply -f web.yaml");
    says(&host, "create cm app");
    ready(&host, "web");
    let names = says(&host, "get pod/web cm/app -o name");
    assert_eq!(names, "pod/web\nconfigmap/app\n");
    let labels = says(&host, "label pod/web cm/app a=b");
    assert_eq!(labels, "pod/web labeled\nconfigmap/app labeled\n");
    let run = host.run(["get", "po,cm", "--no-headers"]).success();
    let first: Vec<&str> = run
        .stdout
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(first, ["pod/web", "configmap/app"]);
}
