//! `PodPreset` of `settings.k8s.io/v1alpha1`, which Kubernetes removed in 1.20
//! (`staging/src/k8s.io/api/settings/v1alpha1/types.go` of 1.19).

use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::{ListableResource, Metadata, NamespaceResourceScope, Resource};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize, Serializer};

/// What is added to the pods that it selects when they are created.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(from = "Written")]
pub struct PodPreset {
    pub metadata: ObjectMeta,
    pub spec: Option<PodPresetSpec>,
}

/// PodPreset is a policy resource that defines additional runtime requirements for a Pod.
// As it stands in a manifest: what it is has been looked at by then. The line above is for `explain`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Written {
    /// The version of the schema of this object.
    #[serde(default, rename = "apiVersion")]
    #[schemars(with = "String")]
    _api_version: Option<String>,
    /// What the object is: PodPreset.
    #[serde(default, rename = "kind")]
    #[schemars(with = "String")]
    _kind: Option<String>,
    /// Standard object's metadata.
    #[serde(default)]
    #[schemars(with = "ObjectMeta")]
    metadata: Option<ObjectMeta>,
    /// What is added to which pods.
    #[serde(default)]
    #[schemars(with = "PodPresetSpec")]
    spec: Option<PodPresetSpec>,
}

impl From<Written> for PodPreset {
    fn from(written: Written) -> PodPreset {
        PodPreset {
            metadata: written.metadata.unwrap_or_default(),
            spec: written.spec,
        }
    }
}

/// What is added to the pods that are selected.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PodPresetSpec {
    /// The pods it is for. An empty one selects all, none selects none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "LabelSelector")]
    pub selector: Option<LabelSelector>,
    /// Variables for every container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<v1::EnvVar>")]
    pub env: Option<Vec<v1::EnvVar>>,
    /// Sources of variables for every container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<v1::EnvFromSource>")]
    pub env_from: Option<Vec<v1::EnvFromSource>>,
    /// Volumes of the pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<v1::Volume>")]
    pub volumes: Option<Vec<v1::Volume>>,
    /// Where every container mounts volumes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<v1::VolumeMount>")]
    pub volume_mounts: Option<Vec<v1::VolumeMount>>,
}

impl Serialize for PodPreset {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let fields = 3 + usize::from(self.spec.is_some());
        let mut object = serializer.serialize_struct("PodPreset", fields)?;
        object.serialize_field("apiVersion", Self::API_VERSION)?;
        object.serialize_field("kind", Self::KIND)?;
        object.serialize_field("metadata", &self.metadata)?;
        if let Some(spec) = &self.spec {
            object.serialize_field("spec", spec)?;
        }
        object.end()
    }
}

impl JsonSchema for PodPreset {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PodPreset".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Written::json_schema(generator)
    }
}

impl Resource for PodPreset {
    const API_VERSION: &'static str = "settings.k8s.io/v1alpha1";
    const GROUP: &'static str = "settings.k8s.io";
    const KIND: &'static str = "PodPreset";
    const VERSION: &'static str = "v1alpha1";
    const URL_PATH_SEGMENT: &'static str = "podpresets";
    type Scope = NamespaceResourceScope;
}

impl ListableResource for PodPreset {
    const LIST_KIND: &'static str = "PodPresetList";
}

impl Metadata for PodPreset {
    type Ty = ObjectMeta;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn it_is_read_and_written_as_the_api_server_does() {
        let text = json!({
            "apiVersion": "settings.k8s.io/v1alpha1",
            "kind": "PodPreset",
            "metadata": { "name": "cache" },
            "spec": {
                "selector": { "matchLabels": { "role": "frontend" } },
                "env": [{ "name": "A", "value": "1" }],
                "envFrom": [{ "configMapRef": { "name": "c" } }],
                "volumes": [{ "name": "v", "emptyDir": {} }],
                "volumeMounts": [{ "name": "v", "mountPath": "/cache" }],
            },
        });
        let preset: PodPreset = serde_json::from_value(text.clone()).unwrap();
        assert_eq!(serde_json::to_value(&preset).unwrap(), text);
    }

    #[test]
    fn what_is_null_is_not_there() {
        let text = json!({ "metadata": null, "spec": { "env": null, "selector": null } });
        let preset: PodPreset = serde_json::from_value(text).unwrap();
        assert_eq!(preset.spec, Some(PodPresetSpec::default()));
    }
}
