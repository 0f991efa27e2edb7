//! The columns of `get`, for each kind (`pkg/printers/internalversion/printers.go`).

use k8s_openapi::api::core::v1;
use k8s_openapi::jiff::Timestamp;

use super::{events, nodes, pods, since};
use crate::spec::{Kind, Object};

const NONE: &str = "<none>";
const CLAIM: [&str; 8] = [
    "NAME",
    "STATUS",
    "VOLUME",
    "CAPACITY",
    "ACCESS MODES",
    "STORAGECLASS",
    "VOLUMEATTRIBUTESCLASS",
    "AGE",
];

/// The head of a table.
pub fn head(kind: Kind, wide: bool) -> Vec<&'static str> {
    let (usual, more): (&[_], &[_]) = match kind {
        Kind::Pod => (&pods::HEAD, &pods::WIDE),
        Kind::Event if wide => (&events::WIDE, &[]),
        Kind::Event => (&events::HEAD, &[]),
        Kind::ConfigMap => (&["NAME", "DATA", "AGE"], &[]),
        Kind::Secret => (&["NAME", "TYPE", "DATA", "AGE"], &[]),
        Kind::ServiceAccount | Kind::PodPreset => (&["NAME", "AGE"], &[]),
        Kind::PersistentVolumeClaim => (&CLAIM, &["VOLUMEMODE"]),
        Kind::LimitRange => (&["NAME", "CREATED AT"], &[]),
        Kind::Namespace => (&["NAME", "STATUS", "AGE"], &[]),
        Kind::Node => (&nodes::HEAD, &nodes::WIDE),
    };
    let more = if wide { more } else { &[] };
    usual.iter().chain(more).copied().collect()
}

/// The row of an object; `name`: as it is to be shown.
pub fn row(object: &Object, name: String, wide: bool, now: Timestamp) -> Vec<String> {
    let age = || since(object.metadata().creation_timestamp.as_ref(), now);
    let cells = match object {
        Object::Pod(pod) => pods::row(pod, wide, now),
        Object::Event(event) => {
            let mut row = events::row(event, wide, now);
            if let Some(last) = row.last_mut().filter(|_| wide) {
                *last = name;
            }
            return row;
        }
        Object::ConfigMap(map) => vec![entries(map).to_string(), age()],
        Object::Secret(secret) => {
            let entries = secret.data.as_ref().map_or(0, |data| data.len());
            vec![text(secret.type_.as_ref()), entries.to_string(), age()]
        }
        Object::ServiceAccount(_) | Object::PodPreset(_) => vec![age()],
        Object::PersistentVolumeClaim(claim) => self::claim(claim, wide, age()),
        Object::LimitRange(limits) => vec![created_at(limits)],
        Object::Namespace(namespace) => {
            let status = namespace.status.as_ref();
            let phase = status.and_then(|status| status.phase.as_ref());
            vec![text(phase), age()]
        }
        Object::Node(node) => nodes::row(node, wide, now),
    };
    std::iter::once(name).chain(cells).collect()
}

fn text(text: Option<&String>) -> String {
    text.cloned().unwrap_or_default()
}

fn entries(map: &v1::ConfigMap) -> usize {
    map.data.as_ref().map_or(0, |data| data.len())
        + map.binary_data.as_ref().map_or(0, |data| data.len())
}

fn created_at(limits: &v1::LimitRange) -> String {
    match &limits.metadata.creation_timestamp {
        Some(time) => time.0.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        None => "0001-01-01T00:00:00Z".to_owned(),
    }
}

fn claim(claim: &v1::PersistentVolumeClaim, wide: bool, age: String) -> Vec<String> {
    let (spec, status) = (claim.spec.as_ref(), claim.status.as_ref());
    let phase = match claim.metadata.deletion_timestamp {
        Some(_) => "Terminating".to_owned(),
        None => text(status.and_then(|status| status.phase.as_ref())),
    };
    let volume = text(spec.and_then(|spec| spec.volume_name.as_ref()));
    // Nobody has looked into what it is not bound to.
    let (mut capacity, mut modes) = (String::new(), String::new());
    if let Some(status) = status.filter(|_| !volume.is_empty()) {
        let storage = status.capacity.as_ref().and_then(|all| all.get("storage"));
        capacity = storage.map(|storage| storage.0.clone()).unwrap_or_default();
        modes = access_modes(status.access_modes.as_deref());
    }
    let class = spec.and_then(|spec| spec.storage_class_name.as_ref());
    let attributes = spec.and_then(|spec| spec.volume_attributes_class_name.as_ref());
    let mut cells = vec![
        phase,
        volume,
        capacity,
        modes,
        text(class),
        attributes.map_or("<unset>", |name| name).to_owned(),
        age,
    ];
    if wide {
        let mode = spec.and_then(|spec| spec.volume_mode.clone());
        cells.push(mode.unwrap_or_else(|| "<unset>".to_owned()));
    }
    cells
}

