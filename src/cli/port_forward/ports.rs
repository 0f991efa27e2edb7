//! Pairs of ports, as `port-forward` takes them (`k8s.io/client-go/tools/portforward/portforward.go`, `parsePorts`; names by
//! kubectl `pkg/cmd/portforward/portforward.go`, `convertPodNamedPortToNumber`).

use anyhow::{Result, anyhow};
use k8s_openapi::api::core::v1;

/// A port here and one of the pod. 0 here: any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    pub local: u16,
    pub remote: u16,
}

pub fn parse(texts: &[String], pod: &v1::Pod) -> Result<Vec<Ports>> {
    texts.iter().map(|text| pair(text, pod)).collect()
}

fn pair(text: &str, pod: &v1::Pod) -> Result<Ports> {
    let (local, remote) = match text.split(':').collect::<Vec<_>>()[..] {
        [both] => (None, both),
        [local, remote] => (Some(local), remote),
        _ => return Err(anyhow!("invalid port format '{text}'")),
    };
    let remote_port = match remote.parse::<u32>() {
        Ok(_) => number(remote, "remote")?,
        Err(_) => named(remote, pod)?,
    };
    if remote_port == 0 {
        return Err(anyhow!("remote port must be > 0"));
    }
    let local = match local {
        None => remote_port,
        Some("") => 0,
        Some(local) => number(local, "local")?,
    };
    Ok(Ports {
        local,
        remote: remote_port,
    })
}

fn number(text: &str, side: &str) -> Result<u16> {
    text.parse()
        .map_err(|error| anyhow!("error parsing {side} port '{text}': {error}"))
}

fn named(name: &str, pod: &v1::Pod) -> Result<u16> {
    let containers = pod.spec.iter().flat_map(|spec| {
        let init = spec.init_containers.iter().flatten();
        spec.containers.iter().chain(init)
    });
    let port = containers
        .flat_map(|container| container.ports.iter().flatten())
        .find(|port| port.name.as_deref() == Some(name) && !name.is_empty());
    port.and_then(|port| u16::try_from(port.container_port).ok())
        .ok_or_else(|| {
            anyhow!(
                "Pod '{}' does not have a named port '{name}'",
                pod_name(pod)
            )
        })
}

fn pod_name(pod: &v1::Pod) -> &str {
    pod.metadata.name.as_deref().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod() -> v1::Pod {
        serde_json::from_value(serde_json::json!({
            "metadata": { "name": "web" },
            "spec": { "containers": [{ "name": "web", "ports": [{ "name": "http", "containerPort": 8080 }] }] },
        }))
        .unwrap()
    }

    #[test]
    fn both_sides_are_read() {
        for (text, local, remote) in [
            ("80", 80, 80),
            ("8080:80", 8080, 80),
            (":80", 0, 80),
            ("0:80", 0, 80),
            ("8000:http", 8000, 8080),
            ("http", 8080, 8080),
        ] {
            assert_eq!(
                pair(text, &pod()).unwrap(),
                Ports { local, remote },
                "{text}"
            );
        }
    }

    #[test]
    fn nonsense_is_refused() {
        let refused = |text| pair(text, &pod()).unwrap_err().to_string();
        assert_eq!(refused("1:2:3"), "invalid port format '1:2:3'");
        assert_eq!(refused("80:0"), "remote port must be > 0");
        assert_eq!(
            refused("80:ftp"),
            "Pod 'web' does not have a named port 'ftp'"
        );
        assert!(refused("x:80").starts_with("error parsing local port 'x'"));
        assert!(refused("70000").starts_with("error parsing remote port '70000'"));
    }
}
