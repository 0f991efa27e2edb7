//! ls, one name per line. WASI tells neither modes nor owners: the long form has `?` in their columns.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::applet::{Applet, At, Failure, Io, Outcome};
use crate::applets::date::formatted;
use crate::clock::split;
use crate::options::{self, Options};
use crate::tree::entries;

pub const APPLET: Applet = Applet {
    name: "ls",
    usage: "[-laA1dRhrtSFp] [FILE]...",
    run,
};

fn run(args: &[String], io: &mut Io) -> Outcome {
    let long = [
        ("all", 'a'),
        ("almost-all", 'A'),
        ("directory", 'd'),
        ("recursive", 'R'),
        ("human-readable", 'h'),
        ("reverse", 'r'),
        ("classify", 'F'),
    ];
    let options = options::parse(args, "laA1dRhrtSFp", &long)?;
    let here = [".".to_owned()];
    let operands = if options.operands.is_empty() {
        &here[..]
    } else {
        &options.operands
    };
    let mut listing = Listing {
        many: operands.len() > 1 || options.has('R'),
        any: false,
        options: &options,
    };
    let (mut files, mut directories) = (Vec::new(), Vec::new());
    for name in operands {
        // A link named on the command line stands for what it points to, unless the long form shows it.
        let follow = !options.has('l') && !options.has('d');
        match Entry::read(PathBuf::from(name), name.clone(), follow) {
            Ok(entry) if entry.meta.is_dir() && !options.has('d') => directories.push(entry),
            Ok(entry) => files.push(entry),
            Err(failure) => io.forgive(Err(failure))?,
        }
    }
    listing.sort(&mut files);
    listing.sort(&mut directories);
    listing.print(&files, io)?;
    listing.any = !files.is_empty();
    for directory in directories {
        let outcome = listing.directory(&directory.path, io);
        io.forgive(outcome)?;
    }
    Ok(0)
}

struct Entry {
    path: PathBuf,
    name: String,
    meta: Metadata,
}

impl Entry {
    fn read(path: PathBuf, name: String, follow: bool) -> Result<Self, Failure> {
        let followed = if follow {
            fs::metadata(&path).ok()
        } else {
            None
        };
        let meta = match followed {
            Some(meta) => meta,
            None => fs::symlink_metadata(&path).at(path.display())?,
        };
        Ok(Entry { path, name, meta })
    }

    fn modified(&self) -> SystemTime {
        self.meta.modified().unwrap_or(SystemTime::UNIX_EPOCH)
    }
}

struct Listing<'a> {
    options: &'a Options,
    /// Several directories: each is announced by its name.
    many: bool,
    any: bool,
}

impl Listing<'_> {
    fn directory(&mut self, path: &Path, io: &mut Io) -> Result<(), Failure> {
        let mut found = Vec::new();
        if self.options.has('a') {
            for name in [".", ".."] {
                found.extend(Entry::read(path.join(name), name.to_owned(), true));
            }
        }
        let hidden = self.options.has('a') || self.options.has('A');
        for name in entries(path)? {
            let text = name.to_string_lossy().into_owned();
            if hidden || !text.starts_with('.') {
                match Entry::read(path.join(&name), text, false) {
                    Ok(entry) => found.push(entry),
                    Err(failure) => io.forgive(Err(failure))?,
                }
            }
        }
        self.sort(&mut found);
        if self.many {
            writeln!(
                io.out,
                "{}{}:",
                if self.any { "\n" } else { "" },
                path.display()
            )?;
        }
        self.any = true;
        if self.options.has('l') {
            let kilobytes: u64 = found
                .iter()
                .map(|entry| entry.meta.len().div_ceil(1024))
                .sum();
            writeln!(io.out, "total {kilobytes}")?;
        }
        self.print(&found, io)?;
        self.below(&found, io)
    }

    fn below(&mut self, found: &[Entry], io: &mut Io) -> Result<(), Failure> {
        if !self.options.has('R') {
            return Ok(());
        }
        for entry in found
            .iter()
            .filter(|entry| entry.meta.is_dir() && !matches!(entry.name.as_str(), "." | ".."))
        {
            let outcome = self.directory(&entry.path, io);
            io.forgive(outcome)?;
        }
        Ok(())
    }

    fn sort(&self, entries: &mut [Entry]) {
        entries.sort_by(|a, b| {
            let by_name = a.name.cmp(&b.name);
            match self.options.last_of("tS") {
                Some('t') => b.modified().cmp(&a.modified()).then(by_name),
                Some(_) => b.meta.len().cmp(&a.meta.len()).then(by_name),
                None => by_name,
            }
        });
        if self.options.has('r') {
            entries.reverse();
        }
    }

    fn print(&self, entries: &[Entry], io: &mut Io) -> Result<(), Failure> {
        let sizes: Vec<String> = entries
            .iter()
            .map(|entry| self.size(entry.meta.len()))
            .collect();
        let width = sizes.iter().map(String::len).max().unwrap_or(0);
        for (entry, size) in entries.iter().zip(sizes) {
            let name = format!("{}{}", entry.name, self.mark(&entry.meta));
            if !self.options.has('l') {
                writeln!(io.out, "{name}")?;
                continue;
            }
            let (kind, target) = match entry.meta.file_type() {
                kind if kind.is_dir() => ('d', String::new()),
                kind if kind.is_symlink() => (
                    'l',
                    fs::read_link(&entry.path)
                        .map_or(String::new(), |to| format!(" -> {}", to.display())),
                ),
                _ => ('-', String::new()),
            };
            let time = date(entry.modified());
            writeln!(
                io.out,
                "{kind}????????? ? ? ? {size:>width$} {time} {name}{target}"
            )?;
        }
        Ok(())
    }

    fn mark(&self, meta: &Metadata) -> &'static str {
        match (self.options.last_of("Fp"), meta.is_dir(), meta.is_symlink()) {
            (Some(_), true, _) => "/",
            (Some('F'), _, true) => "@",
            _ => "",
        }
    }

    fn size(&self, bytes: u64) -> String {
        if !self.options.has('h') || bytes < 1024 {
            return bytes.to_string();
        }
        let (mut value, mut unit) = (bytes as f64, 0);
        while value >= 1024.0 && unit < 5 {
            value /= 1024.0;
            unit += 1;
        }
        format!("{value:.1}{}", ["", "K", "M", "G", "T", "P"][unit])
    }
}

