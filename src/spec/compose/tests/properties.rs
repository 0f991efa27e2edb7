//! What holds of every start.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use k8s_openapi::jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::spec::Complaints;

fn resolved(object: serde_json::Value) -> Result<Pod, Complaints> {
    let object = serde_json::from_value(object).expect("a pod");
    let uid = "u".to_owned();
    crate::spec::resolve(object, Path::new("/"), uid, Timestamp::UNIX_EPOCH)
}

#[derive(Clone, Debug)]
enum Step {
    /// A key of the ConfigMap of this number.
    From(usize),
    Literal(String, String),
}

proptest! {
    /// One definition after the other into a map, as the rule is told.
    #[test]
    fn the_environment_is_what_a_map_would_hold(
        maps in prop::collection::vec(prop::collection::btree_map("[AB]", "[x$()A]{0,3}", 0..3), 0..3),
        env in prop::collection::vec(("[ABC]", "[x$()ABC]{0,6}"), 0..5),
    ) {
        let mut world = World::default();
        let steps = (0..maps.len()).map(Step::From);
        let steps = steps.chain(env.iter().map(|(name, value)| Step::Literal(name.clone(), value.clone())));
        let mut model = BTreeMap::new();
        for step in steps {
            match step {
                Step::From(map) => {
                    let data: Vec<(&str, &str)> = maps[map].iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
                    world = world.config_map(&format!("c{map}"), &data);
                    model.extend(maps[map].clone());
                }
                Step::Literal(name, value) => {
                    let known = |name: &str| model.get(name).map(String::as_str);
                    let value = expand::expand(&value, known, &mut usize::MAX.clone()).expect("room");
                    model.insert(name, value);
                }
            }
        }
        let object = serde_json::json!({
            "metadata": {"name": "web"},
            "spec": {"containers": [{
                "name": "app",
                "image": "./a.wasm",
                "envFrom": (0..maps.len()).map(|map| serde_json::json!({"configMapRef": {"name": format!("c{map}")}})).collect::<Vec<_>>(),
                "env": env.iter().map(|(name, value)| serde_json::json!({"name": name, "value": value})).collect::<Vec<_>>(),
            }]},
        });
                let pod = resolved(object);
        let pod = pod.unwrap_or_else(|complaints| panic!("{complaints}"));
        let composed = compose(&pod, 0, &Facts::default(), &world).expect("it starts");
        let names: BTreeSet<&String> = composed.env.iter().map(|(name, _)| name).collect();
        prop_assert_eq!(names.len(), composed.env.len(), "names are unique");
        prop_assert_eq!(composed.env.into_iter().collect::<BTreeMap<_, _>>(), model);
    }

    /// No sub-path that starts leads out of its volume, whatever its variables hold.
    #[test]
    fn no_sub_path_leaves_its_volume(expression in "[$()A./b]{1,8}", value in "[./a]{0,4}") {
        let object = serde_json::json!({
            "metadata": {"name": "web"},
            "spec": {
                "volumes": [{"name": "e"}],
                "containers": [{
                    "name": "app",
                    "image": "./a.wasm",
                    "env": [{"name": "A", "value": value}],
                    "volumeMounts": [{"name": "e", "mountPath": "/e", "subPathExpr": expression}],
                }],
            },
        });
                let Ok(pod) = resolved(object) else {
            return Ok(());
        };
        let composed = compose(&pod, 0, &Facts::default(), &Nothing).expect("resolved");
        let path = composed.sub_paths[0].as_deref().unwrap_or_default();
        prop_assert!(!path.starts_with('/'));
        prop_assert!(path.split('/').all(|part| part != ".."));
    }
}
