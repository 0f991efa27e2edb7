//! Every field Kubernetes has is either honoured or refused; a new version of the types that brings a new field fails
//! here until somebody decides.

use serde::de::{self, Deserialize, Visitor};

use super::*;

const METADATA_HONOURED: &[&str] = &[
    "annotations",
    "generateName",
    "labels",
    "name",
    "namespace",
    // Written by the server on creation, whatever a client says.
    "creationTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
];

const SPEC_HONOURED: &[&str] = &[
    "activeDeadlineSeconds",
    "affinity",
    "automountServiceAccountToken",
    "containers",
    "dnsConfig",
    "dnsPolicy",
    "ephemeralContainers",
    "hostAliases",
    "hostNetwork",
    "hostname",
    "hostnameOverride",
    "initContainers",
    // Must be this machine, if it is said (`bind`).
    "nodeName",
    "nodeSelector",
    "readinessGates",
    "restartPolicy",
    "schedulerName",
    "schedulingGates",
    // Field by field, below.
    "securityContext",
    "serviceAccount",
    "serviceAccountName",
    "setHostnameAsFQDN",
    "subdomain",
    "terminationGracePeriodSeconds",
    "tolerations",
    "volumes",
    // There are no services, so there are no links to them.
    "enableServiceLinks",
];

const CONTAINER_HONOURED: &[&str] = &[
    "args",
    "command",
    "env",
    "envFrom",
    "image",
    "imagePullPolicy",
    "name",
    "ports",
    "resources",
    "restartPolicy",
    "restartPolicyRules",
    "stdin",
    "stdinOnce",
    "terminationMessagePath",
    "terminationMessagePolicy",
    "tty",
    "volumeMounts",
    "workingDir",
];

/// Reads the names of the fields a type asks for, and nothing else.
struct FieldsOf;

#[derive(Debug)]
struct Fields(&'static [&'static str]);

