//! Hosts files: what they look like and what they say of a name.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::net::IpAddr;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// What is read of a file at most: a guest may write to it.
const LIMIT: usize = 4 << 20;

/// Text that names are answered from.
#[derive(Clone, Debug, Default)]
pub enum NameFile {
    #[default]
    None,
    /// It stays as it is.
    Text(String),
    /// It is read again for every question, as the C library does it: whoever may write to the file changes the answers.
    Live(Arc<File>),
}

impl NameFile {
    /// What the file says now; without a file, nothing.
    pub(super) fn read(&self) -> io::Result<Cow<'_, str>> {
        match self {
            NameFile::None => Ok("".into()),
            NameFile::Text(text) => Ok(text.as_str().into()),
            NameFile::Live(file) => Ok(String::from_utf8_lossy(&read(file)?).into_owned().into()),
        }
    }
}

/// From the beginning, wherever others have read to.
fn read(file: &File) -> io::Result<Vec<u8>> {
    const STEP: usize = 4 << 10;
    let mut bytes = Vec::new();
    while bytes.len() < LIMIT {
        let at = bytes.len();
        bytes.resize(at + STEP, 0);
        let count = file.read_at(&mut bytes[at..], at as u64)?;
        bytes.truncate(at + count);
        if count == 0 {
            break;
        }
    }
    Ok(bytes)
}

/// The addresses of `name` (in normal form) in the order of the lines. Names that differ in case are the same.
pub(super) fn addresses(text: &str, name: &str) -> Vec<IpAddr> {
    let mut found = Vec::new();
    for (address, mut names) in entries(text) {
        if !found.contains(&address) && names.any(|known| is_same(known, name)) {
            found.push(address);
        }
    }
    found
}

fn is_same(known: &str, name: &str) -> bool {
    known
        .strip_suffix('.')
        .unwrap_or(known)
        .eq_ignore_ascii_case(name)
}

/// An address and its names a line; what follows a `#`, and lines that begin with no address, say nothing (hosts(5)).
fn entries(text: &str) -> impl Iterator<Item = (IpAddr, impl Iterator<Item = &str>)> {
    text.lines().filter_map(|line| {
        let mut words = line
            .split_once('#')
            .map_or(line, |(line, _)| line)
            .split_whitespace();
        let address = words.next()?.parse().ok()?;
        Some((address, words))
    })
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, SeekFrom, Write};

    use super::*;

    fn found(text: &str, name: &str) -> Vec<String> {
        addresses(text, name)
            .iter()
            .map(IpAddr::to_string)
            .collect()
    }

    #[test]
    fn every_name_of_a_line_has_its_address() {
        let text = "# a comment\n127.0.0.1\tlocalhost\n10.0.0.1 db db.example. DB2 # not-this\n\n10.0.0.2\tdb\n10.0.0.1 db\nnonsense db\n10.0.0.3\n";
        assert_eq!(found(text, "db"), ["10.0.0.1", "10.0.0.2"]);
        assert_eq!(found(text, "db.example"), ["10.0.0.1"]);
        assert_eq!(found(text, "db2"), ["10.0.0.1"]);
        for nobody in ["not-this", "10.0.0.1", "d", "#", ""] {
            assert_eq!(found(text, nobody), [""; 0], "{nobody}");
        }
    }

    #[test]
    fn a_live_file_says_what_it_says_now() {
        let mut file = tempfile::tempfile().unwrap();
        let live = NameFile::Live(Arc::new(file.try_clone().unwrap()));
        assert_eq!(live.read().unwrap(), "");
        file.write_all(b"10.0.0.1 db\n").unwrap();
        assert_eq!(live.read().unwrap(), "10.0.0.1 db\n");
        // The same length, and wherever the file was left.
        file.seek(SeekFrom::Start(0)).unwrap();
        file.write_all(b"10.0.0.9 db\n").unwrap();
        assert_eq!(live.read().unwrap(), "10.0.0.9 db\n");
    }

    #[test]
    fn a_file_without_end_is_read_to_the_limit() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(1 << 40).unwrap();
        let live = NameFile::Live(Arc::new(file));
        assert_eq!(live.read().unwrap().len(), LIMIT);
    }
}
