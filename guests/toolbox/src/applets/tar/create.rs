//! Putting files into an archive.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::Path;
use std::time::UNIX_EPOCH;

use super::header::{BLOCK, Header, Kind, padding};
use super::{How, Target};
use crate::applet::{At, Failure, Io, error};
use crate::tree;

pub fn create(
    target: Target,
    directory: &str,
    paths: &[String],
    how: How,
    io: &mut Io,
) -> Result<(), Failure> {
    let mut creation = Creation { target, how };
    for path in paths {
        let from = Path::new(directory).join(path);
        creation.add(&from, &member_name(path), io)?;
    }
    // Two empty blocks are the end.
    creation.target.writer(io).write_all(&[0; 2 * BLOCK])?;
    creation.target.writer(io).flush()?;
    Ok(())
}

/// Without what would lead out of where it is extracted: leading slashes, and all up to the last `..`.
fn member_name(path: &str) -> String {
    let parts: Vec<&str> = path
        .split('/')
        .filter(|part| !matches!(*part, "" | "."))
        .collect();
    let inside = parts
        .iter()
        .rposition(|part| *part == "..")
        .map_or(0, |at| at + 1);
    match parts[inside..].join("/") {
        name if name.is_empty() => ".".to_owned(),
        name => name,
    }
}

struct Creation {
    target: Target,
    how: How,
}

impl Creation {
    /// What fails below a directory is complained about; the rest is still archived.
    fn add(&mut self, from: &Path, name: &str, io: &mut Io) -> Result<(), Failure> {
        let added = fs::symlink_metadata(from)
            .at(from.display())
            .and_then(|meta| self.add_one(from, name, &meta, io));
        io.forgive(added)
    }

    fn add_one(
        &mut self,
        from: &Path,
        name: &str,
        meta: &Metadata,
        io: &mut Io,
    ) -> Result<(), Failure> {
        let mut header = Header {
            name: name.to_owned(),
            kind: Kind::File,
            size: 0,
            modified: meta.modified().unwrap_or(UNIX_EPOCH),
            target: String::new(),
        };
        if self.how.verbose {
            writeln!(io.err, "{name}")?;
        }
        if meta.is_symlink() {
            header.kind = Kind::Link;
            header.target = fs::read_link(from)
                .at(from.display())?
                .display()
                .to_string();
            return Ok(header.write(self.target.writer(io))?);
        }
        if meta.is_dir() {
            header.kind = Kind::Directory;
            header.name.push('/');
            header.write(self.target.writer(io))?;
            for entry in tree::entries(from)? {
                let name = format!("{name}/{}", entry.display());
                self.add(&from.join(&entry), name.trim_start_matches("./"), io)?;
            }
            return Ok(());
        }
        if !meta.is_file() {
            return error(format!("{}: not a file or directory", from.display()));
        }
        let file = File::open(from).at(from.display())?;
        header.size = meta.len();
        header.write(self.target.writer(io))?;
        self.content(file, &header, from, io)
    }

    /// Exactly as much as the header has promised, whatever happens to the file meanwhile.
    fn content(
        &mut self,
        file: File,
        header: &Header,
        from: &Path,
        io: &mut Io,
    ) -> Result<(), Failure> {
        let copied = io::copy(&mut file.take(header.size), &mut self.target.writer(io))?;
        let missing = header.size - copied;
        let zeros = io::repeat(0).take(missing + padding(header.size));
        io::copy(&mut { zeros }, &mut self.target.writer(io))?;
        if missing > 0 {
            io.complain(format_args!(
                "{}: file shrank by {missing} bytes",
                from.display()
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_nowhere_else() {
        for (path, expected) in [
            ("/etc/hosts", "etc/hosts"),
            ("a//b/", "a/b"),
            ("../../a", "a"),
            ("a/../b", "b"),
            (".", "."),
            ("/", "."),
        ] {
            assert_eq!(member_name(path), expected, "{path}");
        }
    }
}
