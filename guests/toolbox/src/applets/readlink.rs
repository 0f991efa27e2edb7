//! readlink, and the way to a real name. WASI resolves no path to its real name, so that is done here, component by component.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::applet::{Applet, At, Failure, Io, Outcome, error};
use crate::options;

pub const APPLET: Applet = Applet {
    name: "readlink",
    usage: "[-fenz] FILE...",
    run,
};

/// As many as Linux follows.
const MOST_LINKS: usize = 40;

fn run(args: &[String], io: &mut Io) -> Outcome {
    let long = [
        ("canonicalize", 'f'),
        ("canonicalize-existing", 'e'),
        ("no-newline", 'n'),
        ("zero", 'z'),
    ];
    let options = options::parse(args, "fenz", &long)?;
    options.some_operands("file")?;
    let end = match options.last_of("nz") {
        Some('n') if options.operands.len() == 1 => "",
        Some('z') => "\0",
        _ => "\n",
    };
    for name in &options.operands {
        let found = match options.last_of("fe") {
            Some(letter) => real(Path::new(name), letter == 'e'),
            None => fs::read_link(name).at(name),
        };
        match found {
            Ok(path) => write!(io.out, "{}{end}", path.display())?,
            // As elsewhere it says nothing of a file that is no link: the exit code does.
            Err(Failure::Error(_)) if options.last_of("fe").is_none() => io.fail(),
            Err(failure) => io.forgive(Err(failure))?,
        }
    }
    Ok(0)
}

/// The absolute path without links and dots. The last component need not exist, unless `existing`.
pub fn real(path: &Path, existing: bool) -> Result<PathBuf, Failure> {
    let mut real = match path.is_absolute() {
        true => PathBuf::from("/"),
        false => std::env::current_dir().at(path.display())?,
    };
    let mut rest: VecDeque<OsString> = VecDeque::new();
    push_front(&mut rest, path);
    let mut links = 0;
    while let Some(name) = rest.pop_front() {
        if name == ".." {
            real.pop();
            continue;
        }
        let next = real.join(&name);
        match fs::symlink_metadata(&next) {
            Ok(meta) if meta.is_symlink() => {
                links += 1;
                if links > MOST_LINKS {
                    return error(format!(
                        "{}: Too many levels of symbolic links",
                        path.display()
                    ));
                }
                let target = fs::read_link(&next).at(path.display())?;
                if target.is_absolute() {
                    real = PathBuf::from("/");
                }
                push_front(&mut rest, &target);
            }
            Ok(_) => real = next,
            Err(e) if e.kind() == io::ErrorKind::NotFound && rest.is_empty() && !existing => {
                real = next;
            }
            Err(e) => return Err(e).at(path.display()),
        }
    }
    Ok(real)
}

fn push_front(rest: &mut VecDeque<OsString>, path: &Path) {
    let names = path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    });
    for name in names.collect::<Vec<_>>().into_iter().rev() {
        rest.push_front(name);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use crate::testing::{Scratch, output, run};

    /// A volume as Kubernetes lays it out.
    fn volume() -> (Scratch, String) {
        let s = Scratch::new();
        fs::create_dir(s.path("..2026")).unwrap();
        s.file("..2026/user", "admin");
        symlink("..2026", s.path("..data")).unwrap();
        symlink("..data/user", s.path("user")).unwrap();
        let root = fs::canonicalize(s.path("")).unwrap();
        (s, root.to_str().unwrap().to_owned())
    }

    #[test]
    fn a_link_says_where_it_points() {
        let (s, root) = volume();
        assert_eq!(output("", "readlink", &[&s.path("user")]), "..data/user\n");
        assert_eq!(output("", "readlink", &["-n", &s.path("..data")]), "..2026");
        assert_eq!(
            output("", "readlink", &["-f", &s.path("user")]),
            format!("{root}/..2026/user\n")
        );
        let plain = run("readlink", &[&s.path("..2026/user")]);
        assert_eq!(
            (plain.code, plain.out, plain.err),
            (1, String::new(), String::new())
        );
    }

    #[test]
    fn the_real_name_needs_all_but_the_last_component() {
        let (s, root) = volume();
        let to = |name: &str| output("", "readlink", &["-f", &s.path(name)]);
        assert_eq!(to("..data/../..data/new"), format!("{root}/..2026/new\n"));
        assert_eq!(run("readlink", &["-f", &s.path("no/new")]).code, 1);
        assert_eq!(run("readlink", &["-e", &s.path("new")]).code, 1);
        symlink(s.path("user"), s.path("absolute")).unwrap();
        assert_eq!(to("absolute"), format!("{root}/..2026/user\n"));
    }

    #[test]
    fn links_in_a_circle_are_told_of() {
        let s = Scratch::new();
        symlink("b", s.path("a")).unwrap();
        symlink("a", s.path("b")).unwrap();
        let ran = run("readlink", &["-f", &s.path("a")]);
        assert_eq!(ran.code, 1);
        assert!(
            ran.err.ends_with(": Too many levels of symbolic links\n"),
            "{}",
            ran.err
        );
    }
}
