//! Copying and removing files with all that is below them, for cp, mv and rm.

use std::fs::{self, File, FileTimes};
use std::io;
use std::path::{Path, PathBuf};

use crate::applet::{At, Failure, Io, error};
use crate::sys::symlink;

/// How to copy.
#[derive(Clone, Copy, Default)]
pub struct Copying {
    /// Directories with all that is in them.
    pub recursive: bool,
    /// A symbolic link stays one.
    pub keep_links: bool,
    pub keep_times: bool,
    /// Replace what cannot be opened for writing.
    pub force: bool,
    pub keep_existing: bool,
    pub verbose: bool,
}

/// Copies `from` to exactly `to`. What fails below a directory is complained about; the rest is still copied.
pub fn copy(from: &Path, to: &Path, how: Copying, io: &mut Io) -> Result<(), Failure> {
    let meta = match how.keep_links {
        true => fs::symlink_metadata(from),
        false => fs::metadata(from),
    }
    .at(from.display())?;
    if meta.is_dir() {
        return copy_directory(from, to, &meta, how, io);
    }
    if same(from, to) {
        return error(format!(
            "'{}' and '{}' are the same file",
            from.display(),
            to.display()
        ));
    }
    if how.keep_existing && fs::symlink_metadata(to).is_ok() {
        return Ok(());
    }
    if to.is_dir() {
        return error(format!(
            "cannot overwrite directory '{}' with a file",
            to.display()
        ));
    }
    announce(from, to, how, io)?;
    if meta.is_symlink() {
        return copy_link(from, to);
    }
    copy_file(from, to, &meta, how)
}

fn announce(from: &Path, to: &Path, how: Copying, io: &mut Io) -> Result<(), Failure> {
    if how.verbose {
        writeln!(io.out, "'{}' -> '{}'", from.display(), to.display())?;
    }
    Ok(())
}

fn copy_directory(
    from: &Path,
    to: &Path,
    meta: &fs::Metadata,
    how: Copying,
    io: &mut Io,
) -> Result<(), Failure> {
    if !how.recursive {
        return error(format!("omitting directory '{}'", from.display()));
    }
    if resolved(to).starts_with(resolved(from)) {
        return error(format!(
            "cannot copy directory '{}' into itself",
            from.display()
        ));
    }
    match fs::create_dir(to) {
        Ok(()) => announce(from, to, how, io)?,
        Err(_) if to.is_dir() => {}
        Err(error) => return Err(error).at(to.display()),
    }
    for entry in entries(from)? {
        let outcome = copy(&from.join(&entry), &to.join(&entry), how, io);
        io.forgive(outcome)?;
    }
    match how.keep_times {
        true => set_times(to, meta),
        false => Ok(()),
    }
}

fn copy_link(from: &Path, to: &Path) -> Result<(), Failure> {
    let target = fs::read_link(from).at(from.display())?;
    if fs::symlink_metadata(to).is_ok() {
        fs::remove_file(to).at(to.display())?;
    }
    symlink(&target, to).at(to.display())
}

fn copy_file(from: &Path, to: &Path, meta: &fs::Metadata, how: Copying) -> Result<(), Failure> {
    let mut source = File::open(from).at(from.display())?;
    let mut target = match File::create(to) {
        Err(_) if how.force && fs::remove_file(to).is_ok() => File::create(to),
        other => other,
    }
    .at(to.display())?;
    io::copy(&mut source, &mut target).at(format_args!(
        "'{}' to '{}'",
        from.display(),
        to.display()
    ))?;
    match how.keep_times {
        true => set_times(to, meta),
        false => Ok(()),
    }
}

fn set_times(path: &Path, meta: &fs::Metadata) -> Result<(), Failure> {
    let mut times = FileTimes::new().set_modified(meta.modified().at(path.display())?);
    if let Ok(accessed) = meta.accessed() {
        times = times.set_accessed(accessed);
    }
    File::open(path)
        .and_then(|file| file.set_times(times))
        .at(path.display())
}

/// The names in a directory, in order.
pub fn entries(directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    let names = fs::read_dir(directory).and_then(|all| {
        all.map(|entry| Ok(PathBuf::from(entry?.file_name())))
            .collect()
    });
    let mut names: Vec<PathBuf> = names.at(directory.display())?;
    names.sort();
    Ok(names)
}

/// Removes `path` and, when allowed, all that is below it. Complains about what stays, and then keeps its parents, too.
pub fn remove(path: &Path, recursive: bool, verbose: bool, io: &mut Io) -> Result<bool, Failure> {
    let meta = fs::symlink_metadata(path).at(path.display())?;
    let removed = if !meta.is_dir() {
        fs::remove_file(path)
    } else if recursive {
        let mut emptied = true;
        for entry in entries(path)? {
            match remove(&path.join(entry), true, verbose, io) {
                Ok(gone) => emptied &= gone,
                Err(failure) => {
                    io.forgive(Err(failure))?;
                    emptied = false;
                }
            }
        }
        if !emptied {
            return Ok(false);
        }
        fs::remove_dir(path)
    } else {
        return error(format!("{}: is a directory", path.display()));
    };
    removed.at(path.display())?;
    if verbose {
        writeln!(io.out, "removed '{}'", path.display())?;
    }
    Ok(true)
}

/// Do both names mean one file? std tells no inode numbers on WASI, so this goes by the resolved names.
pub fn same(a: &Path, b: &Path) -> bool {
    resolved(a) == resolved(b)
}

/// The path without symbolic links as far as it exists, and what remains of it as written.
fn resolved(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut rest = Vec::new();
    for ancestor in absolute.ancestors() {
        if let Ok(mut real) = fs::canonicalize(ancestor) {
            real.extend(rest.iter().rev());
            return real;
        }
        rest.extend(ancestor.file_name());
    }
    absolute
}

/// Where `source` goes when `target` is what was written: into it, if that is a directory.
pub fn destination(source: &str, target: &str, target_is_plain: bool) -> PathBuf {
    let target = Path::new(target);
    match (
        target_is_plain || !target.is_dir(),
        Path::new(source).file_name(),
    ) {
        (false, Some(name)) => target.join(name),
        _ => target.to_owned(),
    }
}
