//! LimitRange (`ValidateLimitRange`, `SetDefaults_LimitRangeItem`).

use std::collections::{BTreeMap, BTreeSet, HashSet};

use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Written;

use super::claim::canonical;
use crate::spec::names;
use crate::spec::quantity::Quantity;
use crate::spec::report::{Path, Report};

type List = BTreeMap<String, Written>;

pub fn defaults(range: &mut v1::LimitRange) {
    let spec = range.spec.get_or_insert_default();
    for item in &mut spec.limits {
        for list in [
            &mut item.max,
            &mut item.min,
            &mut item.default,
            &mut item.default_request,
            &mut item.max_limit_request_ratio,
        ] {
            list.iter_mut().for_each(canonical);
        }
        if item.type_ == "Container" {
            fill(&mut item.default, item.max.as_ref());
            fill(&mut item.default_request, item.default.as_ref());
            fill(&mut item.default_request, item.min.as_ref());
        }
    }
}

/// What a list does not say it takes from another one.
fn fill(list: &mut Option<List>, from: Option<&List>) {
    for (name, quantity) in from.into_iter().flatten() {
        let list = list.get_or_insert_default();
        list.entry(name.clone()).or_insert_with(|| quantity.clone());
    }
}

pub fn check(range: &v1::LimitRange, report: &mut Report) {
    let path = Path::ROOT.field("spec");
    let path = path.field("limits");
    let mut known = HashSet::new();
    let items = range.spec.iter().flat_map(|spec| &spec.limits);
    for (index, item) in items.enumerate() {
        let path = path.index(index);
        kind(&item.type_, &path.field("type"), report);
        if !known.insert(&item.type_) {
            report.duplicate(&path.field("type"), &item.type_);
        }
        Item::new(item, &path, report).check(report);
    }
}

fn kind(kind: &str, path: &Path, report: &mut Report) {
    const STANDARD: [&str; 3] = ["Pod", "Container", "PersistentVolumeClaim"];
    report.invalid_each(path, kind, names::qualified_name(kind));
    if !kind.contains('/') && !kind.is_empty() && !STANDARD.contains(&kind) {
        report.invalid(
            path,
            kind,
            "must be a standard limit type or fully qualified",
        );
    }
}

/// The lists of one item, with what could be read of them.
struct Item<'i> {
    kind: &'i str,
    path: &'i Path<'i>,
    max: BTreeMap<&'i str, Quantity>,
    min: BTreeMap<&'i str, Quantity>,
    default: BTreeMap<&'i str, Quantity>,
    request: BTreeMap<&'i str, Quantity>,
    ratio: BTreeMap<&'i str, Quantity>,
}

impl<'i> Item<'i> {
    fn new(item: &'i v1::LimitRangeItem, path: &'i Path<'i>, report: &mut Report) -> Item<'i> {
        let mut read = |list: &'i Option<List>, field: &str| {
            let path = path.field(field);
            let mut known = BTreeMap::new();
            for (name, quantity) in list.iter().flatten() {
                let path = path.key(name);
                resource(&item.type_, name, &path, report);
                match quantity.0.parse() {
                    Ok(parsed) => drop(known.insert(name.as_str(), parsed)),
                    Err(error) => {
                        let error: crate::spec::QuantityError = error;
                        report.invalid(&path, &quantity.0, &error.to_string());
                    }
                }
            }
            known
        };
        Item {
            max: read(&item.max, "max"),
            min: read(&item.min, "min"),
            default: read(&item.default, "default"),
            request: read(&item.default_request, "defaultRequest"),
            ratio: read(&item.max_limit_request_ratio, "maxLimitRequestRatio"),
            kind: &item.type_,
            path,
        }
    }

    fn check(&self, report: &mut Report) {
        if self.kind == "Pod" {
            let lists = [
                ("default", &self.default),
                ("defaultRequest", &self.request),
            ];
            for (field, _) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
                report.forbidden(
                    &self.path.field(field),
                    "may not be specified when `type` is 'Pod'",
                );
            }
        }
        let storage = |list: &BTreeMap<&str, Quantity>| list.contains_key("storage");
        if self.kind == "PersistentVolumeClaim" && !storage(&self.min) && !storage(&self.max) {
            report.required(
                &self.path.field("limits"),
                "either minimum or maximum storage value is required, but neither was provided",
            );
        }
        let lists = [
            &self.max,
            &self.min,
            &self.default,
            &self.request,
            &self.ratio,
        ];
        let names: BTreeSet<&str> = lists
            .into_iter()
            .flat_map(|list| list.keys().copied())
            .collect();
        for name in names {
            self.resource(name, report);
        }
    }

    /// Minimum, default request, default limit and maximum of one resource have to stand in this order.
    fn resource(&self, name: &str, report: &mut Report) {
        let of = |list: &BTreeMap<&str, Quantity>| list.get(name).copied();
        let (max, min) = (of(&self.max), of(&self.min));
        let (limit, request) = (of(&self.default), of(&self.request));
        let mut ordered = |field: &str, value, low, low_name: &str, high, high_name: &str| {
            if let (Some(value), Some(low), Some(high)) = (value, low, high)
                && low > high
            {
                let (value, low, high): (Quantity, Quantity, Quantity) = (value, low, high);
                let (low, high) = (low.to_string(), high.to_string());
                let detail =
                    format!("{low_name} value {low} is greater than {high_name} value {high}");
                let path = self.path.field(field);
                report.invalid(&path.key(name), &value.to_string(), &detail);
            }
        };
        ordered("min", min, min, "min", max, "max");
        ordered(
            "defaultRequest",
            request,
            min,
            "min",
            request,
            "default request",
        );
        ordered(
            "defaultRequest",
            request,
            request,
            "default request",
            max,
            "max",
        );
        ordered(
            "defaultRequest",
            request,
            request,
            "default request",
            limit,
            "default limit",
        );
        ordered("default", limit, min, "min", limit, "default");
        ordered("default", max, limit, "default", max, "max");
        if let Some(ratio) = of(&self.ratio) {
            self.ratio(name, ratio, min, max, report);
        }
    }

    fn ratio(
        &self,
        name: &str,
        ratio: Quantity,
        min: Option<Quantity>,
        max: Option<Quantity>,
        report: &mut Report,
    ) {
        let path = self.path.field("maxLimitRequestRatio");
        let path = path.key(name);
        let text = ratio.to_string();
        if ratio.milli() < 1000 {
            report.invalid(&path, &text, &format!("ratio {text} is less than 1"));
        }
        if let (Some(min), Some(max)) = (min, max)
            && min.milli() > 0
        {
            // As Go has it: whole units where there are some, else thousandths.
            let most = max.milli() as f64 / min.milli() as f64;
            if ratio.milli() as f64 / 1000.0 > most {
                let detail = format!("ratio {text} is greater than max/min = {most:.6}");
                report.invalid(&path, &text, &detail);
            }
        }
    }
}

/// `validateLimitRangeResourceName`: containers have other resources than claims.
fn resource(kind: &str, name: &str, path: &Path, report: &mut Report) {
    report.invalid_each(path, name, names::qualified_name(name));
    if name.contains('/') {
        return;
    }
    let known = matches!(name, "cpu" | "memory" | "ephemeral-storage")
        || name.starts_with("hugepages-")
        || (kind != "Container" && kind != "Pod" && matches!(name, "storage"));
    if !known {
        let detail = match kind {
            "Container" | "Pod" => "must be a standard resource for containers",
            _ => "must be a standard resource for limit ranges",
        };
        report.invalid(path, name, detail);
    }
}
