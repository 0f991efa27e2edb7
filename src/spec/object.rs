//! An object of any kind.

use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;

use super::decode::{self, Fault};
use super::kind::Kind;
use super::node::Node;
use super::preset::PodPreset;

/// A type of which there are objects.
pub trait Typed: Sized {
    /// The kind of its objects. (`KIND` is what k8s-openapi calls the word for it.)
    const IS: Kind;

    fn into_object(self) -> Object;

    /// None: it is an object of another kind.
    fn of_object(object: Object) -> Option<Self>;

    fn of_object_ref(object: &Object) -> Option<&Self>;
}

macro_rules! objects {
    ($($variant:ident: $type:ty),* $(,)?) => {
        /// An object of any kind.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Object {
            $($variant(Box<$type>),)*
        }

        impl Object {
            pub fn kind(&self) -> Kind {
                match self {
                    $(Object::$variant(_) => Kind::$variant,)*
                }
            }

            pub fn metadata(&self) -> &ObjectMeta {
                match self {
                    $(Object::$variant(object) => &object.metadata,)*
                }
            }

            pub fn metadata_mut(&mut self) -> &mut ObjectMeta {
                match self {
                    $(Object::$variant(object) => &mut object.metadata,)*
                }
            }

            /// As JSON, with `apiVersion` and `kind`.
            pub fn value(&self) -> Value {
                // The types of the API are plain structs with text keys: there is nothing in them that JSON has no words for.
                match self {
                    $(Object::$variant(object) => serde_json::to_value(object).unwrap_or_default(),)*
                }
            }

            /// Reads the tree of a document as an object of this kind.
            pub(super) fn decode(kind: Kind, node: &Node<'_>) -> (Option<Object>, Vec<Fault>) {
                match kind {
                    $(Kind::$variant => {
                        let (object, faults) = decode::decode::<$type>(node);
                        (object.map(Object::from), faults)
                    })*
                }
            }

            /// Reads an object of this kind.
            ///
            /// # Errors
            /// What the type cannot hold.
            pub fn from_value(kind: Kind, value: Value) -> Result<Object, serde_json::Error> {
                match kind {
                    $(Kind::$variant => serde_json::from_value(value).map(Object::$variant),)*
                }
            }
        }

        $(
            impl Typed for $type {
                const IS: Kind = Kind::$variant;

                fn into_object(self) -> Object {
                    Object::$variant(Box::new(self))
                }

                fn of_object(object: Object) -> Option<Self> {
                    match object {
                        Object::$variant(object) => Some(*object),
                        _ => None,
                    }
                }

                fn of_object_ref(object: &Object) -> Option<&Self> {
                    match object {
                        Object::$variant(object) => Some(object),
                        _ => None,
                    }
                }
            }

            impl From<$type> for Object {
                fn from(object: $type) -> Object {
                    object.into_object()
                }
            }
        )*
    };
}

objects! {
    Pod: v1::Pod,
    Event: v1::Event,
    ConfigMap: v1::ConfigMap,
    Secret: v1::Secret,
    ServiceAccount: v1::ServiceAccount,
    PersistentVolumeClaim: v1::PersistentVolumeClaim,
    LimitRange: v1::LimitRange,
    Namespace: v1::Namespace,
    Node: v1::Node,
    PodPreset: PodPreset,
}

impl Object {
    /// The name in its metadata, if it has one by now.
    pub fn name(&self) -> &str {
        self.metadata().name.as_deref().unwrap_or_default()
    }

    /// The namespace in its metadata; empty for what has none.
    pub fn namespace(&self) -> &str {
        self.metadata().namespace.as_deref().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_kind_says_what_it_is() {
        for kind in Kind::ALL {
            let written = json!({ "metadata": { "name": "a" }, "involvedObject": {} });
            let mut object = Object::from_value(kind, written).unwrap();
            assert_eq!(object.kind(), kind);
            assert_eq!(object.name(), "a");
            object.metadata_mut().namespace = Some("b".to_owned());
            assert_eq!(object.namespace(), "b");
            let value = object.value();
            assert_eq!(value["kind"], kind.kind());
            assert_eq!(value["apiVersion"], kind.api_version());
            assert_eq!(Object::from_value(kind, value).unwrap(), object);
        }
    }

    #[test]
    fn an_object_is_taken_for_no_other_kind() {
        let object = Object::from(v1::ConfigMap::default());
        assert!(v1::Secret::of_object_ref(&object).is_none());
        assert!(v1::ConfigMap::of_object(object).is_some());
    }
}
