//! tree: a directory as a drawing, in the letters that every terminal has, as tree(1) draws where no locale says more.

use std::fs;
use std::path::Path;

use crate::applet::{Applet, Failure, Io, Outcome, reason, usage};
use crate::options::{self, Options};
use crate::tree::entries;

pub const APPLET: Applet = Applet {
    name: "tree",
    usage: "[-adfF] [-L LEVELS] [--noreport] [DIRECTORY]...",
    run,
};

// An option with a long name only.
const NO_REPORT: char = '!';

fn run(args: &[String], io: &mut Io) -> Outcome {
    let options = options::parse(args, "adfFL:!", &[("noreport", NO_REPORT)])?;
    let levels = options.number::<usize>('L')?;
    if levels == Some(0) {
        return usage("invalid level, must be greater than 0");
    }
    let mut drawing = Drawing {
        options: &options,
        levels: levels.unwrap_or(usize::MAX),
        directories: 0,
        files: 0,
    };
    let here = [".".to_owned()];
    let roots = match options.operands.as_slice() {
        [] => &here[..],
        operands => operands,
    };
    for root in roots {
        drawing.root(Path::new(root), io)?;
    }
    if !options.has(NO_REPORT) {
        writeln!(io.out, "\n{}", drawing.report())?;
    }
    Ok(0)
}

struct Drawing<'a> {
    options: &'a Options,
    levels: usize,
    directories: usize,
    files: usize,
}

impl Drawing<'_> {
    fn root(&mut self, path: &Path, io: &mut Io) -> Result<(), Failure> {
        let text = path.display();
        match fs::metadata(path) {
            Ok(meta) if meta.is_dir() => {
                self.directories += 1;
                writeln!(io.out, "{text}")?;
                self.below(path, "", 1, io)
            }
            Ok(_) => {
                self.files += 1;
                Ok(writeln!(io.out, "{text}")?)
            }
            Err(error) => {
                writeln!(io.out, "{text}  [error opening dir]")?;
                io.complain(format!("{text}: {}", reason(&error)));
                Ok(())
            }
        }
    }

    fn below(
        &mut self,
        path: &Path,
        margin: &str,
        level: usize,
        io: &mut Io,
    ) -> Result<(), Failure> {
        if level > self.levels {
            return Ok(());
        }
        let names = match entries(path) {
            Ok(names) => names,
            Err(failure) => return io.forgive(Err(failure)),
        };
        let shown: Vec<_> = names
            .into_iter()
            .map(|name| (path.join(&name), name.to_string_lossy().into_owned()))
            .filter(|(path, name)| self.shows(path, name))
            .collect();
        let count = shown.len();
        for (index, (path, name)) in shown.into_iter().enumerate() {
            let last = index + 1 == count;
            let branch = if last { "`-- " } else { "|-- " };
            let label = self.label(&path, &name);
            writeln!(io.out, "{margin}{branch}{label}")?;
            // A link to a directory counts as one and is not entered.
            match path.is_dir() {
                true => self.directories += 1,
                false => self.files += 1,
            }
            if fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_dir()) {
                let deeper = format!("{margin}{}", if last { "    " } else { "|   " });
                self.below(&path, &deeper, level + 1, io)?;
            }
        }
        Ok(())
    }

    fn shows(&self, path: &Path, name: &str) -> bool {
        (self.options.has('a') || !name.starts_with('.'))
            && (!self.options.has('d') || path.is_dir())
    }

    fn label(&self, path: &Path, name: &str) -> String {
        let name = match self.options.has('f') {
            true => path.display().to_string(),
            false => name.to_owned(),
        };
        let mark = |directory| {
            if directory && self.options.has('F') {
                "/"
            } else {
                ""
            }
        };
        match fs::read_link(path) {
            Ok(target) => format!("{name} -> {}{}", target.display(), mark(path.is_dir())),
            Err(_) => format!("{name}{}", mark(path.is_dir())),
        }
    }

    fn report(&self) -> String {
        let directories = match self.directories {
            1 => "1 directory".to_owned(),
            count => format!("{count} directories"),
        };
        let files = match self.files {
            1 => "1 file".to_owned(),
            count => format!("{count} files"),
        };
        match self.options.has('d') {
            true => directories,
            false => format!("{directories}, {files}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use crate::testing::{Scratch, output, run};

    fn volume() -> Scratch {
        let s = Scratch::new();
        fs::create_dir(s.path("..2026")).unwrap();
        s.file("..2026/pass", "2");
        s.file("..2026/user", "1");
        symlink("..2026", s.path("..data")).unwrap();
        for name in ["pass", "user"] {
            symlink(format!("..data/{name}"), s.path(name)).unwrap();
        }
        s
    }

    fn drawn(args: &[&str], s: &Scratch) -> String {
        let root = s.path("");
        let args: Vec<&str> = args.iter().copied().chain([root.as_str()]).collect();
        output("", "tree", &args).replace(&root, "ROOT/")
    }

    #[test]
    fn a_volume_as_kubernetes_lays_it_out() {
        let s = volume();
        assert_eq!(
            drawn(&["-a"], &s),
            "ROOT/\n\
             |-- ..2026\n\
             |   |-- pass\n\
             |   `-- user\n\
             |-- ..data -> ..2026\n\
             |-- pass -> ..data/pass\n\
             `-- user -> ..data/user\n\
             \n\
             3 directories, 4 files\n"
        );
        assert_eq!(
            drawn(&[], &s),
            "ROOT/\n|-- pass -> ..data/pass\n`-- user -> ..data/user\n\n1 directory, 2 files\n"
        );
    }

    #[test]
    fn what_is_shown_can_be_narrowed() {
        let s = volume();
        assert_eq!(
            drawn(&["-adF", "--noreport"], &s),
            "ROOT/\n|-- ..2026/\n`-- ..data -> ..2026/\n"
        );
        assert_eq!(drawn(&["-aL", "1"], &s).lines().count(), 7);
        assert_eq!(run("tree", &["-L", "0"]).code, 2);
    }

    #[test]
    fn what_is_not_there_is_said() {
        let ran = run("tree", &["/no/such"]);
        assert_eq!(ran.code, 1);
        assert_eq!(
            ran.out,
            "/no/such  [error opening dir]\n\n0 directories, 0 files\n"
        );
    }
}
