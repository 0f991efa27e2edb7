//! find: walks directories and tries an expression on everything there.

mod expression;

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use crate::applet::{Applet, Failure, Io, Outcome, reason};
use crate::tree::entries;
use expression::{Expression, Walk};

pub const APPLET: Applet = Applet {
    name: "find",
    usage: "[-LP] [PATH]... [-maxdepth N] [-mindepth N] [-name|-iname|-path PATTERN] [-type f|d|l] [-newer FILE] [-empty] [-prune] \
            [-print|-print0] [-exec APPLET [ARGUMENT]... ;|+] [!] [-o] [(] [)]",
    run,
};

fn run(args: &[String], io: &mut Io) -> Outcome {
    let (mut follow, mut rest) = (false, args);
    while let Some((first, after)) = rest.split_first() {
        match first.as_str() {
            "-L" => follow = true,
            "-P" => follow = false,
            _ => break,
        }
        rest = after;
    }
    let is_expression = |arg: &String| arg.starts_with('-') || arg == "!" || arg == "(";
    let paths = rest.iter().position(is_expression).unwrap_or(rest.len());
    let (paths, words) = rest.split_at(paths);
    let (mut expression, walk) = expression::parse(words)?;
    let here = [".".to_owned()];
    let paths = if paths.is_empty() { &here[..] } else { paths };
    for path in paths {
        Search {
            follow,
            walk: &walk,
        }
        .visit(Path::new(path), 0, &mut expression, io)?;
    }
    expression.finish(io)?;
    Ok(0)
}

struct Search<'a> {
    /// Links stand for what they point to.
    follow: bool,
    walk: &'a Walk,
}

/// Something that was found.
pub struct Found {
    pub path: PathBuf,
    pub meta: Metadata,
    /// Set by the expression: what is below is not of interest.
    pub pruned: bool,
}

impl Search<'_> {
    fn visit(
        &self,
        path: &Path,
        depth: usize,
        expression: &mut Expression,
        io: &mut Io,
    ) -> Result<(), Failure> {
        let meta = match self.look(path) {
            Ok(meta) => meta,
            Err(error) => {
                io.complain(format!("{}: {}", path.display(), reason(&error)));
                return Ok(());
            }
        };
        let mut found = Found {
            path: path.to_owned(),
            meta,
            pruned: false,
        };
        if depth >= self.walk.least {
            expression.test(&mut found, io)?;
        }
        if !found.meta.is_dir() || found.pruned || depth >= self.walk.most {
            return Ok(());
        }
        if self.follow && is_above(path) {
            io.complain(format!(
                "{}: a link to a directory above it",
                path.display()
            ));
            return Ok(());
        }
        match entries(path) {
            Ok(names) => names
                .iter()
                .try_for_each(|name| self.visit(&path.join(name), depth + 1, expression, io)),
            Err(failure) => io.forgive(Err(failure)),
        }
    }

    /// A link to nothing is still a link.
    fn look(&self, path: &Path) -> io::Result<Metadata> {
        match self.follow {
            true => fs::metadata(path).or_else(|_| fs::symlink_metadata(path)),
            false => fs::symlink_metadata(path),
        }
    }
}

/// Is this a link to a directory that it lies in? Following it would never end.
fn is_above(path: &Path) -> bool {
    let real = |path: &Path| crate::applets::readlink::real(path, true).ok();
    let is_link = fs::symlink_metadata(path).is_ok_and(|meta| meta.is_symlink());
    let (Some(target), Some(parent)) = (real(path), path.parent()) else {
        return false;
    };
    let parent = if parent.as_os_str().is_empty() {
        Path::new(".")
    } else {
        parent
    };
    is_link && real(parent).is_some_and(|parent| parent.starts_with(target))
}

#[cfg(test)]
mod tests;
