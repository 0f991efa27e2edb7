//! Taking files out of an archive, which may be anybody's: nothing is made outside the directory, be it by names or by
//! links.

use std::fs::{self, File, FileTimes};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use super::header::{Header, Kind, corrupt, padding};
use super::{How, Source};
use crate::applet::{At, Failure, Io, error};
use crate::sys::symlink;

/// Prints the names.
pub fn list(mut source: Source, wanted: &[String], io: &mut Io) -> Result<(), Failure> {
    while let Some(header) = next(&mut source, io)? {
        if is_wanted(&header.name, wanted) {
            writeln!(io.out, "{}", header.name)?;
        }
        skip(&mut source, header.size + padding(header.size), io)?;
    }
    Ok(())
}

pub fn extract(
    mut source: Source,
    directory: &str,
    wanted: &[String],
    how: How,
    io: &mut Io,
) -> Result<(), Failure> {
    let root = Path::new(directory);
    if !root.is_dir() {
        return error(format!("{directory}: cannot change to it: not a directory"));
    }
    while let Some(header) = next(&mut source, io)? {
        let mut left = header.size;
        if is_wanted(&header.name, wanted) {
            if how.verbose {
                writeln!(io.err, "{}", header.name)?;
            }
            let made = make(&header, root, how, &mut source, &mut left, io);
            io.forgive(made)?;
        }
        skip(&mut source, left + padding(header.size), io)?;
    }
    Ok(())
}

fn next(source: &mut Source, io: &mut Io) -> Result<Option<Header>, Failure> {
    Header::read(source.reader(io)).at("archive")
}

fn is_wanted(name: &str, wanted: &[String]) -> bool {
    wanted.is_empty()
        || wanted
            .iter()
            .any(|path| Path::new(name).starts_with(path.trim_end_matches('/')))
}

fn skip(source: &mut Source, count: u64, io: &mut Io) -> Result<(), Failure> {
    let skipped = io::copy(&mut source.reader(io).take(count), &mut io::sink()).at("archive")?;
    match skipped == count {
        true => Ok(()),
        false => Err(corrupt("unexpected end of the archive")).at("archive"),
    }
}

fn make(
    header: &Header,
    root: &Path,
    how: How,
    source: &mut Source,
    left: &mut u64,
    io: &mut Io,
) -> Result<(), Failure> {
    let below = beneath(&header.name)?;
    let path = root.join(&below);
    match header.kind {
        Kind::Directory => return folders(root, &below),
        Kind::Other(_) => return error(format!("{}: not a file or directory", header.name)),
        Kind::File | Kind::Link | Kind::HardLink => {}
    }
    folders(root, below.parent().unwrap_or(Path::new("")))?;
    // What has the name makes way, so that a link that is there is replaced and not followed.
    match fs::symlink_metadata(&path) {
        Ok(meta) if !meta.is_dir() => fs::remove_file(&path).at(path.display())?,
        Ok(_) => return error(format!("{}: Is a directory", path.display())),
        Err(_) => {}
    }
    match header.kind {
        Kind::Link => symlink(Path::new(&header.target), &path).at(path.display()),
        Kind::HardLink => {
            let target = beneath(&header.target)?;
            folders(root, target.parent().unwrap_or(Path::new("")))?;
            let is_file = fs::symlink_metadata(root.join(&target)).is_ok_and(|meta| meta.is_file());
            if !is_file {
                return error(format!("{}: cannot be linked to", header.target));
            }
            fs::hard_link(root.join(target), &path).at(path.display())
        }
        _ => content(header, &path, how, source, left, io),
    }
}

fn content(
    header: &Header,
    path: &Path,
    how: How,
    source: &mut Source,
    left: &mut u64,
    io: &mut Io,
) -> Result<(), Failure> {
    let mut file = File::create_new(path).at(path.display())?;
    let copied = io::copy(&mut source.reader(io).take(header.size), &mut file);
    // How much of it was read is not known when writing fails: then the rest of the archive is lost.
    *left -= copied.map_err(|error| Failure::Error(format!("{}: {error}", path.display())))?;
    if !how.touch {
        let times = FileTimes::new().set_modified(header.modified);
        file.set_times(times).at(path.display())?;
    }
    Ok(())
}

/// The name as a path below the directory.
fn beneath(name: &str) -> Result<PathBuf, Failure> {
    let mut path = PathBuf::new();
    for part in Path::new(name).components() {
        match part {
            Component::Normal(part) => path.push(part),
            Component::CurDir | Component::RootDir => {}
            Component::ParentDir | Component::Prefix(_) => {
                return error(format!("{name}: the name leads out of the directory"));
            }
        }
    }
    Ok(path)
}

/// Makes the directories below `root` that are missing. A link on the way may lead anywhere, so it is refused.
fn folders(root: &Path, below: &Path) -> Result<(), Failure> {
    let mut path = root.to_owned();
    for part in below.components() {
        path.push(part);
        match fs::symlink_metadata(&path) {
            Ok(meta) if meta.is_dir() => {}
            Ok(meta) if meta.is_symlink() => {
                return error(format!("{}: a symbolic link is in the way", path.display()));
            }
            Ok(_) => return error(format!("{}: Not a directory", path.display())),
            Err(_) => fs::create_dir(&path).at(path.display())?,
        }
    }
    Ok(())
}
