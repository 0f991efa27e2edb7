//! The paths by which the downward API names a field of the pod (`pkg/fieldpath/fieldpath.go`).

use super::pod::Field;

/// `metadata.labels['app']` as the map and its key; none for a path without a subscript.
pub fn subscript(path: &str) -> Option<(&str, &str)> {
    let (map, key) = path.strip_suffix("']")?.split_once("['")?;
    (!map.is_empty()).then_some((map, key))
}

/// The path as it is called today.
pub fn current(path: &str) -> &str {
    match path {
        "spec.host" => "spec.nodeName",
        path => path,
    }
}

/// The field that a path names, in an environment variable or in a file.
pub fn parse(path: &str) -> Option<Field> {
    if let Some((map, key)) = subscript(path) {
        return match map {
            "metadata.labels" => Some(Field::Label(key.to_owned())),
            "metadata.annotations" => Some(Field::Annotation(key.to_owned())),
            _ => None,
        };
    }
    Some(match current(path) {
        "metadata.name" => Field::Name,
        "metadata.namespace" => Field::Namespace,
        "metadata.uid" => Field::Uid,
        "metadata.labels" => Field::Labels,
        "metadata.annotations" => Field::Annotations,
        "spec.nodeName" => Field::NodeName,
        "spec.serviceAccountName" => Field::ServiceAccountName,
        "status.hostIP" => Field::HostIp,
        "status.hostIPs" => Field::HostIps,
        "status.podIP" => Field::PodIp,
        "status.podIPs" => Field::PodIps,
        _ => return None,
    })
}
