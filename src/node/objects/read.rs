//! Reading objects.

use std::io;
use std::path::Path;

use super::super::disk::Folder;
use super::super::error::{StoreError, doing};
use super::super::hands::share_out;
use super::super::kind::Kind;
use super::super::names;
use super::Objects;

impl<K: Kind> Objects<K> {
    /// All of them, in no order. A file that cannot be understood is said and passed over.
    ///
    /// # Errors
    /// A folder that cannot be read. That there is none yet is no error.
    pub fn list(&self, namespace: Option<&str>) -> Result<Vec<K>, StoreError> {
        let Some(all) = self.folder()? else {
            return Ok(Vec::new());
        };
        let namespaces = match (namespace, K::IS.namespaced()) {
            (None, true) => all.names().map_err(doing("list", all.path()))?,
            (named, _) => Self::home(named.unwrap_or_default())
                .map(str::to_owned)
                .into_iter()
                .collect(),
        };
        let mut folders = Vec::new();
        for name in namespaces {
            match absent(all.sub(&name), &all.path().join(&name)) {
                Ok(folder) => folders.extend(folder),
                Err(error) if namespace.is_none() => tracing::warn!("passed over: {error}"),
                Err(error) => return Err(error),
            }
        }
        let mut files = Vec::new();
        for folder in &folders {
            let names = folder.names().map_err(doing("list", folder.path()))?;
            files.extend(names.into_iter().map(|name| (folder, name)));
        }
        Ok(share_out(files, |(folder, file), buffer| {
            let mut object = self.read(folder, &file, buffer).unwrap_or_else(|error| {
                tracing::warn!("passed over: {error}");
                None
            })?;
            object.dress(&self.layout);
            Some(object)
        }))
    }

    /// The names in a namespace, also of what cannot be understood. A name that does not fit into a file's is told by what is
    /// inside.
    pub(in crate::node) fn names(&self, namespace: &str) -> Result<Vec<String>, StoreError> {
        let Some(folder) = self.namespace(namespace)? else {
            return Ok(Vec::new());
        };
        let files = folder.names().map_err(doing("list", folder.path()))?;
        let name = |file: String| match file.strip_suffix(".json") {
            Some(name) if names::is_name(name) => Some(name.to_owned()),
            _ => {
                let object = self.read(&folder, &file, &mut Vec::new()).ok()??;
                object.metadata().name.clone()
            }
        };
        Ok(files.into_iter().filter_map(name).collect())
    }

    /// # Errors
    /// `NotFound`, `Corrupt`, or the machine's.
    pub fn get(&self, namespace: &str, name: &str) -> Result<K, StoreError> {
        let found = self.find(namespace, name)?;
        let mut object = found.ok_or_else(|| Self::not_found(name))?;
        object.dress(&self.layout);
        Ok(object)
    }

    /// As it lies there, undressed.
    pub(in crate::node) fn find(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<K>, StoreError> {
        let Some(folder) = self.namespace(namespace)? else {
            return Ok(None);
        };
        if !names::is_name(name) {
            return Ok(None);
        }
        self.read(&folder, &names::object_file(name), &mut Vec::new())
    }

    /// None: it is not there (any more).
    fn read(
        &self,
        folder: &Folder,
        file: &str,
        buffer: &mut Vec<u8>,
    ) -> Result<Option<K>, StoreError> {
        let path = || folder.path().join(file);
        match folder.read(file, buffer) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(doing("read", &path())(error)),
            Ok(()) => {}
        }
        let corrupt = |message: String| StoreError::Corrupt {
            path: path(),
            message,
        };
        let home = folder.path().file_name().and_then(|name| name.to_str());
        self.open(home.unwrap_or_default(), file, buffer)
            .map_err(corrupt)?;
        let object: K =
            serde_json::from_slice(buffer).map_err(|error| corrupt(error.to_string()))?;
        let meta = object.metadata();
        let namespace = home.filter(|_| K::IS.namespaced());
        // What stands here under a foreign name, or has none, would be acted upon in the wrong place.
        let at_home = meta.namespace.as_deref() == namespace
            && meta
                .name
                .as_deref()
                .is_some_and(|name| names::is_name(name) && names::object_file(name) == file)
            && meta.uid.as_deref().is_some_and(names::is_uid);
        if at_home {
            Ok(Some(object))
        } else {
            Err(corrupt("not the object its name says".to_owned()))
        }
    }

    pub(super) fn folder(&self) -> Result<Option<Folder>, StoreError> {
        let path = self.layout.objects();
        let Some(objects) = absent(Folder::open(&path), &path)? else {
            return Ok(None);
        };
        absent(objects.sub(Self::FOLDER), &path.join(Self::FOLDER))
    }

    pub(super) fn namespace(&self, namespace: &str) -> Result<Option<Folder>, StoreError> {
        match (Self::home(namespace), self.folder()?) {
            (Some(home), Some(all)) => absent(all.sub(home), &all.path().join(home)),
            _ => Ok(None),
        }
    }
}

/// A folder that is not there holds nothing.
fn absent(opened: io::Result<Folder>, path: &Path) -> Result<Option<Folder>, StoreError> {
    match opened {
        Ok(folder) => Ok(Some(folder)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(doing("open", path)(error)),
    }
}
