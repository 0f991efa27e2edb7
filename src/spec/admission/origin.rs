//! Where a part of a pod came from, that its author did not write: a complaint about it is only understood with that.

use crate::spec::Complaint;

/// Field paths, and what put there what stands at and below them.
#[derive(Clone, Debug, Default)]
pub(super) struct Origins(Vec<(String, Origin)>);

#[derive(Clone, Debug)]
struct Origin {
    kind: &'static str,
    name: String,
}

impl Origins {
    pub fn preset(&mut self, path: String, name: &str) {
        self.put(path, "PodPreset", name);
    }

    pub fn service_account(&mut self, path: String, name: &str) {
        self.put(path, "ServiceAccount", name);
    }

    pub fn limit_range(&mut self, path: String, name: &str) {
        self.put(path, "LimitRange", name);
    }

    fn put(&mut self, path: String, kind: &'static str, name: &str) {
        let name = name.to_owned();
        self.0.push((path, Origin { kind, name }));
    }

    /// Whether nobody but the author has put anything into the pod.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Nothing came of them after all.
    pub fn forget_presets(&mut self) {
        self.0.retain(|(_, origin)| origin.kind != "PodPreset");
    }

    /// Adds to the complaint where that came from which it is about, if the pod's author did not write it.
    pub fn explain(&self, complaint: &mut Complaint) {
        let around = |path: &str| {
            let rest = complaint.path.strip_prefix(path);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        if let Some((_, origin)) = self.0.iter().find(|(path, _)| around(path)) {
            let Origin { kind, name } = origin;
            complaint.message += &format!(" (it comes from {kind} {name:?})");
        }
    }
}
