//! Merging what is applied into what is stored: kubectl's three-way strategic merge
//! (`apimachinery/pkg/util/strategicpatch/patch.go`), done at once instead of by way of a patch.
//!
//! What was applied before and is not applied now is deleted; what is applied now is set; the rest (defaults, what others
//! have set) stays. Lists of things that have an identity are merged by it, all other lists are replaced.

use std::collections::HashMap;

use serde_json::{Map, Value};

/// What `live` becomes when `new` is applied, and `last` was applied before. `null` in `new` deletes.
pub fn three_way(last: Option<&Value>, live: &Value, new: &Value) -> Value {
    merge(last.unwrap_or(&Value::Null), live, new, Place::ROOT)
}

/// How a list is merged (`patchStrategy` and `patchMergeKey` of `staging/src/k8s.io/api/core/v1/types.go`).
#[derive(Clone, Copy)]
enum Strategy {
    /// Items are told apart by this field.
    Key(&'static str),
    /// The same, and an item that changes keeps nothing but what is applied to it (`retainKeys`): it is one of several kinds.
    OneOf(&'static str),
    /// Its items are words: a set.
    Set,
    /// As a whole.
    Replace,
}

/// The field a value stands in. Names are enough: no two lists of a Pod share one and are merged differently.
#[derive(Clone, Copy)]
struct Place<'a> {
    field: &'a str,
    inside_list: Option<Strategy>,
}

impl<'a> Place<'a> {
    const ROOT: Place<'static> = Place {
        field: "",
        inside_list: None,
    };

    fn field(field: &'a str) -> Place<'a> {
        Place {
            field,
            inside_list: None,
        }
    }

    fn strategy(self) -> Strategy {
        match self.field {
            "containers"
            | "initContainers"
            | "ephemeralContainers"
            | "env"
            | "imagePullSecrets"
            | "schedulingGates" => Strategy::Key("name"),
            "volumes" | "resourceClaims" => Strategy::OneOf("name"),
            "ports" => Strategy::Key("containerPort"),
            "volumeMounts" => Strategy::Key("mountPath"),
            "volumeDevices" => Strategy::Key("devicePath"),
            "hostAliases" => Strategy::Key("ip"),
            "topologySpreadConstraints" => Strategy::Key("topologyKey"),
            "ownerReferences" => Strategy::Key("uid"),
            "finalizers" => Strategy::Set,
            _ => Strategy::Replace,
        }
    }
}

fn merge(last: &Value, live: &Value, new: &Value, place: Place) -> Value {
    match (live, new) {
        (Value::Object(live), Value::Object(new)) => Value::Object(maps(last, live, new, place)),
        (Value::Array(live), Value::Array(new)) => Value::Array(lists(last, live, new, place)),
        (_, new) => without_nulls(new),
    }
}

fn maps(
    last: &Value,
    live: &Map<String, Value>,
    new: &Map<String, Value>,
    place: Place,
) -> Map<String, Value> {
    let mut merged = live.clone();
    let dropped = last.as_object().into_iter().flatten();
    for (key, _) in dropped.filter(|(key, _)| !new.contains_key(*key)) {
        merged.remove(key);
    }
    for (key, value) in new {
        if value.is_null() {
            merged.remove(key);
            continue;
        }
        let live = live.get(key).unwrap_or(&Value::Null);
        merged.insert(
            key.clone(),
            merge(&last[key.as_str()], live, value, Place::field(key)),
        );
    }
    if matches!(place.inside_list, Some(Strategy::OneOf(_))) && merged != *live {
        merged.retain(|key, _| new.contains_key(key));
    }
    merged
}

/// A new thing holds no deletions.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| (key.clone(), without_nulls(value)))
            .collect(),
        other => other.clone(),
    }
}

fn lists(last: &Value, live: &[Value], new: &[Value], place: Place) -> Vec<Value> {
    let last = last.as_array().map(Vec::as_slice).unwrap_or_default();
    match place.strategy() {
        Strategy::Replace => new.to_vec(),
        Strategy::Set => {
            let kept = live.iter().filter(|word| !last.contains(word));
            let kept = kept.filter(|word| !new.contains(word));
            new.iter().chain(kept).cloned().collect()
        }
        strategy @ (Strategy::Key(key) | Strategy::OneOf(key)) => {
            match (
                Keyed::of(last, key),
                Keyed::of(live, key),
                Keyed::of(new, key),
            ) {
                (Some(last), Some(live), Some(new)) => by_key(&last, &live, &new, strategy),
                // Two items with one key (a port number for TCP and for UDP) or one without: kubectl mixes them up, we
                // take what was written.
                _ => new.to_vec(),
            }
        }
    }
}

/// The items of a list and where each key stands in it.
struct Keyed<'a> {
    items: Vec<(String, &'a Value)>,
    at: HashMap<String, usize>,
}

impl<'a> Keyed<'a> {
    /// None if the keys do not tell the items apart.
    fn of(list: &'a [Value], key: &str) -> Option<Keyed<'a>> {
        let mut keyed = Keyed {
            items: Vec::with_capacity(list.len()),
            at: HashMap::with_capacity(list.len()),
        };
        for item in list {
            let key = item.get(key)?.to_string();
            if keyed.at.insert(key.clone(), keyed.items.len()).is_some() {
                return None;
            }
            keyed.items.push((key, item));
        }
        Some(keyed)
    }

    fn get(&self, key: &str) -> Option<&'a Value> {
        Some(self.items[*self.at.get(key)?].1)
    }
}

/// In the order of `new`; what only `live` has keeps its place among those that `live` has too
/// (`mergeSortedSlice`).
fn by_key(last: &Keyed, live: &Keyed, new: &Keyed, strategy: Strategy) -> Vec<Value> {
    let place = Place {
        field: "",
        inside_list: Some(strategy),
    };
    let mut kept = live
        .items
        .iter()
        .filter(|(key, _)| !new.at.contains_key(key) && !last.at.contains_key(key))
        .peekable();
    let mut merged = Vec::with_capacity(live.items.len() + new.items.len());
    for (key, item) in &new.items {
        let Some(here) = live.at.get(key) else {
            merged.push(without_nulls(item));
            continue;
        };
        while let Some((_, own)) = kept.next_if(|(key, _)| live.at[key] < *here) {
            merged.push((*own).clone());
        }
        let last = last.get(key).unwrap_or(&Value::Null);
        merged.push(merge(last, live.items[*here].1, item, place));
    }
    merged.extend(kept.map(|(_, own)| (*own).clone()));
    merged
}

#[cfg(test)]
mod tests;
