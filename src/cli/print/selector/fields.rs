//! `status.phase=Running,metadata.name!=web`

use anyhow::{Error, anyhow, bail};
use k8s_openapi::api::core::v1::{Event, Pod};

/// The fields of pods that can be asked for (`pkg/apis/core/v1/conversion.go`).
const OF_PODS: [&str; 11] = [
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
const OF_EVENTS: [&str; 13] = [
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
    /// For pods.
    ///
    /// # Errors
    /// What is wrong with the text, or which field pods do not have, in kubectl's words.
    pub fn parse(text: &str) -> Result<FieldSelector, Error> {
        FieldSelector::parse_for(text, &OF_PODS)
    }

    /// For events.
    ///
    /// # Errors
    /// As [`FieldSelector::parse`].
    pub fn parse_for_events(text: &str) -> Result<FieldSelector, Error> {
        FieldSelector::parse_for(text, &OF_EVENTS)
    }

    fn parse_for(text: &str, known: &[&str]) -> Result<FieldSelector, Error> {
        let terms = split(text)
            .filter(|term| !term.is_empty())
            .map(|part| term(part, text))
            .collect::<Result<Vec<Term>, Error>>()?;
        match terms.iter().find(|term| !known.contains(&&*term.field)) {
            Some(term) => bail!("field label not supported: {}", term.field),
            None => Ok(FieldSelector(terms)),
        }
    }

    pub fn matches(&self, pod: &Pod) -> bool {
        self.holds(|field| of_pod(pod, field))
    }

    pub fn matches_event(&self, event: &Event) -> bool {
        self.holds(|field| of_event(event, field))
    }

    /// What is not there is empty.
    fn holds(&self, of: impl Fn(&str) -> Option<String>) -> bool {
        let holds = |term: &Term| (of(&term.field).unwrap_or_default() == term.value) == term.equal;
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

fn of_pod(pod: &Pod, field: &str) -> Option<String> {
    let (spec, status) = (pod.spec.as_ref(), pod.status.as_ref());
    match field {
        "metadata.name" => pod.metadata.name.clone(),
        "metadata.namespace" => pod.metadata.namespace.clone(),
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
        "metadata.namespace" => event.metadata.namespace.clone(),
        "metadata.name" => event.metadata.name.clone(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn selectors_choose_what_the_api_server_would() {
        let object = json!({"metadata": {"name": "web", "namespace": "default"}, "spec": {"nodeName": "box", "containers": []}, "status": {"phase": "Running"}});
        let pod: Pod = serde_json::from_value(object).unwrap();
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
            assert_eq!(
                FieldSelector::parse(text).unwrap().matches(&pod),
                chosen,
                "{text}"
            );
        }
    }

    #[test]
    fn events_have_fields_of_their_own() {
        let object = json!({"metadata": {}, "involvedObject": {"kind": "Pod", "name": "web"}, "reason": "Killing", "type": "Normal", "source": {"component": "kubelet"}});
        let event: Event = serde_json::from_value(object).unwrap();
        for (text, chosen) in [
            ("involvedObject.name=web,type=Normal", true),
            ("reason!=Killing", false),
            ("source=kubelet", true),
        ] {
            assert_eq!(
                FieldSelector::parse_for_events(text)
                    .unwrap()
                    .matches_event(&event),
                chosen,
                "{text}"
            );
        }
    }

    #[test]
    fn wrong_selectors_are_refused() {
        let refused = |text| FieldSelector::parse(text).unwrap_err().to_string();
        assert_eq!(refused("spec.foo=x"), "field label not supported: spec.foo");
        assert_eq!(
            refused("a,b=c"),
            "invalid selector: 'a,b=c'; can't understand 'a'"
        );
    }
}
