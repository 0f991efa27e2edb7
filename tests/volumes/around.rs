//! The objects around a stored pod, written as another process of this program writes them.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use wasmpod::node::{Layout, Store};

use super::Host;

pub fn store(host: &Host) -> Store {
    let root = host.root();
    let store = Store::new(Layout {
        run: root.join("run"),
        data: root.join("data"),
        logs: root.join("logs"),
    });
    store.ensure_namespace("default").expect("a namespace");
    store
}

fn named(name: &str) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: Some("default".to_owned()),
        ..ObjectMeta::default()
    }
}

fn texts(data: &[(&str, &str)]) -> BTreeMap<String, String> {
    let pairs = data.iter();
    pairs
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

/// Stores a ConfigMap, new or in the place of the one there is.
pub fn config_map(host: &Host, name: &str, data: &[(&str, &str)]) {
    let objects = store(host).objects::<v1::ConfigMap>();
    let made = v1::ConfigMap {
        metadata: named(name),
        data: Some(texts(data)),
        ..v1::ConfigMap::default()
    };
    if objects.get("default", name).is_err() {
        objects.create(made).expect("a new ConfigMap");
        return;
    }
    let change = |stored: &mut v1::ConfigMap| {
        stored.data.clone_from(&made.data);
        Ok(())
    };
    objects.update("default", name, change).expect("a change");
}

/// The same for a Secret.
pub fn secret(host: &Host, name: &str, data: &[(&str, &str)]) {
    let objects = store(host).objects::<v1::Secret>();
    let data = texts(data).into_iter();
    let data: BTreeMap<String, ByteString> = data
        .map(|(key, value)| (key, ByteString(value.into_bytes())))
        .collect();
    let made = v1::Secret {
        metadata: named(name),
        data: Some(data),
        type_: Some("Opaque".to_owned()),
        ..v1::Secret::default()
    };
    if objects.get("default", name).is_err() {
        objects.create(made).expect("a new Secret");
        return;
    }
    let change = |stored: &mut v1::Secret| {
        stored.data.clone_from(&made.data);
        Ok(())
    };
    objects.update("default", name, change).expect("a change");
}

pub fn delete_config_map(host: &Host, name: &str) {
    let objects = store(host).objects::<v1::ConfigMap>();
    let uid = objects
        .get("default", name)
        .expect("it is there")
        .metadata
        .uid;
    objects
        .remove("default", name, uid.as_deref().unwrap_or_default())
        .expect("removed");
}
