use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use crate::applet::{Applet, At, Failure, Io, Outcome, error};
use crate::applets::cp::split_operands;
use crate::options;
use crate::tree::{self, Copying};

pub const APPLET: Applet = Applet {
    name: "mv",
    usage: "[-fnvT] SOURCE... TARGET | -t DIRECTORY SOURCE...",
    run,
};

fn run(args: &[String], io: &mut Io) -> Outcome {
    let long = [
        ("force", 'f'),
        ("no-clobber", 'n'),
        ("verbose", 'v'),
        ("no-target-directory", 'T'),
        ("target-directory", 't'),
    ];
    let options = options::parse(args, "fnvTt:", &long)?;
    let keep_existing = options.last_of("fn") == Some('n');
    let (sources, target) =
        split_operands(&options.operands, options.value('t'), options.has('T'))?;
    for source in sources {
        let to = tree::destination(source, target, options.has('T'));
        if keep_existing && fs::symlink_metadata(&to).is_ok() {
            continue;
        }
        let outcome = move_one(Path::new(source), &to, io);
        let moved = outcome.is_ok();
        io.forgive(outcome)?;
        if moved && options.has('v') {
            writeln!(io.out, "'{source}' -> '{}'", to.display())?;
        }
    }
    Ok(0)
}

fn move_one(from: &Path, to: &Path, io: &mut Io) -> Result<(), Failure> {
    let meta = fs::symlink_metadata(from).at(from.display())?;
    if tree::same(from, to) && !meta.is_symlink() {
        return error(format!(
            "'{}' and '{}' are the same file",
            from.display(),
            to.display()
        ));
    }
    match fs::rename(from, to) {
        // Between two mounts: copied, then removed.
        Err(problem) if problem.kind() == ErrorKind::CrossesDevices => {
            let how = Copying {
                recursive: true,
                keep_links: true,
                keep_times: true,
                force: true,
                ..Copying::default()
            };
            copy_whole(from, to, how, io)?;
            tree::remove(from, true, false, io).map(|_| ())
        }
        other => other.at(format_args!("'{}' to '{}'", from.display(), to.display())),
    }
}

/// Copies or fails: a source of which a part could not be copied must not be removed.
fn copy_whole(from: &Path, to: &Path, how: Copying, io: &mut Io) -> Result<(), Failure> {
    let mut complaints = Vec::new();
    let mut quiet = Io::new("mv", io.stdin, io.out, &mut complaints);
    tree::copy(from, to, how, &mut quiet)?;
    match complaints.is_empty() {
        true => Ok(()),
        false => {
            io.err.write_all(&complaints)?;
            error(format!(
                "'{}' stays: not all of it could be copied",
                from.display()
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Scratch, output, run};
    use std::fs;

    #[test]
    fn files_and_directories_move() {
        let s = Scratch::new();
        let a = s.file("a", "1");
        output("", "mv", &[&a, &s.path("b")]);
        fs::create_dir(s.path("d")).unwrap();
        output("", "mv", &[&s.path("b"), &s.path("d")]);
        output("", "mv", &["-v", &s.path("d"), &s.path("e")]);
        assert_eq!(s.read("e/b"), "1");
        assert!(!fs::exists(&a).unwrap());
    }

    #[test]
    fn existing_files_are_kept_on_request() {
        let s = Scratch::new();
        let (a, b) = (s.file("a", "1"), s.file("b", "2"));
        output("", "mv", &["-n", &a, &b]);
        assert_eq!((s.read("a"), s.read("b")), ("1".into(), "2".into()));
        output("", "mv", &["-f", &a, &b]);
        assert_eq!(s.read("b"), "1");
        assert_eq!(run("mv", &[&b, &b]).code, 1);
        assert_eq!(
            run("mv", &[&a, &b]).err,
            format!("mv: {a}: No such file or directory\n")
        );
    }

    #[test]
    fn trees_cross_devices() {
        // /dev/shm is a file system of its own wherever it is mounted; elsewhere this is an ordinary rename.
        let s = Scratch::new();
        fs::create_dir_all(s.path("t/x")).unwrap();
        s.file("t/x/f", "deep");
        let away = format!("/dev/shm/toolbox-mv-{}", std::process::id());
        output("", "mv", &[&s.path("t"), &away]);
        assert!(!fs::exists(s.path("t")).unwrap());
        output("", "mv", &[&away, &s.path("back")]);
        assert_eq!(s.read("back/x/f"), "deep");
    }
}
