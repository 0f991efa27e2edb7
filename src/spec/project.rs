//! The files of a volume that is made of objects and of what is known about its pod (kubelet `pkg/volume/configmap`,
//! `secret`, `downwardapi`, `projected`).

use std::collections::BTreeMap;

use super::downward;
use super::facts::{Facts, Lookup, TokenWish};
use super::pod::{DownwardItem, DownwardValue, Item, Pod, Projected, Source};

/// What a volume holds, by path. Writing it is the sandbox's business.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payload(pub BTreeMap<String, PayloadFile>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayloadFile {
    pub content: Vec<u8>,
    pub mode: u32,
    /// It ends with the token in it, and is to be renewed before.
    pub token: bool,
}

/// # Errors
/// With what follows `MountVolume.SetUp failed for volume "V" : `, in the kubelet's words where it has any.
pub fn project(
    pod: &Pod,
    volume: &Projected,
    facts: &Facts,
    lookup: &dyn Lookup,
    token: &mut dyn FnMut(&TokenWish) -> Result<String, String>,
) -> Result<Payload, String> {
    let mut maker = Maker {
        pod,
        facts,
        default_mode: volume.default_mode,
        files: BTreeMap::new(),
    };
    for source in &volume.sources {
        match source {
            Source::ConfigMap {
                name,
                items,
                optional,
            } => match lookup.config_map(name)? {
                Some(found) => {
                    let mut keys = BTreeMap::new();
                    let binary = found.binary_data.iter().flatten();
                    keys.extend(binary.map(|(key, value)| (key.as_str(), value.0.as_slice())));
                    let data = found.data.iter().flatten();
                    keys.extend(data.map(|(key, value)| (key.as_str(), value.as_bytes())));
                    maker.keys(&keys, items, *optional, "configmap", "config")?;
                }
                None if *optional => {}
                None => return Err(format!("configmap {name:?} not found")),
            },
            Source::Secret {
                name,
                items,
                optional,
            } => match lookup.secret(name)? {
                Some(found) => {
                    let data = found.data.iter().flatten();
                    let keys = data.map(|(key, value)| (key.as_str(), value.0.as_slice()));
                    maker.keys(&keys.collect(), items, *optional, "", "secret")?;
                }
                None if *optional => {}
                None => return Err(format!("secret {name:?} not found")),
            },
            Source::DownwardApi { items } => maker.downward(items)?,
            Source::Token {
                audience,
                expiration,
                path,
            } => {
                let wish = TokenWish {
                    namespace: pod.namespace.clone(),
                    service_account: pod.service_account.clone(),
                    pod_name: pod.name.clone(),
                    pod_uid: pod.uid.clone(),
                    audience: audience.clone(),
                    expiration: *expiration,
                };
                maker.token(path, token(&wish)?);
            }
        }
    }
    Ok(Payload(maker.files))
}

struct Maker<'a> {
    pod: &'a Pod,
    facts: &'a Facts,
    default_mode: u32,
    files: BTreeMap<String, PayloadFile>,
}

impl Maker<'_> {
    /// Of two sources with one path the later one's file is taken.
    fn put(&mut self, path: &str, content: Vec<u8>, mode: Option<u32>) {
        let file = PayloadFile {
            content,
            mode: mode.unwrap_or(self.default_mode),
            token: false,
        };
        self.files.insert(path.to_owned(), file);
    }

    fn keys(
        &mut self,
        keys: &BTreeMap<&str, &[u8]>,
        items: &[Item],
        optional: bool,
        kind: &str,
        of: &str,
    ) -> Result<(), String> {
        if items.is_empty() {
            for (key, content) in keys {
                self.put(key, content.to_vec(), None);
            }
        }
        for item in items {
            match keys.get(item.key.as_str()) {
                Some(content) => self.put(&item.path, content.to_vec(), item.mode),
                None if optional => {}
                None => {
                    let text = format!("{kind} references non-existent {of} key: {}", item.key);
                    return Err(text.trim_start().to_owned());
                }
            }
        }
        Ok(())
    }

    fn downward(&mut self, items: &[DownwardItem]) -> Result<(), String> {
        for item in items {
            let text = match &item.value {
                DownwardValue::Field(field) => downward::field(field, self.pod, self.facts),
                DownwardValue::Resource(resource) => {
                    downward::resource(resource, &self.facts.allocatable)?
                }
            };
            self.put(&item.path, text.into_bytes(), item.mode);
        }
        Ok(())
    }

    /// With a group for the volume it is closed to the rest, and opened to the group with the volume's other files
    /// (`pkg/volume/projected/projected.go`).
    fn token(&mut self, path: &str, token: String) {
        let mode = match self.pod.fs_group {
            Some(_) => 0o600,
            None => self.default_mode,
        };
        let file = PayloadFile {
            content: token.into_bytes(),
            mode,
            token: true,
        };
        self.files.insert(path.to_owned(), file);
    }
}
