//! Making a manifest independent of the folder it was written in.

use std::path::Path;

use k8s_openapi::api::core::v1;

use super::image;

/// Makes the relative paths of an object absolute: images that are files (`./app.wasm`) and the paths of `hostPath`
/// volumes. What is stored is read back by processes that stand somewhere else. `base` is the folder of the manifest; a
/// path that is no UTF-8 cannot be written into an object and stays as it is.
pub fn anchor(object: &mut v1::Pod, base: &Path) {
    let Some(spec) = &mut object.spec else { return };
    let ephemeral = spec.ephemeral_containers.iter_mut().flatten();
    let images = spec
        .init_containers
        .iter_mut()
        .flatten()
        .chain(&mut spec.containers)
        .map(|container| &mut container.image)
        .chain(ephemeral.map(|container| &mut container.image));
    for written in images.flatten() {
        if let Some(path) = image::file(written, base).as_deref().and_then(Path::to_str) {
            path.clone_into(written);
        }
    }
    for source in spec
        .volumes
        .iter_mut()
        .flatten()
        .filter_map(|volume| volume.host_path.as_mut())
    {
        let whole = base.join(&source.path);
        // An empty path is for validation to complain about.
        if let (false, Some(path)) = (source.path.is_empty(), whole.to_str()) {
            path.clone_into(&mut source.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn anchored(written: serde_json::Value) -> serde_json::Value {
        let mut object: v1::Pod = serde_json::from_value(written).expect("a pod");
        anchor(&mut object, Path::new("/m"));
        serde_json::to_value(object).expect("prints")["spec"].take()
    }

    #[test]
    fn relative_files_become_absolute_and_the_rest_stays() {
        let rows = [
            ("./app.wasm", "/m/app.wasm"),
            ("../app.wasm", "/m/../app.wasm"),
            ("file:app.wasm", "/m/app.wasm"),
            ("/abs/app.wasm", "/abs/app.wasm"),
            ("busybox", "busybox"),
            ("wasmpod/toolbox", "wasmpod/toolbox"),
            ("B@d", "B@d"),
        ];
        for (written, expected) in rows {
            let one = || json!([{"name": "a", "image": written}]);
            let spec = anchored(json!({"spec": {
                "containers": one(), "initContainers": one(), "ephemeralContainers": one(),
            }}));
            for list in ["containers", "initContainers", "ephemeralContainers"] {
                assert_eq!(spec[list][0]["image"], expected, "{list}");
            }
        }
    }

    #[test]
    fn a_relative_host_path_begins_at_the_manifests_folder() {
        for (written, expected) in [("data", "/m/data"), ("/data", "/data"), ("", "")] {
            let spec = anchored(json!({"spec": {
                "containers": [],
                "volumes": [{"name": "v", "hostPath": {"path": written}}],
            }}));
            assert_eq!(spec["volumes"][0]["hostPath"]["path"], expected);
        }
    }
}
