//! Which account a pod has, and how its token gets into the containers (`plugin/pkg/admission/serviceaccount/admission.go`).
//!
//! Ephemeral containers come later and get no token, as on a cluster; and `debug`, which adds them, gives them no secrets.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1;

/// The account of a pod that names none.
pub const DEFAULT: &str = "default";
/// Where tokens are mounted.
pub const MOUNT_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// The object that holds the certificate of a cluster's authority.
pub const ROOT_CA: &str = "kube-root-ca.crt";

/// How the volumes of tokens begin; five letters follow.
const VOLUME_PREFIX: &str = "kube-api-access-";
/// An hour and seven seconds, as everywhere: whoever measures tokens knows by it that nobody asked for another lifetime
/// (`pkg/serviceaccount/claims.go` `WarnOnlyBoundTokenExpirationSeconds`).
const LIFETIME: i64 = 3607;
const READABLE: i32 = 0o644;
/// On an account: its pods may use no secrets but those that it lists.
const ENFORCE: &str = "kubernetes.io/enforce-mountable-secrets";

/// The name of the account that a pod has, or will have.
pub fn account_of(pod: &v1::Pod) -> &str {
    let spec = pod.spec.as_ref();
    spec.and_then(|spec| {
        let names = [&spec.service_account_name, &spec.service_account];
        let mut names = names.into_iter().filter_map(|name| name.as_deref());
        names.find(|name| !name.is_empty())
    })
    .unwrap_or(DEFAULT)
}

/// Gives a pod that is being created its account, that account's token and its pull secrets. `account` is the one that
/// [`account_of`] names, if it exists; `chance` becomes the end of the volume's name.
///
/// # Errors
/// What follows `pods "web" is forbidden: `.
pub fn fill_in(
    pod: &mut v1::Pod,
    account: Option<&v1::ServiceAccount>,
    chance: [u8; 5],
) -> Result<(), String> {
    let name = account_of(pod).to_owned();
    let account = account.ok_or_else(|| {
        let namespace = pod.metadata.namespace.as_deref().unwrap_or(DEFAULT);
        format!(
            "error looking up service account {namespace}/{name}: serviceaccount {name:?} not found"
        )
    })?;
    let Some(spec) = &mut pod.spec else {
        return Ok(());
    };
    // The older name of the field always says the same (`pkg/apis/core/v1/conversion.go`).
    spec.service_account = Some(name.clone());
    spec.service_account_name = Some(name);
    if is_mounted(account, spec) {
        mount(spec, chance);
    }
    if spec.image_pull_secrets.as_ref().is_none_or(Vec::is_empty) {
        let secrets = account.image_pull_secrets.clone();
        spec.image_pull_secrets = secrets.filter(|secrets| !secrets.is_empty());
    }
    match Mountable::of(account) {
        Some(mountable) => mountable.check(spec),
        None => Ok(()),
    }
}

/// The pod has the last word.
fn is_mounted(account: &v1::ServiceAccount, spec: &v1::PodSpec) -> bool {
    let wish = spec.automount_service_account_token;
    wish.or(account.automount_service_account_token)
        .unwrap_or(true)
}

/// Mounts the token in every container that has nothing else in its place.
fn mount(spec: &mut v1::PodSpec, chance: [u8; 5]) {
    let volumes = spec.volumes.as_deref().unwrap_or_default();
    let found = volumes
        .iter()
        .find(|volume| volume.name.starts_with(VOLUME_PREFIX));
    let found = found.map(|volume| volume.name.clone());
    let name = found.clone().unwrap_or_else(|| volume_name(chance));
    let init = spec.init_containers.iter_mut().flatten();
    let mut mounted = false;
    for container in init.chain(&mut spec.containers) {
        let mounts = container.volume_mounts.get_or_insert_default();
        if mounts.iter().any(covers) {
            continue;
        }
        mounts.push(v1::VolumeMount {
            name: name.clone(),
            mount_path: MOUNT_PATH.to_owned(),
            read_only: Some(true),
            ..Default::default()
        });
        mounted = true;
    }
    if mounted && found.is_none() {
        spec.volumes
            .get_or_insert_default()
            .push(token_volume(name));
    }
}

fn covers(mount: &v1::VolumeMount) -> bool {
    mount.mount_path.trim_end_matches('/') == MOUNT_PATH
}

/// Of these no words can be made (`apimachinery/pkg/util/rand/rand.go`).
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// The chance by which a volume of a token got its name; none if that is the name of something else.
pub fn chance_of(volume: &str) -> Option<[u8; 5]> {
    let end = volume.strip_prefix(VOLUME_PREFIX)?;
    let place = |letter: u8| LETTERS.iter().position(|one| *one == letter);
    let chance = end.bytes().map(|letter| u8::try_from(place(letter)?).ok());
    let chance: Vec<u8> = chance.collect::<Option<_>>()?;
    chance.try_into().ok()
}

