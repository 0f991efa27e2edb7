//! A variable out of a file (KEP-3721).

use crate::spec::pod::FileKeyRef;

/// The value of the key that is wanted, or none where there is none and need not be.
pub fn value(file: Option<&[u8]>, wanted: &FileKeyRef) -> Result<Option<String>, String> {
    let FileKeyRef {
        path,
        key,
        optional,
        ..
    } = wanted;
    let value = match file {
        Some(bytes) => find(bytes, key)?,
        None if *optional => return Ok(None),
        None => return Err("couldn't parse env file".to_owned()),
    };
    match value {
        Some(value) => Ok(Some(value)),
        None if *optional => Ok(None),
        None => Err(format!(
            "environment variable key {key:?} not found in file {path:?}"
        )),
    }
}

fn find(bytes: &[u8], key: &str) -> Result<Option<String>, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "couldn't parse env file".to_owned())?;
    let mut found = None;
    for line in text.lines() {
        if let Some((name, value)) = line.split_once('=')
            && name == key
        {
            found = Some(value.to_owned());
        }
    }
    Ok(found)
}
