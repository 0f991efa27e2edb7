//! `status.phase=Running,metadata.name!=web`

use anyhow::{Error, anyhow, bail};
use k8s_openapi::api::core::v1::{Event, Pod};

use crate::spec::{Kind, Object};

/// The fields of pods that can be asked for (`pkg/apis/core/v1/conversion.go`).
const OF_PODS: &[&str] = &[
    "metadata.name",
    "metadata.namespace",
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "spec.hostNetwork",
    "status.phase",
    "status.podIP",
    "status.podIPs",
    "status.nominatedNodeName",
];

/// And of events.
const OF_EVENTS: &[&str] = &[
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "involvedObject.apiVersion",
    "involvedObject.resourceVersion",
    "involvedObject.fieldPath",
    "reason",
    "reportingComponent",
    "source",
    "type",
    "metadata.namespace",
    "metadata.name",
];

const OF_SECRETS: &[&str] = &["type", "metadata.namespace", "metadata.name"];
const OF_NAMESPACES: &[&str] = &["status.phase", "metadata.name"];
const OF_NODES: &[&str] = &["metadata.name", "spec.unschedulable"];

/// And of all others.
const OF_ALL: &[&str] = &["metadata.name", "metadata.namespace"];

/// All of its terms must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSelector(Vec<Term>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    field: String,
    equal: bool,
    value: String,
}

impl FieldSelector {
    /// # Errors
    /// What is wrong with the text, in kubectl's words.
    pub fn parse(text: &str) -> Result<FieldSelector, Error> {
        let terms = split(text)
            .filter(|term| !term.is_empty())
            .map(|part| term(part, text))
            .collect::<Result<Vec<Term>, Error>>()?;
        Ok(FieldSelector(terms))
    }

    /// # Errors
    /// Which field objects of this kind do not have, or cannot be asked for.
    pub fn check(&self, kind: Kind) -> Result<(), Error> {
        let known = match kind {
            Kind::Pod => OF_PODS,
            Kind::Event => OF_EVENTS,
            Kind::Secret => OF_SECRETS,
            Kind::Namespace => OF_NAMESPACES,
            Kind::Node => OF_NODES,
            _ => OF_ALL,
        };
        match self.0.iter().find(|term| !known.contains(&&*term.field)) {
            None => Ok(()),
            // Kinds without fields of their own share one answer (`apimachinery/pkg/runtime/conversion.go`).
            Some(term) if known == OF_ALL => bail!(
                "{:?} is not a known field selector: only \"metadata.name\", \"metadata.namespace\"",
                term.field
            ),
            Some(term) => bail!("field label not supported: {}", term.field),
        }
    }

    /// What is not there is empty.
    pub fn matches(&self, object: &Object) -> bool {
        let holds =
            |term: &Term| (of(object, &term.field).unwrap_or_default() == term.value) == term.equal;
        self.0.iter().all(holds)
    }
}

/// At every comma without a backslash before it.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut escaped = false;
    text.split(move |c| {
        let ends = c == ',' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    })
}

fn term(part: &str, whole: &str) -> Result<Term, Error> {
    let operator = |at: usize| {
        ["!=", "==", "="]
            .into_iter()
            .find(|sign| part[at..].starts_with(sign))
    };
    let mut places = part.char_indices().map(|(at, _)| at);
    let Some((at, sign)) = places.find_map(|at| Some((at, operator(at)?))) else {
        bail!("invalid selector: '{whole}'; can't understand '{part}'");
    };
    let value = unescaped(&part[at + sign.len()..]).ok_or_else(|| {
        anyhow!("invalid field selector: invalid escape sequence or unescaped character in: {part}")
    })?;
    Ok(Term {
        field: part[..at].to_owned(),
        equal: sign != "!=",
        value,
    })
}

/// Backslashes, commas and equal signs in a value have a backslash before them.
fn unescaped(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.push(chars.next().filter(|c| matches!(c, '\\' | ',' | '='))?),
            ',' | '=' => return None,
            _ => out.push(c),
        }
    }
    Some(out)
}

fn of(object: &Object, field: &str) -> Option<String> {
    match field {
        "metadata.name" => return object.metadata().name.clone(),
        "metadata.namespace" => return object.metadata().namespace.clone(),
        _ => {}
    }
    match object {
        Object::Pod(pod) => of_pod(pod, field),
        Object::Event(event) => of_event(event, field),
        Object::Secret(secret) if field == "type" => secret.type_.clone(),
        Object::Namespace(namespace) if field == "status.phase" => {
            namespace.status.as_ref()?.phase.clone()
        }
        Object::Node(node) if field == "spec.unschedulable" => {
            let spec = node.spec.as_ref();
            let unschedulable = spec.and_then(|spec| spec.unschedulable);
            Some(unschedulable.unwrap_or_default().to_string())
        }
        _ => None,
    }
}