/// `apiserver/pkg/storage/names/generate.go`
fn volume_name(chance: [u8; 5]) -> String {
    let end = chance.map(|byte| char::from(LETTERS[usize::from(byte) % LETTERS.len()]));
    VOLUME_PREFIX.chars().chain(end).collect()
}

/// `TokenVolumeSource`.
fn token_volume(name: String) -> v1::Volume {
    let token = v1::VolumeProjection {
        service_account_token: Some(v1::ServiceAccountTokenProjection {
            path: "token".to_owned(),
            expiration_seconds: Some(LIFETIME),
            audience: None,
        }),
        ..Default::default()
    };
    let authority = v1::VolumeProjection {
        config_map: Some(v1::ConfigMapProjection {
            name: ROOT_CA.to_owned(),
            items: Some(vec![v1::KeyToPath {
                key: "ca.crt".to_owned(),
                path: "ca.crt".to_owned(),
                mode: None,
            }]),
            optional: None,
        }),
        ..Default::default()
    };
    let namespace = v1::VolumeProjection {
        downward_api: Some(v1::DownwardAPIProjection {
            items: Some(vec![v1::DownwardAPIVolumeFile {
                path: "namespace".to_owned(),
                field_ref: Some(v1::ObjectFieldSelector {
                    api_version: Some("v1".to_owned()),
                    field_path: "metadata.namespace".to_owned(),
                }),
                ..Default::default()
            }]),
        }),
        ..Default::default()
    };
    v1::Volume {
        name,
        projected: Some(v1::ProjectedVolumeSource {
            default_mode: Some(READABLE),
            sources: Some(vec![token, authority, namespace]),
        }),
        ..Default::default()
    }
}

/// The secrets of an account that lets its pods use no others.
struct Mountable<'a> {
    account: &'a str,
    secrets: BTreeSet<&'a str>,
    pull_secrets: BTreeSet<&'a str>,
}

impl<'a> Mountable<'a> {
    fn of(account: &'a v1::ServiceAccount) -> Option<Mountable<'a>> {
        let annotations = account.metadata.annotations.as_ref();
        let enforced = annotations.and_then(|annotations| annotations.get(ENFORCE));
        // Go's `strconv.ParseBool`.
        let truths = ["1", "t", "T", "TRUE", "true", "True"];
        enforced.filter(|text| truths.contains(&text.as_str()))?;
        let secrets = account.secrets.iter().flatten();
        let pull_secrets = account.image_pull_secrets.iter().flatten();
        Some(Mountable {
            account: account.metadata.name.as_deref().unwrap_or_default(),
            secrets: secrets
                .filter_map(|secret| secret.name.as_deref())
                .collect(),
            pull_secrets: pull_secrets.map(|secret| secret.name.as_str()).collect(),
        })
    }

    fn check(&self, spec: &v1::PodSpec) -> Result<(), String> {
        for volume in spec.volumes.iter().flatten() {
            let secret = volume.secret.as_ref();
            if let Some(name) = secret.and_then(|secret| secret.secret_name.as_deref()) {
                self.allows(name, || "volume with".to_owned())?;
            }
        }
        let init = spec.init_containers.iter().flatten();
        let init = init.map(|container| ("init container", container));
        let rest = spec
            .containers
            .iter()
            .map(|container| ("container", container));
        for (kind, container) in init.chain(rest) {
            self.check_environment(kind, container)?;
        }
        for (index, secret) in spec.image_pull_secrets.iter().flatten().enumerate() {
            if !self.pull_secrets.contains(secret.name.as_str()) {
                return Err(format!(
                    "imagePullSecrets[{index}].name=\"{}\" is not allowed because service account {} does not \
                     reference that imagePullSecret",
                    secret.name, self.account
                ));
            }
        }
        Ok(())
    }

    fn check_environment(&self, kind: &str, container: &v1::Container) -> Result<(), String> {
        let name = &container.name;
        for variable in container.env.iter().flatten() {
            let source = variable.value_from.as_ref();
            if let Some(key) = source.and_then(|source| source.secret_key_ref.as_ref()) {
                self.allows(&key.name, || {
                    format!("{kind} {name} with envVar {} referencing", variable.name)
                })?;
            }
        }
        for source in container.env_from.iter().flatten() {
            if let Some(secret) = &source.secret_ref {
                self.allows(&secret.name, || {
                    format!("{kind} {name} with envFrom referencing")
                })?;
            }
        }
        Ok(())
    }

    fn allows(&self, secret: &str, who: impl Fn() -> String) -> Result<(), String> {
        if self.secrets.contains(secret) {
            return Ok(());
        }
        Err(format!(
            "{} secret.secretName=\"{secret}\" is not allowed because service account {} does not reference that secret",
            who(),
            self.account
        ))
    }
}
