//! What a scheduler does on a cluster: the pod is given its machine.

use k8s_openapi::api::core::v1;

use super::report::{Path, Report};
use super::{Complaints, complaints_about, update};

/// Writes into a new pod that it runs on `node`.
///
/// # Errors
/// When it says itself that it belongs to another machine, or brings what a new pod may not have.
pub fn bind(object: &mut v1::Pod, node: &str) -> Result<(), Complaints> {
    update::check_new(object)?;
    let spec = object.spec.get_or_insert_default();
    let wished = spec.node_name.take().filter(|name| !name.is_empty());
    match wished {
        Some(other) if other != node => {
            let mut report = Report::default();
            let path = Path::ROOT.field("spec");
            let message = format!("this machine is {node:?}, and there is no other");
            report.invalid(&path.field("nodeName"), &other, &message);
            Err(complaints_about(object, report))
        }
        _ => {
            spec.node_name = Some(node.to_owned());
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(node: Option<&str>) -> v1::Pod {
        v1::Pod {
            spec: Some(v1::PodSpec {
                node_name: node.map(str::to_owned),
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    #[test]
    fn a_pod_that_names_no_machine_is_given_this_one() {
        for wished in [None, Some(""), Some("here")] {
            let mut pod = pod(wished);
            bind(&mut pod, "here").unwrap();
            assert_eq!(pod.spec.unwrap().node_name.as_deref(), Some("here"));
        }
    }

    #[test]
    fn a_pod_of_another_machine_is_refused() {
        let refused = bind(&mut pod(Some("there")), "here").unwrap_err();
        let text = refused.to_string();
        assert!(
            text.contains("spec.nodeName") && text.contains("there"),
            "{text}"
        );
    }
}
