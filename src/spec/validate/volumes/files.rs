//! Volumes whose files are made of objects and of what is known about the pod.

use std::collections::HashSet;

use k8s_openapi::api::core::v1;

use super::non_reserved;
use crate::spec::report::{Path, Report};
use crate::spec::validate::selectors::{self, FILE_FIELDS};

/// What a token may be asked to live, in seconds.
const SHORTEST_TOKEN: i64 = 10 * 60;
const LONGEST_TOKEN: i64 = 1 << 32;

pub fn secret(secret: &v1::SecretVolumeSource, path: &Path, report: &mut Report) {
    if secret.secret_name.as_deref().is_none_or(str::is_empty) {
        report.required(&path.field("secretName"), "");
    }
    mode(secret.default_mode, &path.field("defaultMode"), report);
    items(secret.items.as_deref(), &path.field("items"), report);
}

pub fn config_map(config_map: &v1::ConfigMapVolumeSource, path: &Path, report: &mut Report) {
    if config_map.name.is_empty() {
        report.required(&path.field("name"), "");
    }
    mode(config_map.default_mode, &path.field("defaultMode"), report);
    items(config_map.items.as_deref(), &path.field("items"), report);
}

pub fn downward_api(volume: &v1::DownwardAPIVolumeSource, path: &Path, report: &mut Report) {
    mode(volume.default_mode, &path.field("defaultMode"), report);
    downward_items(volume.items.as_deref(), &path.field("items"), report);
}

pub fn projected(volume: &v1::ProjectedVolumeSource, path: &Path, report: &mut Report) {
    mode(volume.default_mode, &path.field("defaultMode"), report);
    let list_path = path.field("sources");
    let mut taken = Taken {
        paths: HashSet::new(),
        volume: path,
    };
    for (index, source) in volume.sources.iter().flatten().enumerate() {
        self::source(source, &mut taken, &list_path.index(index), report);
    }
}

/// The paths that are written out in a projected volume.
struct Taken<'a> {
    paths: HashSet<&'a str>,
    volume: &'a Path<'a>,
}

impl<'a> Taken<'a> {
    /// Tells of a path that is taken already; `value` is what the API server quotes.
    fn take(&mut self, path: &'a str, value: &str, report: &mut Report) {
        if !path.is_empty() && !self.paths.insert(path) {
            report.invalid(self.volume, value, "conflicting duplicate paths");
        }
    }
}

fn source<'a>(
    source: &'a v1::VolumeProjection,
    taken: &mut Taken<'a>,
    path: &Path,
    report: &mut Report,
) {
    if let Some(secret) = &source.secret {
        let path = path.field("secret");
        named_keys(&secret.name, secret.items.as_deref(), taken, &path, report);
    }
    if let Some(map) = &source.config_map {
        let path = path.field("configMap");
        named_keys(&map.name, map.items.as_deref(), taken, &path, report);
    }
    if let Some(downward) = &source.downward_api {
        let path = path.field("downwardAPI");
        downward_items(downward.items.as_deref(), &path.field("items"), report);
        for item in downward.items.iter().flatten() {
            taken.take(&item.path, &item.path, report);
        }
    }
    if let Some(token) = &source.service_account_token {
        self::token(token, &path.field("serviceAccountToken"), report);
    }
    let given = [
        source.secret.is_some(),
        source.config_map.is_some(),
        source.downward_api.is_some(),
        source.service_account_token.is_some(),
        source.cluster_trust_bundle.is_some(),
        source.pod_certificate.is_some(),
    ];
    if given.into_iter().filter(|given| *given).count() > 1 {
        report.forbidden(path, "may not specify more than 1 volume type per source");
    }
}

fn named_keys<'a>(
    name: &str,
    keys: Option<&'a [v1::KeyToPath]>,
    taken: &mut Taken<'a>,
    path: &Path,
    report: &mut Report,
) {
    if name.is_empty() {
        report.required(&path.field("name"), "");
    }
    items(keys, &path.field("items"), report);
    for item in keys.unwrap_or_default() {
        taken.take(&item.path, name, report);
    }
}

fn token(token: &v1::ServiceAccountTokenProjection, path: &Path, report: &mut Report) {
    let seconds = token.expiration_seconds.unwrap_or(3600);
    let expiration_path = path.field("expirationSeconds");
    if seconds < SHORTEST_TOKEN {
        let detail = "may not specify a duration less than 10 minutes";
        report.invalid(&expiration_path, &seconds, detail);
    }
    if seconds > LONGEST_TOKEN {
        let detail = "may not specify a duration larger than 2^32 seconds";
        report.invalid(&expiration_path, &seconds, detail);
    }
    let path = path.field("path");
    if token.path.is_empty() {
        report.required(&path, "");
    } else {
        non_reserved(&token.path, &path, report);
    }
}

fn mode(mode: Option<i32>, path: &Path, report: &mut Report) {
    if let Some(mode) = mode.filter(|mode| !(0..=0o777).contains(mode)) {
        report.invalid(
            path,
            &mode,
            "must be a number between 0 and 0777 (octal), both inclusive",
        );
    }
}

fn items(items: Option<&[v1::KeyToPath]>, path: &Path, report: &mut Report) {
    for (index, item) in items.unwrap_or_default().iter().enumerate() {
        let path = path.index(index);
        if item.key.is_empty() {
            report.required(&path.field("key"), "");
        }
        item_path(&item.path, &path.field("path"), report);
        mode(item.mode, &path.field("mode"), report);
    }
}

fn item_path(text: &str, path: &Path, report: &mut Report) {
    if text.is_empty() {
        report.required(path, "");
    }
    non_reserved(text, path, report);
}

fn downward_items(items: Option<&[v1::DownwardAPIVolumeFile]>, path: &Path, report: &mut Report) {
    for (index, item) in items.unwrap_or_default().iter().enumerate() {
        let path = path.index(index);
        item_path(&item.path, &path.field("path"), report);
        if let Some(field) = &item.field_ref {
            selectors::field(field, &FILE_FIELDS, &path.field("fieldRef"), report);
        }
        match (&item.field_ref, &item.resource_field_ref) {
            (Some(_), Some(_)) => report.invalid(
                &path,
                "resource",
                "fieldRef and resourceFieldRef can not be specified simultaneously",
            ),
            (None, Some(resource)) => {
                selectors::resource(resource, true, &path.field("resourceFieldRef"), report);
            }
            (None, None) => {
                report.required(&path, "one of fieldRef and resourceFieldRef is required");
            }
            (Some(_), None) => {}
        }
        mode(item.mode, &path.field("mode"), report);
    }
}