/// The hour for the last half year, the year before that and for times to come.
fn date(time: SystemTime) -> String {
    let half_year = std::time::Duration::from_secs(182 * 86_400);
    let recent = SystemTime::now()
        .duration_since(time)
        .is_ok_and(|age| age < half_year);
    let format = if recent { "%b %e %H:%M" } else { "%b %e  %Y" };
    formatted(format, split(time))
}

#[cfg(test)]
mod tests {
    use crate::testing::{Scratch, output, run};
    use std::fs;
    use std::time::{Duration, UNIX_EPOCH};

    fn scratch() -> Scratch {
        let s = Scratch::new();
        fs::create_dir(s.path("dir")).unwrap();
        s.file("dir/inner", "");
        s.file("big", &"x".repeat(2048));
        s.file(".hidden", "");
        let old = s.file("old", "1");
        fs::File::open(old)
            .unwrap()
            .set_modified(UNIX_EPOCH + Duration::from_secs(86_400))
            .unwrap();
        std::os::unix::fs::symlink("big", s.path("link")).unwrap();
        s
    }

    fn names(args: &[&str], s: &Scratch) -> String {
        let root = s.path("");
        let args: Vec<&str> = args.iter().copied().chain([root.as_str()]).collect();
        output("", "ls", &args)
            .trim_end()
            .replace('\n', " ")
            .replace(&root, "ROOT/")
    }

    #[test]
    fn what_is_listed_and_how_ordered() {
        let s = scratch();
        assert_eq!(names(&[], &s), "big dir link old");
        assert_eq!(names(&["-A"], &s), ".hidden big dir link old");
        assert_eq!(names(&["-a"], &s), ". .. .hidden big dir link old");
        assert_eq!(names(&["-r"], &s), "old link dir big");
        assert!(names(&["-t"], &s).ends_with("old"));
        assert!(names(&["-SF"], &s).contains("dir/"));
        assert_eq!(names(&["-F"], &s), "big dir/ link@ old");
        assert_eq!(
            names(&["-R"], &s),
            "ROOT/: big dir link old  ROOT/dir: inner"
        );
        assert_eq!(names(&["-d"], &s), "ROOT/");
    }

    #[test]
    fn the_long_form_keeps_its_columns() {
        let s = scratch();
        let all = output("", "ls", &["-lh", &s.path("")]);
        let line = |end: &str| {
            all.lines()
                .find(|line| line.ends_with(end))
                .unwrap()
                .to_owned()
        };
        assert!(line(" old").contains("Jan  2  1970"));
        let big = line(" big");
        assert_eq!(big.split_whitespace().nth(4), Some("2.0K"));
        assert!(line("link -> big").starts_with('l'));
        assert!(line(" dir").starts_with('d'));
        assert!(all.starts_with("total "));
    }

    #[test]
    fn a_missing_file_does_not_hide_the_others() {
        let s = scratch();
        let ran = run("ls", &[&s.path("no"), &s.path("old")]);
        assert_eq!((ran.code, ran.out), (1, format!("{}\n", s.path("old"))));
        assert_eq!(
            ran.err,
            format!("ls: {}: No such file or directory\n", s.path("no"))
        );
    }
}