impl std::fmt::Display for Fields {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

impl std::error::Error for Fields {}

impl de::Error for Fields {
    fn custom<T: std::fmt::Display>(_: T) -> Fields {
        Fields(&[])
    }
}

impl<'de> de::Deserializer<'de> for FieldsOf {
    type Error = Fields;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Fields> {
        Err(Fields(fields))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Fields> {
        Err(Fields(&[]))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

fn fields_of<T: for<'de> Deserialize<'de>>() -> Vec<&'static str> {
    let Err(Fields(fields)) = T::deserialize(FieldsOf) else {
        panic!("not a struct")
    };
    assert!(!fields.is_empty());
    fields.to_vec()
}

fn decided<T: for<'de> Deserialize<'de>>(honoured: &[&'static str], refused: &[Row<T>]) {
    let mut decided: Vec<&str> = honoured
        .iter()
        .copied()
        .chain(refused.iter().map(|(field, _)| *field))
        .collect();
    decided.sort_unstable();
    let mut all = fields_of::<T>();
    all.sort_unstable();
    assert_eq!(decided, all);
}

#[test]
fn every_field_is_either_honoured_or_refused() {
    decided(METADATA_HONOURED, METADATA);
    decided(SPEC_HONOURED, SPEC);
    decided(CONTAINER_HONOURED, CONTAINER);
    let of_container: Vec<&'static str> = fields_of::<v1::Container>();
    decided(&of_container, EPHEMERAL);
    decided(&["containerPort", "hostIP", "hostPort", "name"], PORT);
    decided(
        &[
            "mountPath",
            "name",
            "readOnly",
            "recursiveReadOnly",
            "subPath",
            "subPathExpr",
        ],
        MOUNT,
    );
    decided(&["sizeLimit"], EMPTY_DIR);
    decided(
        &["configMap", "downwardAPI", "secret", "serviceAccountToken"],
        PROJECTION,
    );
    decided(&["fsGroup", "fsGroupChangePolicy"], SECURITY);
}

fn whole<T: for<'de> Deserialize<'de>>(honoured: &[&'static str]) {
    decided::<T>(honoured, &[]);
}

/// What needs no table, for nothing of it is refused: a field that Kubernetes adds is decided upon here.
#[test]
fn what_is_honoured_as_a_whole_has_no_other_fields() {
    whole::<v1::EnvVar>(&["name", "value", "valueFrom"]);
    whole::<v1::EnvVarSource>(&[
        "configMapKeyRef",
        "fieldRef",
        "fileKeyRef",
        "resourceFieldRef",
        "secretKeyRef",
    ]);
    whole::<v1::ConfigMapKeySelector>(&["key", "name", "optional"]);
    whole::<v1::SecretKeySelector>(&["key", "name", "optional"]);
    whole::<v1::FileKeySelector>(&["key", "optional", "path", "volumeName"]);
    whole::<v1::ObjectFieldSelector>(&["apiVersion", "fieldPath"]);
    whole::<v1::ResourceFieldSelector>(&["containerName", "divisor", "resource"]);
    whole::<v1::EnvFromSource>(&["configMapRef", "prefix", "secretRef"]);
    whole::<v1::ConfigMapEnvSource>(&["name", "optional"]);
    whole::<v1::SecretEnvSource>(&["name", "optional"]);
    whole::<v1::HostPathVolumeSource>(&["path", "type"]);
    whole::<v1::PersistentVolumeClaimVolumeSource>(&["claimName", "readOnly"]);
    whole::<v1::ConfigMapVolumeSource>(&["defaultMode", "items", "name", "optional"]);
    whole::<v1::SecretVolumeSource>(&["defaultMode", "items", "optional", "secretName"]);
    whole::<v1::KeyToPath>(&["key", "mode", "path"]);
    whole::<v1::DownwardAPIVolumeSource>(&["defaultMode", "items"]);
    whole::<v1::DownwardAPIVolumeFile>(&["fieldRef", "mode", "path", "resourceFieldRef"]);
    whole::<v1::ProjectedVolumeSource>(&["defaultMode", "sources"]);
    whole::<v1::ConfigMapProjection>(&["items", "name", "optional"]);
    whole::<v1::SecretProjection>(&["items", "name", "optional"]);
    whole::<v1::DownwardAPIProjection>(&["items"]);
    whole::<v1::ServiceAccountTokenProjection>(&["audience", "expirationSeconds", "path"]);
    whole::<v1::HostAlias>(&["hostnames", "ip"]);
    whole::<v1::PodDNSConfig>(&["nameservers", "options", "searches"]);
    whole::<v1::PodDNSConfigOption>(&["name", "value"]);
    whole::<v1::Affinity>(&["nodeAffinity", "podAffinity", "podAntiAffinity"]);
    // On one machine there is nothing to choose between: what is preferred makes no difference.
    let terms = [
        "preferredDuringSchedulingIgnoredDuringExecution",
        "requiredDuringSchedulingIgnoredDuringExecution",
    ];
    whole::<v1::NodeAffinity>(&terms);
    whole::<v1::PodAffinity>(&terms);
    whole::<v1::PodAntiAffinity>(&terms);
    whole::<v1::NodeSelector>(&["nodeSelectorTerms"]);
    whole::<v1::NodeSelectorTerm>(&["matchExpressions", "matchFields"]);
    whole::<v1::NodeSelectorRequirement>(&["key", "operator", "values"]);
    whole::<v1::PodAffinityTerm>(&[
        "labelSelector",
        "matchLabelKeys",
        "mismatchLabelKeys",
        "namespaceSelector",
        "namespaces",
        "topologyKey",
    ]);
    whole::<v1::Toleration>(&["effect", "key", "operator", "tolerationSeconds", "value"]);
}

#[test]
fn every_kind_of_volume_is_known() {
    let mut known: Vec<&str> = sources(&v1::Volume::default())
        .iter()
        .map(|(field, _)| *field)
        .collect();
    known.push("name");
    known.sort_unstable();
    let mut all = fields_of::<v1::Volume>();
    all.sort_unstable();
    assert_eq!(known, all);
}
