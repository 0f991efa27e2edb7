//! Limit ranges.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{LimitRange, LimitRangeItem};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::containers::canonical;
use super::page::Page;
use super::titles;

const HEAD: &str =
    "Type\tResource\tMin\tMax\tDefault Request\tDefault Limit\tMax Limit/Request Ratio";
const LINE: &str =
    "----\t--------\t---\t---\t---------------\t-------------\t-----------------------";

pub fn limit_range(page: &mut Page, limits: &LimitRange) {
    titles(page, &limits.metadata);
    page.line(0, HEAD);
    page.line(0, LINE);
    rows(page, limits, "");
}

/// All limits of a namespace.
pub fn of_namespace(page: &mut Page, limits: &[LimitRange]) {
    if limits.is_empty() {
        return page.line(0, "No LimitRange resource.");
    }
    page.line(0, &format!("Resource Limits\n {HEAD}\n {LINE}"));
    limits.iter().for_each(|one| rows(page, one, " "));
}

fn rows(page: &mut Page, limits: &LimitRange, before: &str) {
    for item in limits.spec.iter().flat_map(|spec| &spec.limits) {
        for resource in resources(item) {
            let amount = |amounts: &Option<BTreeMap<String, Quantity>>| {
                let amount = amounts.as_ref().and_then(|amounts| amounts.get(resource));
                amount.map_or("-".to_owned(), canonical)
            };
            let cells = [
                item.type_.clone(),
                resource.clone(),
                amount(&item.min),
                amount(&item.max),
                amount(&item.default_request),
                amount(&item.default),
                amount(&item.max_limit_request_ratio),
            ];
            page.line(0, &format!("{before}{}", cells.join("\t")));
        }
    }
}

/// Each that is spoken of.
fn resources(item: &LimitRangeItem) -> BTreeSet<&String> {
    let all = [
        &item.max,
        &item.min,
        &item.default,
        &item.default_request,
        &item.max_limit_request_ratio,
    ];
    all.into_iter()
        .flat_map(|amounts| amounts.iter().flatten())
        .map(|(resource, _)| resource)
        .collect()
}
