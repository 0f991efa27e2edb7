//! Pods in a few words. What comes out is JSON, which is YAML.

use std::fmt;

use serde_json::{Map, Value, json};

/// A Pod to be; `to_string` is its manifest.
#[derive(Clone, Debug)]
pub struct Pod(Value);

pub fn pod(name: &str) -> Pod {
    Pod(
        json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name }, "spec": { "containers": [] } }),
    )
}

impl Pod {
    pub fn container(self, container: Container) -> Pod {
        self.push("/spec/containers", container.0)
    }

    /// One of `initContainers`; a sidecar is one with `.set("restartPolicy", "Always")`.
    pub fn init(self, container: Container) -> Pod {
        self.push("/spec/initContainers", container.0)
    }

    pub fn restart(self, policy: &str) -> Pod {
        self.set("spec.restartPolicy", policy)
    }

    pub fn grace(self, seconds: u64) -> Pod {
        self.set("spec.terminationGracePeriodSeconds", seconds)
    }

    pub fn empty_dir(self, name: &str) -> Pod {
        self.push("/spec/volumes", json!({ "name": name, "emptyDir": {} }))
    }

    pub fn annotation(mut self, key: &str, value: &str) -> Pod {
        *place(&mut self.0, ["metadata", "annotations", key]) = value.into();
        self
    }

    /// Any field: `set("spec.hostNetwork", true)`.
    pub fn set(mut self, field: &str, value: impl Into<Value>) -> Pod {
        *place(&mut self.0, field.split('.')) = value.into();
        self
    }

    fn push(mut self, pointer: &str, item: Value) -> Pod {
        append(
            &mut self.0,
            &pointer[1..].split('/').collect::<Vec<_>>(),
            item,
        );
        self
    }
}

impl fmt::Display for Pod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.0)
    }
}

/// A container to be, of the built-in toolbox unless [`Container::image`] says otherwise.
#[derive(Clone, Debug)]
pub struct Container(Value);

pub fn container(name: &str) -> Container {
    Container(json!({ "name": name, "image": "wasmpod/toolbox" }))
}

impl Container {
    pub fn image(self, image: impl fmt::Display) -> Container {
        self.set("image", image.to_string())
    }

    pub fn command<const N: usize>(self, words: [&str; N]) -> Container {
        self.set("command", words.to_vec())
    }

    pub fn args<const N: usize>(self, words: [&str; N]) -> Container {
        self.set("args", words.to_vec())
    }

    pub fn env(mut self, name: &str, value: &str) -> Container {
        append(
            &mut self.0,
            &["env"],
            json!({ "name": name, "value": value }),
        );
        self
    }

    pub fn port(mut self, port: u16) -> Container {
        append(&mut self.0, &["ports"], json!({ "containerPort": port }));
        self
    }

    pub fn host_port(mut self, port: u16, host_port: u16) -> Container {
        append(
            &mut self.0,
            &["ports"],
            json!({ "containerPort": port, "hostPort": host_port }),
        );
        self
    }

    pub fn mount(mut self, volume: &str, path: &str) -> Container {
        append(
            &mut self.0,
            &["volumeMounts"],
            json!({ "name": volume, "mountPath": path }),
        );
        self
    }

    /// Any field: `set("securityContext.runAsUser", 0)`.
    pub fn set(mut self, field: &str, value: impl Into<Value>) -> Container {
        *place(&mut self.0, field.split('.')) = value.into();
        self
    }
}

/// The value below these keys, made on the way.
fn place<'a, 'k>(
    mut value: &'a mut Value,
    keys: impl IntoIterator<Item = &'k str>,
) -> &'a mut Value {
    for key in keys {
        if value.is_null() {
            *value = Value::Object(Map::new());
        }
        let object = value
            .as_object_mut()
            .unwrap_or_else(|| panic!("nothing is below a value that is no object: {key}"));
        value = object.entry(key).or_insert(Value::Null);
    }
    value
}

fn append(value: &mut Value, keys: &[&str], item: Value) {
    let list = place(value, keys.iter().copied());
    if list.is_null() {
        *list = Value::Array(Vec::new());
    }
    list.as_array_mut()
        .unwrap_or_else(|| panic!("{} is no list", keys.join(".")))
        .push(item);
}
