//! Service accounts.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::ServiceAccount;

use super::heading;
use super::page::Page;

/// `secrets`: those that are there.
pub fn service_account(page: &mut Page, account: &ServiceAccount, secrets: &BTreeSet<String>) {
    heading(page, &account.metadata);
    let pull = account.image_pull_secrets.iter().flatten();
    names(
        page,
        "Image pull secrets",
        pull.map(|one| one.name.as_str()),
        secrets,
    );
    let mounted = account.secrets.iter().flatten();
    let mounted = mounted.filter_map(|one| one.name.as_deref());
    names(page, "Mountable secrets", mounted, secrets);
    // No secret holds the token of an account here: tokens are made when they are asked for.
    page.field(0, "Tokens", "<none>");
}

fn names<'n>(
    page: &mut Page,
    title: &str,
    names: impl Iterator<Item = &'n str>,
    there: &BTreeSet<String>,
) {
    page.list(
        title,
        names.map(|name| match there.contains(name) {
            true => name.to_owned(),
            false => format!("{name} (not found)"),
        }),
    );
}
