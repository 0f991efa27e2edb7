//! What there can be objects of, and what each kind is called.
//!
//! Names as the API server publishes them (`kubectl api-resources`): `pkg/registry/core/*/storage` `ShortNames`.

/// A kind of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    Pod,
    Event,
    ConfigMap,
    Secret,
    ServiceAccount,
    PersistentVolumeClaim,
    LimitRange,
    Namespace,
    Node,
    PodPreset,
}

/// What is told of a kind: its name in manifests, group, version, plural, short names, and whether its objects live in
/// namespaces.
struct About {
    kind: &'static str,
    api_version: &'static str,
    plural: &'static str,
    singular: &'static str,
    short: &'static [&'static str],
    namespaced: bool,
}

const fn core(
    kind: &'static str,
    plural: &'static str,
    singular: &'static str,
    short: &'static [&'static str],
    namespaced: bool,
) -> About {
    About {
        kind,
        api_version: "v1",
        plural,
        singular,
        short,
        namespaced,
    }
}

const POD: About = core("Pod", "pods", "pod", &["po"], true);
const EVENT: About = core("Event", "events", "event", &["ev"], true);
const CONFIG_MAP: About = core("ConfigMap", "configmaps", "configmap", &["cm"], true);
const SECRET: About = core("Secret", "secrets", "secret", &[], true);
const SERVICE_ACCOUNT: About = core(
    "ServiceAccount",
    "serviceaccounts",
    "serviceaccount",
    &["sa"],
    true,
);
const CLAIM: About = core(
    "PersistentVolumeClaim",
    "persistentvolumeclaims",
    "persistentvolumeclaim",
    &["pvc"],
    true,
);
const LIMIT_RANGE: About = core("LimitRange", "limitranges", "limitrange", &["limits"], true);
const NAMESPACE: About = core("Namespace", "namespaces", "namespace", &["ns"], false);
const NODE: About = core("Node", "nodes", "node", &["no"], false);
const POD_PRESET: About = About {
    kind: "PodPreset",
    api_version: "settings.k8s.io/v1alpha1",
    plural: "podpresets",
    singular: "podpreset",
    short: &[],
    namespaced: true,
};

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 10] = [
        Kind::Pod,
        Kind::Event,
        Kind::ConfigMap,
        Kind::Secret,
        Kind::ServiceAccount,
        Kind::PersistentVolumeClaim,
        Kind::LimitRange,
        Kind::Namespace,
        Kind::Node,
        Kind::PodPreset,
    ];

    const fn about(self) -> &'static About {
        match self {
            Kind::Pod => &POD,
            Kind::Event => &EVENT,
            Kind::ConfigMap => &CONFIG_MAP,
            Kind::Secret => &SECRET,
            Kind::ServiceAccount => &SERVICE_ACCOUNT,
            Kind::PersistentVolumeClaim => &CLAIM,
            Kind::LimitRange => &LIMIT_RANGE,
            Kind::Namespace => &NAMESPACE,
            Kind::Node => &NODE,
            Kind::PodPreset => &POD_PRESET,
        }
    }

    /// As manifests write it: `ConfigMap`.
    pub const fn kind(self) -> &'static str {
        self.about().kind
    }

    /// `v1`, `settings.k8s.io/v1alpha1`.
    pub fn api_version(self) -> &'static str {
        self.about().api_version
    }

    /// The part of the version before the slash; the core group has none.
    pub fn group(self) -> &'static str {
        self.api_version()
            .split_once('/')
            .map_or("", |(group, _)| group)
    }

    /// The part of the version behind the slash.
    pub fn version(self) -> &'static str {
        self.api_version()
            .rsplit_once('/')
            .map_or(self.api_version(), |(_, version)| version)
    }

    /// As messages and paths name it: `configmaps`.
    pub const fn plural(self) -> &'static str {
        self.about().plural
    }

    /// `configmap`
    pub fn singular(self) -> &'static str {
        self.about().singular
    }

    pub fn short_names(self) -> &'static [&'static str] {
        self.about().short
    }

    /// Whether its objects live in namespaces; those of the others belong to the whole machine.
    pub const fn namespaced(self) -> bool {
        self.about().namespaced
    }

    /// `configmap`, and `podpreset.settings.k8s.io` with the group, as kubectl prints names (`configmap/app created`).
    pub fn qualified_singular(self) -> String {
        qualified(self.singular(), self.group())
    }

    /// `configmaps`, and `podpresets.settings.k8s.io` with the group, as the API server's messages name them.
    pub const fn qualified_plural(self) -> &'static str {
        match self {
            Kind::PodPreset => "podpresets.settings.k8s.io",
            _ => self.plural(),
        }
    }

    /// `ConfigMap`, and `PodPreset.settings.k8s.io` with the group, as the API server names an invalid object.
    pub const fn qualified_kind(self) -> &'static str {
        match self {
            Kind::PodPreset => "PodPreset.settings.k8s.io",
            _ => self.kind(),
        }
    }

    /// The kind with this `apiVersion` and `kind`.
    pub fn of(api_version: &str, kind: &str) -> Option<Kind> {
        Kind::ALL
            .into_iter()
            .find(|one| one.kind() == kind && one.api_version() == api_version)
    }

    /// The kind with this `kind`, whatever the version.
    pub fn named(kind: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|one| one.kind() == kind)
    }

    /// What a user typed: any of the names in any case, alone or with the group (`podpresets.settings.k8s.io`) or with
    /// version and group (`pods.v1.`, `podpresets.v1alpha1.settings.k8s.io`).
    pub fn parse(text: &str) -> Option<Kind> {
        let text = text.to_lowercase();
        let (name, rest) = match text.split_once('.') {
            Some((name, rest)) => (name, Some(rest)),
            None => (text.as_str(), None),
        };
        Kind::ALL.into_iter().find(|kind| {
            let named = [kind.plural(), kind.singular()].contains(&name)
                || (rest.is_none() && kind.short_names().contains(&name));
            named && rest.is_none_or(|rest| kind.is_in(rest))
        })
    }

    /// Whether this is its group, or its version and group.
    fn is_in(self, rest: &str) -> bool {
        let (version, group) = (self.version(), self.group());
        rest == format!("{version}.{group}") || (rest == group && !group.is_empty())
    }
}

