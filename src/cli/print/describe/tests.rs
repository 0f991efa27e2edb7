use serde_json::json;

use super::*;

fn clock(zone: TimeZone) -> Clock {
    Clock {
        now: crate::cli::print::fixtures::now(),
        zone,
    }
}

/// Compared with the output of kubectl 1.32 for the same object; ports have their names since 1.33.
#[test]
fn a_pod_in_full() {
    let object = json!({
        "metadata": {
            "name": "web", "namespace": "default", "uid": "u1", "labels": {"app": "web", "tier": "front"},
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "note": "short", "text": "one\ntwo\n"},
        },
        "spec": {
            "priority": 0, "serviceAccountName": "default", "nodeName": "box",
            "nodeSelector": {"disk": "ssd"},
            "tolerations": [
                {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
                {"key": "k", "operator": "Equal", "value": "v", "effect": "NoSchedule"},
            ],
            "initContainers": [{"name": "init", "image": "busybox:1.35", "command": ["sh", "-c", "echo one\necho two"]}],
            "containers": [{
                "name": "app", "image": "web:1",
                "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}, {"containerPort": 9090, "hostPort": 9091, "protocol": "UDP"}],
                "env": [
                    {"name": "PLAIN", "value": "x"},
                    {"name": "POD_NAME", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}},
                    {"name": "IP", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "status.podIP"}}},
                    {"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "1m"}}},
                    {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
                ],
                "resources": {"limits": {"cpu": "0.5", "memory": "64Mi"}, "requests": {"cpu": "250m"}},
                "livenessProbe": {"httpGet": {"path": "/healthz?x=1", "port": 8080, "scheme": "HTTP"}, "initialDelaySeconds": 3, "timeoutSeconds": 1, "periodSeconds": 3, "successThreshold": 1, "failureThreshold": 3},
                "readinessProbe": {"exec": {"command": ["cat", "/tmp/healthy"]}, "timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3},
                "volumeMounts": [{"name": "data", "mountPath": "/data"}, {"name": "host", "mountPath": "/a", "readOnly": true, "subPath": "b"}],
            }],
            "volumes": [{"name": "data", "emptyDir": {"sizeLimit": "0.5Gi"}}, {"name": "host", "hostPath": {"path": "/srv"}}],
        },
        "status": {
            "phase": "Running", "hostIP": "192.168.0.2", "podIP": "10.0.0.7", "podIPs": [{"ip": "10.0.0.7"}], "startTime": "2026-01-31T11:50:01Z",
            "conditions": [{"type": "Initialized", "status": "True"}, {"type": "Ready", "status": "False"}],
            "initContainerStatuses": [{
                "name": "init", "image": "busybox:1.35", "imageID": "sha256:1", "containerID": "wasmpod://1", "ready": true, "restartCount": 0,
                "state": {"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": "2026-01-31T11:50:02Z", "finishedAt": "2026-01-31T11:50:03Z"}},
            }],
            "containerStatuses": [{
                "name": "app", "image": "web:1", "imageID": "sha256:2", "containerID": "wasmpod://2", "ready": false, "restartCount": 3,
                "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s"}},
                "lastState": {"terminated": {"exitCode": 1, "reason": "Error", "startedAt": "2026-01-31T11:55:00Z", "finishedAt": "2026-01-31T11:55:01Z"}},
            }],
        },
    });
    let event = json!({
        "metadata": {"name": "web.1"}, "involvedObject": {"kind": "Pod", "name": "web"}, "type": "Warning", "reason": "BackOff",
        "message": "Back-off restarting failed container app in pod web_default(u1)", "source": {"component": "kubelet"},
        "firstTimestamp": "2026-01-31T11:50:00Z", "lastTimestamp": "2026-01-31T11:58:00Z", "count": 5,
    });
    let events: Vec<Event> = vec![serde_json::from_value(event).unwrap()];
    let text = pod(
        &serde_json::from_value(object).unwrap(),
        Some(&events),
        &clock(TimeZone::UTC),
    );
    assert_eq!(text, include_str!("web.txt"));
}

#[test]
fn a_pod_on_its_way_out_and_without_a_status() {
    let object = json!({
        "metadata": {"name": "bare", "namespace": "default", "deletionTimestamp": "2026-01-31T11:59:30Z", "deletionGracePeriodSeconds": 30},
        "spec": {"containers": [{"name": "app", "image": "x"}]},
    });
    let text = pod(
        &serde_json::from_value(object).unwrap(),
        Some(&[]),
        &clock(TimeZone::UTC),
    );
    let right = "\
Name:                      bare
Namespace:                 default
Node:                      <none>
Labels:                    <none>
Annotations:               <none>
Status:                    Terminating (lasts 30s)
Termination Grace Period:  30s
IP:                        
IPs:                       <none>
Containers:
  app:
    Image:        x
    Port:         <none>
    Host Port:    <none>
    Environment:  <none>
    Mounts:       <none>
Volumes:          <none>
QoS Class:        BestEffort
Node-Selectors:   <none>
Tolerations:      <none>
Events:           <none>
";
    assert_eq!(text, right);
}

#[test]
fn times_are_read_where_people_are() {
    let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
    let time = Time("2026-01-31T12:00:00Z".parse().unwrap());
    assert_eq!(
        clock(zone).date(Some(&time)),
        "Sat, 31 Jan 2026 13:00:00 +0100"
    );
}