fn of_pod(pod: &Pod, field: &str) -> Option<String> {
    let (spec, status) = (pod.spec.as_ref(), pod.status.as_ref());
    match field {
        "spec.nodeName" => spec?.node_name.clone(),
        "spec.restartPolicy" => spec?.restart_policy.clone(),
        "spec.schedulerName" => spec?.scheduler_name.clone(),
        "spec.serviceAccountName" => spec?.service_account_name.clone(),
        "spec.hostNetwork" => Some(spec?.host_network.unwrap_or_default().to_string()),
        "status.phase" => status?.phase.clone(),
        "status.podIP" | "status.podIPs" => status?.pod_ip.clone(),
        "status.nominatedNodeName" => status?.nominated_node_name.clone(),
        _ => None,
    }
}

fn of_event(event: &Event, field: &str) -> Option<String> {
    let object = &event.involved_object;
    match field {
        "involvedObject.kind" => object.kind.clone(),
        "involvedObject.namespace" => object.namespace.clone(),
        "involvedObject.name" => object.name.clone(),
        "involvedObject.uid" => object.uid.clone(),
        "involvedObject.apiVersion" => object.api_version.clone(),
        "involvedObject.resourceVersion" => object.resource_version.clone(),
        "involvedObject.fieldPath" => object.field_path.clone(),
        "reason" => event.reason.clone(),
        "reportingComponent" => event.reporting_component.clone(),
        "source" => {
            let source = event
                .source
                .as_ref()
                .and_then(|source| source.component.clone());
            source
                .filter(|source| !source.is_empty())
                .or_else(|| event.reporting_component.clone())
        }
        "type" => event.type_.clone(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn object(kind: Kind, value: Value) -> Object {
        Object::from_value(kind, value).unwrap()
    }

    #[track_caller]
    fn chooses(text: &str, object: &Object, chosen: bool) {
        let selector = FieldSelector::parse(text).unwrap();
        selector.check(object.kind()).unwrap();
        assert_eq!(selector.matches(object), chosen, "{text}");
    }

    #[test]
    fn selectors_choose_what_the_api_server_would() {
        let pod = json!({"metadata": {"name": "web", "namespace": "default"}, "spec": {"nodeName": "box", "containers": []}, "status": {"phase": "Running"}});
        let pod = object(Kind::Pod, pod);
        let cases = [
            ("", true),
            ("metadata.name=web", true),
            ("metadata.name==web,status.phase=Running", true),
            ("status.phase!=Running", false),
            ("spec.nodeName=", false),
            ("status.podIP=", true),
            (r"metadata.name=a\,b", false),
            ("spec.hostNetwork=false", true),
        ];
        for (text, chosen) in cases {
            chooses(text, &pod, chosen);
        }
    }

    #[test]
    fn every_kind_has_fields_of_its_own() {
        let event = json!({"metadata": {}, "involvedObject": {"kind": "Pod", "name": "web"}, "reason": "Killing", "type": "Normal", "source": {"component": "kubelet"}});
        let event = object(Kind::Event, event);
        chooses("involvedObject.name=web,type=Normal", &event, true);
        chooses("reason!=Killing", &event, false);
        chooses("source=kubelet", &event, true);
        let secret = object(Kind::Secret, json!({"metadata": {}, "type": "Opaque"}));
        chooses("type=Opaque", &secret, true);
        let node = object(Kind::Node, json!({"metadata": {"name": "box"}}));
        chooses("spec.unschedulable=false,metadata.name=box", &node, true);
    }

    #[test]
    fn wrong_selectors_are_refused() {
        let unknown = |text: &str, kind| {
            let selector = FieldSelector::parse(text).unwrap();
            selector.check(kind).unwrap_err().to_string()
        };
        assert_eq!(
            unknown("spec.foo=x", Kind::Pod),
            "field label not supported: spec.foo"
        );
        assert_eq!(
            unknown("type=x", Kind::ConfigMap),
            "\"type\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
        );
        assert_eq!(
            FieldSelector::parse("a,b=c").unwrap_err().to_string(),
            "invalid selector: 'a,b=c'; can't understand 'a'"
        );
    }
}
