//! The objects around pods, compared with the output of kubectl 1.32 for the same objects. Where it follows the order of a Go map,
//! which is another one each time, we go by the alphabet.

use k8s_openapi::jiff::tz::TimeZone;

use super::{Around, Clock, object};
use crate::cli::print::fixtures::now;
use crate::spec::{Kind, Object, Typed};

fn clock() -> Clock {
    Clock {
        now: now(),
        zone: TimeZone::UTC,
    }
}

fn read(kind: Kind, text: &str) -> Object {
    Object::from_value(kind, serde_json::from_str(text).unwrap()).unwrap()
}

fn typed<T: Typed>(text: &str) -> T {
    T::of_object(read(T::IS, text)).unwrap()
}

#[track_caller]
fn reads(kind: Kind, json: &str, around: &Around, text: &str) {
    assert_eq!(object(&read(kind, json), around, &clock()), text);
}

/// Nothing happened.
fn quiet() -> Around {
    Around {
        events: Some(Vec::new()),
        ..Around::default()
    }
}

/// The one thing that kubectl was told of, too.
fn eventful() -> Around {
    Around {
        events: Some(vec![typed(include_str!("kubectl/event.json"))]),
        ..Around::default()
    }
}

#[test]
fn a_secret() {
    let (json, text) = (
        include_str!("kubectl/secret.json"),
        include_str!("kubectl/secret.txt"),
    );
    reads(Kind::Secret, json, &quiet(), text);
}

#[test]
fn a_service_account() {
    let around = Around {
        secrets: ["sec".to_owned()].into(),
        ..eventful()
    };
    let (json, text) = (
        include_str!("kubectl/serviceaccount.json"),
        include_str!("kubectl/serviceaccount.txt"),
    );
    reads(Kind::ServiceAccount, json, &around, text);
}

#[test]
fn a_claim() {
    let around = Around {
        pods: vec![
            typed(include_str!("kubectl/user.json")),
            typed(include_str!("kubectl/bare.json")),
        ],
        ..quiet()
    };
    let (json, text) = (
        include_str!("kubectl/persistentvolumeclaim.json"),
        include_str!("kubectl/persistentvolumeclaim.txt"),
    );
    reads(Kind::PersistentVolumeClaim, json, &around, text);
}

#[test]
fn a_limit_range() {
    let (json, text) = (
        include_str!("kubectl/limitrange.json"),
        include_str!("kubectl/limitrange.txt"),
    );
    reads(Kind::LimitRange, json, &quiet(), text);
}

#[test]
fn a_preset() {
    let (json, text) = (
        include_str!("kubectl/podpreset.json"),
        include_str!("kubectl/podpreset.txt"),
    );
    reads(Kind::PodPreset, json, &eventful(), text);
}

/// There is no lease of a node here, so nothing is said of one.
#[test]
fn a_node() {
    let around = Around {
        pods: vec![
            typed(include_str!("kubectl/user.json")),
            typed(include_str!("kubectl/bare.json")),
        ],
        ..quiet()
    };
    let (json, text) = (
        include_str!("kubectl/node.json"),
        include_str!("kubectl/node.txt"),
    );
    reads(Kind::Node, json, &around, text);
}
