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
    "containers",
    "ephemeralContainers",
    "hostAliases",
    "hostNetwork",
    "hostname",
    "initContainers",
    // Must be this machine, if it is said (`bind`).
    "nodeName",
    "readinessGates",
    "restartPolicy",
    "terminationGracePeriodSeconds",
    "volumes",
    // This machine has no taints, so there is nothing to tolerate.
    "tolerations",
    // There are no services, so there are no links to them.
    "enableServiceLinks",
];

const CONTAINER_HONOURED: &[&str] = &[
    "args",
    "command",
    "env",
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
    decided(&["name", "value"], ENV);
    decided(&["containerPort", "hostIP", "hostPort", "name"], PORT);
    decided(
        &["mountPath", "name", "readOnly", "subPath", "subPathExpr"],
        MOUNT,
    );
    decided(&[], EMPTY_DIR);
    decided(&["path"], HOST_PATH);
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