fn qualified(name: &str, group: &str) -> String {
    if group.is_empty() {
        name.to_owned()
    } else {
        format!("{name}.{group}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_all_its_names() {
        for kind in Kind::ALL {
            let mut names = vec![kind.plural(), kind.singular(), kind.kind()];
            names.extend(kind.short_names());
            for name in names {
                assert_eq!(Kind::parse(name), Some(kind), "{name}");
            }
            assert_eq!(Kind::of(kind.api_version(), kind.kind()), Some(kind));
            assert_eq!(Kind::named(kind.kind()), Some(kind));
        }
    }

    #[test]
    fn a_kind_may_be_named_with_its_group() {
        let rows = [
            ("pods.v1.", Some(Kind::Pod)),
            ("pod.v1.", Some(Kind::Pod)),
            ("podpresets.settings.k8s.io", Some(Kind::PodPreset)),
            ("podpreset.v1alpha1.settings.k8s.io", Some(Kind::PodPreset)),
            ("pods.apps", None),
            ("pods.", None),
            ("po.v1.", None),
            ("", None),
            ("deployments", None),
        ];
        for (text, expected) in rows {
            assert_eq!(Kind::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn no_two_kinds_share_a_name() {
        let mut names: Vec<&str> = Kind::ALL
            .into_iter()
            .flat_map(|kind| {
                [kind.plural(), kind.singular()]
                    .into_iter()
                    .chain(kind.short_names().iter().copied())
            })
            .collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
