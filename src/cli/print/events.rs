//! The rows of `get events` (`pkg/printers/internalversion/printers.go`, `printEvent`) and of `events`
//! (`kubectl/pkg/cmd/events/event_printer.go`), and the events at the end of `describe`.

use k8s_openapi::api::core::v1::Event;
use k8s_openapi::jiff::Timestamp;

use super::age::since_micro;
use super::since;
use super::table::cell;

pub const HEAD: [&str; 5] = ["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"];
pub const WIDE: [&str; 10] = [
    "LAST SEEN",
    "TYPE",
    "REASON",
    "OBJECT",
    "SUBOBJECT",
    "SOURCE",
    "MESSAGE",
    "FIRST SEEN",
    "COUNT",
    "NAME",
];

/// One row of `get events`.
pub fn row(event: &Event, wide: bool, now: Timestamp) -> Vec<String> {
    let first = match &event.first_timestamp {
        Some(time) => since(Some(time), now),
        None => since_micro(event.event_time.as_ref(), now),
    };
    let (last, count) = match (&event.series, &event.last_timestamp) {
        (Some(series), _) => (
            since_micro(series.last_observed_time.as_ref(), now),
            series.count.unwrap_or(0),
        ),
        (None, Some(time)) => (since(Some(time), now), event.count.unwrap_or(0).max(1)),
        (None, None) => (first.clone(), event.count.unwrap_or(0).max(1)),
    };
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let mut cells = vec![last, text(&event.type_), text(&event.reason), target(event)];
    let message = text(&event.message).trim().to_owned();
    if wide {
        let part = text(&event.involved_object.field_path);
        let name = text(&event.metadata.name);
        cells.extend([part, source(event), message, first, count.to_string(), name]);
    } else {
        cells.push(message);
    }
    cells
}

/// One row of `events`.
pub fn listed(event: &Event, now: Timestamp) -> Vec<String> {
    let text = |text: &Option<String>| cell(text.as_deref().unwrap_or_default().trim());
    let object = &event.involved_object;
    let object = format!("{}/{}", text(&object.kind), text(&object.name));
    vec![
        interval(event, now),
        text(&event.type_),
        text(&event.reason),
        object,
        text(&event.message),
    ]
}

/// `2m (x5 over 10m)` when it has happened more than once.
pub fn interval(event: &Event, now: Timestamp) -> String {
    let first = match &event.event_time {
        Some(time) => since_micro(Some(time), now),
        None => since(event.first_timestamp.as_ref(), now),
    };
    match (&event.series, event.count) {
        (Some(series), _) => {
            let last = since_micro(series.last_observed_time.as_ref(), now);
            format!("{last} (x{} over {first})", series.count.unwrap_or(0))
        }
        (None, Some(count @ 2..)) => {
            format!(
                "{} (x{count} over {first})",
                since(event.last_timestamp.as_ref(), now)
            )
        }
        _ => first,
    }
}

/// `pod/web`
fn target(event: &Event) -> String {
    let object = &event.involved_object;
    let kind = object.kind.as_deref().unwrap_or_default().to_lowercase();
    match object.name.as_deref() {
        None | Some("") => kind,
        Some(name) => format!("{kind}/{name}"),
    }
}

fn source(event: &Event) -> String {
    let named = |text: Option<&String>| text.filter(|text| !text.is_empty()).cloned();
    let source = event.source.as_ref();
    let component = named(source.and_then(|source| source.component.as_ref()))
        .or_else(|| named(event.reporting_component.as_ref()));
    let host = named(source.and_then(|source| source.host.as_ref()))
        .or_else(|| named(event.reporting_instance.as_ref()));
    match (component, host) {
        (component, None) => component.unwrap_or_default(),
        (component, Some(host)) => format!("{}, {host}", component.unwrap_or_default()),
    }
}

/// When it was last seen; `events` and `describe` list in this order.
pub fn last_seen(event: &Event) -> Timestamp {
    let series = event
        .series
        .as_ref()
        .and_then(|series| series.last_observed_time.as_ref());
    series
        .map(|time| time.0)
        .or(event.last_timestamp.as_ref().map(|time| time.0))
        .or(event.event_time.as_ref().map(|time| time.0))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::cli::print::fixtures::now;
    use crate::cli::print::table::Table;

    fn event(more: Value) -> Event {
        let mut object = json!({
            "metadata": {"name": "web.17a"},
            "involvedObject": {"kind": "Pod", "name": "web", "fieldPath": "spec.containers{app}"},
            "type": "Warning", "reason": "BackOff", "message": " Back-off restarting failed container app in pod web_default(u)\n",
            "source": {"component": "kubelet", "host": "box"},
            "firstTimestamp": "2026-01-31T11:50:00Z", "lastTimestamp": "2026-01-31T11:58:00Z", "count": 5,
        });
        object
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        serde_json::from_value(object).unwrap()
    }

    fn table(head: &[&str], rows: &[Vec<String>]) -> String {
        let mut all = vec![head.iter().map(|&cell| cell.to_owned()).collect()];
        all.extend(rows.to_vec());
        Table::default().rows(&all)
    }

    #[test]
    fn get_events() {
        let rows = [row(&event(json!({})), false, now())];
        let text = "\
LAST SEEN   TYPE      REASON    OBJECT    MESSAGE
2m          Warning   BackOff   pod/web   Back-off restarting failed container app in pod web_default(u)
";
        assert_eq!(table(&HEAD, &rows), text);
    }

    #[test]
    fn get_events_wide() {
        let rows = [row(
            &event(json!({"message": "m", "count": 0})),
            true,
            now(),
        )];
        let text = "\
LAST SEEN   TYPE      REASON    OBJECT    SUBOBJECT              SOURCE         MESSAGE   FIRST SEEN   COUNT   NAME
2m          Warning   BackOff   pod/web   spec.containers{app}   kubelet, box   m         10m          1       web.17a
";
        assert_eq!(table(&WIDE, &rows), text);
    }

    #[test]
    fn events_verb() {
        let once = event(
            json!({"count": 1, "message": "Container started", "type": "Normal", "reason": "Started"}),
        );
        let rows = [
            listed(&event(json!({"message": "one\ntwo"})), now()),
            listed(&once, now()),
        ];
        let text = "\
LAST SEEN          TYPE      REASON    OBJECT    MESSAGE
2m (x5 over 10m)   Warning   BackOff   Pod/web   one...
10m                Normal    Started   Pod/web   Container started
";
        assert_eq!(table(&HEAD, &rows), text);
    }
}
