//! Config maps, with all that is in them, and secrets, with nothing of it.

use k8s_openapi::api::core::v1::{ConfigMap, Secret};

use super::heading;
use super::page::Page;

pub fn config_map(page: &mut Page, map: &ConfigMap) {
    heading(page, &map.metadata);
    page.line(0, "\nData\n====");
    for (key, value) in map.data.iter().flatten() {
        page.line(0, &format!("{key}:\n----\n{value}\n"));
    }
    page.line(0, "\nBinaryData\n====");
    for (key, value) in map.binary_data.iter().flatten() {
        page.line(0, &format!("{key}: {} bytes", value.0.len()));
    }
    page.line(0, "");
}

/// kubectl shows the token of an account, which is a secret as all the others: it is not shown here.
pub fn secret(page: &mut Page, secret: &Secret) {
    heading(page, &secret.metadata);
    let type_ = secret.type_.as_deref().unwrap_or_default();
    page.line(0, &format!("\nType:\t{type_}\n\nData\n===="));
    for (key, value) in secret.data.iter().flatten() {
        page.field(0, key, &format!("{} bytes", value.0.len()));
    }
}
