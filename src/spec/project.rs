//! The files of a volume that is made of objects and of what is known about its pod (kubelet `pkg/volume/configmap`,
//! `secret`, `downwardapi`, `projected`).

use std::collections::BTreeMap;
use std::time::Duration;

use super::compose::not_found;
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
}

/// # Errors
/// With what follows `MountVolume.SetUp failed for volume "V" : `, in the kubelet's words where it has any. All sources that
/// stand in the way are told.
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
        lookup,
        default_mode: volume.default_mode,
        files: BTreeMap::new(),
        errors: Vec::new(),
    };
    for source in &volume.sources {
        maker.source(source, token);
    }
    maker.no_file_below_a_file();
    match maker.errors.as_slice() {
        [] => Ok(Payload(maker.files)),
        [only] => Err(only.clone()),
        // `apimachinery/pkg/util/errors`, `aggregate`.
        several => Err(format!("[{}]", several.join(", "))),
    }
}

struct Maker<'a> {
    pod: &'a Pod,
    facts: &'a Facts,
    lookup: &'a dyn Lookup,
    default_mode: u32,
    files: BTreeMap<String, PayloadFile>,
    errors: Vec<String>,
}

impl Maker<'_> {
    fn source(
        &mut self,
        source: &Source,
        token: &mut dyn FnMut(&TokenWish) -> Result<String, String>,
    ) {
        let made = match source {
            Source::ConfigMap {
                name,
                items,
                optional,
            } => self.config_map(name, items, *optional),
            Source::Secret {
                name,
                items,
                optional,
            } => self.secret(name, items, *optional),
            Source::DownwardApi { items } => {
                self.downward(items);
                Ok(())
            }
            Source::Token {
                audience,
                expiration,
                path,
            } => token(&self.wish(audience.as_ref(), *expiration))
                .map(|token| self.token(path, token)),
        };
        if let Err(error) = made
            && !self.errors.contains(&error)
        {
            self.errors.push(error);
        }
    }

    fn config_map(&mut self, name: &str, items: &[Item], optional: bool) -> Result<(), String> {
        let Some(found) = self.lookup.config_map(name)? else {
            return missing("configmap", name, optional);
        };
        // Validation keeps the keys of the two apart.
        let binary = found.binary_data.iter().flatten();
        let binary = binary.map(|(key, value)| (key.as_str(), value.0.as_slice()));
        let data = found.data.iter().flatten();
        let data = data.map(|(key, value)| (key.as_str(), value.as_bytes()));
        self.keys(&binary.chain(data).collect(), items, optional, |key| {
            format!("configmap references non-existent config key: {key}")
        })
    }

    fn secret(&mut self, name: &str, items: &[Item], optional: bool) -> Result<(), String> {
        let Some(found) = self.lookup.secret(name)? else {
            return missing("secret", name, optional);
        };
        let data = found.data.iter().flatten();
        let data = data.map(|(key, value)| (key.as_str(), value.0.as_slice()));
        self.keys(&data.collect(), items, optional, |key| {
            format!("references non-existent secret key: {key}")
        })
    }

    /// Of two sources with one path the later one's file is taken.
    fn put(&mut self, path: &str, content: Vec<u8>, mode: Option<u32>) {
        let file = PayloadFile {
            content,
            mode: mode.unwrap_or(self.default_mode),
        };
        self.insert(path, file);
    }

    fn insert(&mut self, path: &str, file: PayloadFile) {
        match tidy(path) {
            Ok(path) => {
                self.files.insert(path, file);
            }
            Err(error) => self.errors.push(error),
        }
    }

    fn keys(
        &mut self,
        keys: &BTreeMap<&str, &[u8]>,
        items: &[Item],
        optional: bool,
        unknown: impl Fn(&str) -> String,
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
                None => return Err(unknown(&item.key)),
            }
        }
        Ok(())
    }

    fn downward(&mut self, items: &[DownwardItem]) {
        for item in items {
            let text = match &item.value {
                DownwardValue::Field(field) => Ok(downward::field(field, self.pod, self.facts)),
                DownwardValue::Resource(resource) => {
                    downward::resource(resource, &self.facts.allocatable)
                }
            };
            match text {
                Ok(text) => self.put(&item.path, text.into_bytes(), item.mode),
                Err(error) => self.errors.push(error),
            }
        }
    }

    fn wish(&self, audience: Option<&String>, expiration: Duration) -> TokenWish {
        let account = match self.pod.service_account.as_str() {
            // A pod that no admission has seen (`wasmpod run`) asks for a token by its source alone.
            "" => "default",
            account => account,
        };
        TokenWish {
            namespace: self.pod.namespace.clone(),
            service_account: account.to_owned(),
            pod_name: self.pod.name.clone(),
            pod_uid: self.pod.uid.clone(),
            audience: audience.cloned(),
            expiration,
        }
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
        };
        self.insert(path, file);
    }

    /// One path cannot be both a file and a folder.
    fn no_file_below_a_file(&mut self) {
        for path in self.files.keys() {
            let above = path.match_indices('/').map(|(at, _)| &path[..at]);
            for above in above.filter(|above| self.files.contains_key(*above)) {
                self.errors
                    .push(format!("path {path:?} lies below the file {above:?}"));
            }
        }
    }
}

fn missing(kind: &str, name: &str, optional: bool) -> Result<(), String> {
    if optional {
        Ok(())
    } else {
        Err(not_found(kind, name))
    }
}

/// The shortest way to write a path, which must lead to a file below the volume and not be among the names by which the
/// volume's files are changed at once (`pkg/volume/util/atomic_writer.go`, `validatePath`).
fn tidy(path: &str) -> Result<String, String> {
    const MAX_PATH: usize = 4096;
    const MAX_NAME: usize = 255;
    let parts = path.split('/').filter(|part| !matches!(*part, "" | "."));
    let parts: Vec<&str> = parts.collect();
    let Some(first) = parts.first() else {
        return Err(format!("invalid path: must not be empty: {path:?}"));
    };
    if path.starts_with('/') {
        return Err(format!("invalid path: must be relative path: {path}"));
    }
    if path.len() > MAX_PATH {
        let text = format!("invalid path: must be less than or equal to {MAX_PATH} characters");
        return Err(text);
    }
    if parts.contains(&"..") {
        return Err(format!("invalid path: must not contain '..': {path}"));
    }
    if parts.iter().any(|part| part.len() > MAX_NAME) {
        return Err(format!(
            "invalid path: filename must be less than or equal to {MAX_NAME} characters"
        ));
    }
    if first.starts_with("..") {
        return Err(format!("invalid path: must not start with '..': {path}"));
    }
    Ok(parts.join("/"))
}

#[cfg(test)]
mod tests;
