//! Objects as tables.

use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use super::super::print::{Table, cell, columns, label_head};
use crate::spec::{Kind, Object};

const NONE: &str = "<none>";

/// Which columns there are.
#[derive(Clone, Debug, Default)]
pub struct View {
    pub wide: bool,
    pub no_headers: bool,
    /// A column NAMESPACE before all others.
    pub with_namespace: bool,
    /// `pod/web` rather than `web`.
    pub with_kind: bool,
    /// One column for each of these labels, after all others.
    pub label_columns: Vec<String>,
    /// A column LABELS with all of them, at the very end.
    pub show_labels: bool,
}

impl View {
    /// A table for each run of objects of one kind, with an empty line between them.
    pub fn tables(&self, objects: &[(Value, Object)], now: Timestamp) -> String {
        let mut out = String::new();
        for group in objects.chunk_by(|(_, a), (_, b)| a.kind() == b.kind()) {
            if !out.is_empty() && !self.no_headers {
                out.push('\n');
            }
            let mut rows: Vec<Vec<String>> = Vec::new();
            if !self.no_headers {
                rows.push(self.head(group[0].1.kind()));
            }
            rows.extend(group.iter().map(|(_, object)| self.row(object, now)));
            out.push_str(&Table::default().rows(&rows));
        }
        out
    }

    pub fn head(&self, kind: Kind) -> Vec<String> {
        let mut head = columns::head(kind, self.wide);
        if self.has_namespace(kind) {
            head.insert(0, "NAMESPACE");
        }
        let labels = self.label_columns.iter().map(|label| label_head(label));
        let all = self.show_labels.then(|| "LABELS".to_owned());
        head.into_iter()
            .map(str::to_owned)
            .chain(labels)
            .chain(all)
            .collect()
    }

    fn has_namespace(&self, kind: Kind) -> bool {
        self.with_namespace && kind.namespaced()
    }

    pub fn row(&self, object: &Object, now: Timestamp) -> Vec<String> {
        let mut row = columns::row(object, self.name(object), self.wide, now);
        let metadata = object.metadata();
        if self.has_namespace(object.kind()) {
            row.insert(0, metadata.namespace.clone().unwrap_or_default());
        }
        let labels = metadata.labels.as_ref();
        let value = |label: &String| labels.and_then(|labels| labels.get(label)).cloned();
        row.extend(
            self.label_columns
                .iter()
                .map(|label| value(label).unwrap_or_default()),
        );
        if self.show_labels {
            let pairs = labels.into_iter().flatten();
            let mut pairs: Vec<String> =
                pairs.map(|(key, value)| format!("{key}={value}")).collect();
            // By key and value together, as `labels.Set.String` does.
            pairs.sort();
            let pairs = pairs.join(",");
            row.push(if pairs.is_empty() {
                NONE.to_owned()
            } else {
                pairs
            });
        }
        row.iter().map(|text| cell(text)).collect()
    }

    fn name(&self, object: &Object) -> String {
        match self.with_kind {
            true => format!("{}/{}", object.kind().qualified_singular(), object.name()),
            false => object.name().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(name: &str, labels: Value) -> (Value, Object) {
        let value = json!({
            "metadata": {"name": name, "namespace": "default", "labels": labels, "creationTimestamp": "2026-01-31T11:59:00Z"},
            "spec": {"containers": [{"name": "app"}]},
            "status": {"phase": "Pending"},
        });
        let pod = serde_json::from_value(value.clone()).unwrap();
        (value, Object::Pod(Box::new(pod)))
    }

    fn event() -> (Value, Object) {
        let value = json!({
            "metadata": {"name": "web.1"}, "involvedObject": {"kind": "Pod", "name": "web"}, "type": "Normal",
            "reason": "Started", "message": "Container started", "lastTimestamp": "2026-01-31T11:59:30Z",
        });
        let event = serde_json::from_value(value.clone()).unwrap();
        (value, Object::Event(Box::new(event)))
    }

    fn now() -> Timestamp {
        "2026-01-31T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn one_table_for_each_kind() {
        let view = View {
            with_kind: true,
            ..View::default()
        };
        let text = "\
NAME      READY   STATUS    RESTARTS   AGE
pod/web   0/1     Pending   0          60s

LAST SEEN   TYPE     REASON    OBJECT    MESSAGE
30s         Normal   Started   pod/web   Container started
";
        assert_eq!(view.tables(&[pod("web", json!({})), event()], now()), text);
    }

    #[test]
    fn labels_and_namespace_as_columns() {
        let view = View {
            with_namespace: true,
            label_columns: vec!["app.kubernetes.io/tier".to_owned()],
            show_labels: true,
            ..View::default()
        };
        let objects = [
            pod(
                "web",
                json!({"app": "web", "app.kubernetes.io/tier": "front"}),
            ),
            pod("b", json!({})),
        ];
        let text = "\
NAMESPACE   NAME   READY   STATUS    RESTARTS   AGE   TIER    LABELS
default     web    0/1     Pending   0          60s   front   app.kubernetes.io/tier=front,app=web
default     b      0/1     Pending   0          60s           <none>
";
        assert_eq!(view.tables(&objects, now()), text);
    }

    #[test]
    fn without_a_head() {
        let view = View {
            no_headers: true,
            ..View::default()
        };
        assert_eq!(
            view.tables(&[pod("web", json!({}))], now()),
            "web   0/1   Pending   0     60s\n"
        );
    }
}
