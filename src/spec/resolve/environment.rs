//! Where the variables of a container come from.

use std::collections::HashMap;

use k8s_openapi::api::core::v1;

use crate::spec::fieldpath;
use crate::spec::pod::{
    Amount, EnvFrom, EnvSource, EnvValue, EnvVar, FileKeyRef, KeyRef, NodeResource, ResourceRef,
};
use crate::spec::quantity::Quantity;

/// The containers of a pod by their names, for the amounts that one tells of another.
pub struct Containers<'a>(HashMap<&'a str, &'a v1::Container>);

impl<'a> Containers<'a> {
    pub fn of(spec: &'a v1::PodSpec) -> Containers<'a> {
        let all = spec
            .init_containers
            .iter()
            .flatten()
            .chain(&spec.containers);
        Containers(all.map(|one| (one.name.as_str(), one)).collect())
    }
}

/// The pod around a container, as far as its variables speak of it.
#[derive(Clone, Copy)]
pub struct Around<'a> {
    pub container: &'a v1::Container,
    pub containers: &'a Containers<'a>,
    /// Where each volume stands in the list.
    pub volumes: &'a HashMap<&'a str, usize>,
}

impl Around<'_> {
    pub fn env(self) -> Vec<EnvVar> {
        let variable = |variable: &v1::EnvVar| {
            Some(EnvVar {
                name: variable.name.clone(),
                value: self.value(variable)?,
            })
        };
        let env = self.container.env.iter().flatten();
        env.filter_map(variable).collect()
    }

    /// Validation leaves nothing for which there is no answer here.
    fn value(self, variable: &v1::EnvVar) -> Option<EnvValue> {
        let Some(from) = &variable.value_from else {
            return Some(EnvValue::Literal(
                variable.value.clone().unwrap_or_default(),
            ));
        };
        if let Some(field) = &from.field_ref {
            fieldpath::parse(&field.field_path).map(EnvValue::Field)
        } else if let Some(selector) = &from.resource_field_ref {
            resource(selector, Some(self.container), self.containers).map(EnvValue::Resource)
        } else if let Some(key) = &from.config_map_key_ref {
            Some(EnvValue::ConfigMapKey(key_ref(
                &key.name,
                &key.key,
                key.optional,
            )))
        } else if let Some(key) = &from.secret_key_ref {
            Some(EnvValue::SecretKey(key_ref(
                &key.name,
                &key.key,
                key.optional,
            )))
        } else {
            let file = from.file_key_ref.as_ref()?;
            Some(EnvValue::FileKey(FileKeyRef {
                volume: *self.volumes.get(file.volume_name.as_str())?,
                path: file.path.clone(),
                key: file.key.clone(),
                optional: file.optional == Some(true),
            }))
        }
    }

    pub fn env_from(self) -> Vec<EnvFrom> {
        let sources = self.container.env_from.iter().flatten();
        sources.filter_map(env_from).collect()
    }
}

fn key_ref(name: &str, key: &str, optional: Option<bool>) -> KeyRef {
    KeyRef {
        name: name.to_owned(),
        key: key.to_owned(),
        optional: optional == Some(true),
    }
}

fn env_from(from: &v1::EnvFromSource) -> Option<EnvFrom> {
    let (source, optional) = match (&from.config_map_ref, &from.secret_ref) {
        (Some(config_map), _) => (
            EnvSource::ConfigMap(config_map.name.clone()),
            config_map.optional,
        ),
        (_, Some(secret)) => (EnvSource::Secret(secret.name.clone()), secret.optional),
        _ => return None,
    };
    Some(EnvFrom {
        prefix: from.prefix.clone().unwrap_or_default(),
        source,
        optional: optional == Some(true),
    })
}

/// `own` is the container that is meant when none is named.
pub fn resource(
    selector: &v1::ResourceFieldSelector,
    own: Option<&v1::Container>,
    containers: &Containers,
) -> Option<ResourceRef> {
    let (bound, name) = selector.resource.split_once('.')?;
    let unit = |quantity: &Quantity| {
        let amount = match name {
            "cpu" => quantity.milli(),
            _ => quantity.units(),
        };
        u64::try_from(amount).unwrap_or_default()
    };
    let divisor = selector.divisor.as_ref();
    let divisor = divisor.and_then(|text| text.0.parse::<Quantity>().ok());
    let divisor = divisor.as_ref().map(unit).filter(|divisor| *divisor > 0);
    let one = if name == "cpu" { 1000 } else { 1 };
    let named = selector.container_name.as_deref();
    let container = match named.filter(|name| !name.is_empty()) {
        Some(name) => containers.0.get(name).copied(),
        None => own,
    };
    let amount = match container {
        None => Amount::NoContainer(selector.container_name.clone().unwrap_or_default()),
        Some(container) => {
            let resources = container.resources.as_ref();
            let list = match bound {
                "limits" => resources.and_then(|all| all.limits.as_ref()),
                _ => resources.and_then(|all| all.requests.as_ref()),
            };
            let set = list.and_then(|list| list.get(name)?.0.parse::<Quantity>().ok());
            let set = set.as_ref().map(unit).unwrap_or_default();
            match (bound, of_node(name)) {
                ("limits", Some(resource)) if set == 0 => Amount::Allocatable(resource),
                _ => Amount::Set(set),
            }
        }
    };
    Some(ResourceRef {
        amount,
        divisor: divisor.unwrap_or(one),
    })
}

/// The resources whose limit is the machine's when the container has none.
fn of_node(name: &str) -> Option<NodeResource> {
    match name {
        "cpu" => Some(NodeResource::Cpu),
        "memory" => Some(NodeResource::Memory),
        "ephemeral-storage" => Some(NodeResource::EphemeralStorage),
        _ => None,
    }
}
