//! ConfigMap (`ValidateConfigMap`).

use k8s_openapi::api::core::v1;

use crate::spec::names;
use crate::spec::report::{Path, Report};

/// All values of a ConfigMap, or of a Secret, together (`MaxSecretSize`).
pub const MAX_SIZE: usize = 1 << 20;

pub fn check(config_map: &v1::ConfigMap, report: &mut Report) {
    let (data_path, binary_path) = (Path::ROOT.field("data"), Path::ROOT.field("binaryData"));
    let binary = config_map.binary_data.iter().flatten();
    let is_binary = |key: &String| {
        config_map
            .binary_data
            .as_ref()
            .is_some_and(|binary| binary.contains_key(key))
    };
    let mut size = 0;
    for (key, value) in config_map.data.iter().flatten() {
        let path = data_path.key(key);
        report.invalid_each(&path, key, names::config_key(key));
        if is_binary(key) {
            report.invalid(&path, key, "duplicate of key present in binaryData");
        }
        size += value.len();
    }
    for (key, value) in binary {
        report.invalid_each(&binary_path.key(key), key, names::config_key(key));
        size += value.0.len();
    }
    if size > MAX_SIZE {
        // The API server names no field.
        report.too_long(&Path::ROOT.field("[]"), MAX_SIZE);
    }
}