/// `RWO,ROX` (`pkg/apis/core/v1/helper/helpers.go`, `GetAccessModesAsString`).
pub fn access_modes(modes: Option<&[String]>) -> String {
    const SHORT: [(&str, &str); 4] = [
        ("ReadWriteOnce", "RWO"),
        ("ReadOnlyMany", "ROX"),
        ("ReadWriteMany", "RWX"),
        ("ReadWriteOncePod", "RWOP"),
    ];
    let modes = modes.unwrap_or_default();
    let there = SHORT
        .iter()
        .filter(|(long, _)| modes.iter().any(|mode| mode == long));
    there.map(|(_, short)| *short).collect::<Vec<_>>().join(",")
}

/// Or `<none>`, where kubectl says so.
pub fn or_none(text: Option<&str>) -> String {
    let text = text.filter(|text| !text.is_empty());
    text.unwrap_or(NONE).to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::cli::print::fixtures::now;
    use crate::cli::print::table::Table;

    /// A table of one object.
    fn table(kind: Kind, wide: bool, mut value: Value) -> String {
        value["metadata"] = json!({"name": "x", "creationTimestamp": "2026-01-31T11:59:00Z"});
        let object = Object::from_value(kind, value).unwrap();
        let head = head(kind, wide).into_iter().map(str::to_owned).collect();
        let row = row(&object, "x".to_owned(), wide, now());
        Table::default().rows(&[head, row])
    }

    #[test]
    fn every_kind_has_its_columns() {
        let map = json!({"data": {"a": "", "b": ""}, "binaryData": {"c": ""}});
        assert_eq!(
            table(Kind::ConfigMap, false, map),
            "NAME   DATA   AGE\nx      3      60s\n"
        );
        let secret = json!({"type": "Opaque", "data": {"a": ""}});
        assert_eq!(
            table(Kind::Secret, false, secret),
            "NAME   TYPE     DATA   AGE\nx      Opaque   1      60s\n"
        );
        assert_eq!(
            table(Kind::ServiceAccount, true, json!({})),
            "NAME   AGE\nx      60s\n"
        );
        let namespace = json!({"status": {"phase": "Active"}});
        assert_eq!(
            table(Kind::Namespace, false, namespace),
            "NAME   STATUS   AGE\nx      Active   60s\n"
        );
        assert_eq!(
            table(Kind::LimitRange, false, json!({})),
            "NAME   CREATED AT\nx      2026-01-31T11:59:00Z\n"
        );
        assert_eq!(
            table(Kind::PodPreset, false, json!({})),
            "NAME   AGE\nx      60s\n"
        );
    }

    #[test]
    fn claims() {
        let bound = json!({
            "spec": {"volumeName": "pv", "storageClassName": "local", "volumeMode": "Filesystem"},
            "status": {"phase": "Bound", "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteMany", "ReadWriteOnce"]},
        });
        let text = "\
NAME   STATUS   VOLUME   CAPACITY   ACCESS MODES   STORAGECLASS   VOLUMEATTRIBUTESCLASS   AGE   VOLUMEMODE
x      Bound    pv       1Gi        RWO,RWX        local          <unset>                 60s   Filesystem
";
        assert_eq!(table(Kind::PersistentVolumeClaim, true, bound), text);
        let waiting = json!({"spec": {}, "status": {"phase": "Pending"}});
        let text = "\
NAME   STATUS    VOLUME   CAPACITY   ACCESS MODES   STORAGECLASS   VOLUMEATTRIBUTESCLASS   AGE
x      Pending                                                     <unset>                 60s
";
        assert_eq!(table(Kind::PersistentVolumeClaim, false, waiting), text);
    }
}
