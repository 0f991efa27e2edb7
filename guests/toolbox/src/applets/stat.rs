//! stat. WASI tells neither modes nor owners: what asks for them is answered with `?`.

use std::fs::{self, Metadata};
use std::path::Path;
use std::time::SystemTime;

use crate::applet::{Applet, At, Failure, Io, Outcome, usage};
use crate::applets::date::formatted;
use crate::clock::split;
use crate::options;
use crate::sys::{self, Identity};

pub const APPLET: Applet = Applet {
    name: "stat",
    usage: "[-L] [-c FORMAT] FILE...",
    run,
};

const WHOLE: &str =
    "  File: %N\n  Size: %s\t%F\nDevice: %d\tInode: %i\tLinks: %h\nAccess: %x\nModify: %y";

fn run(args: &[String], io: &mut Io) -> Outcome {
    let options = options::parse(args, "Lc:", &[("dereference", 'L'), ("format", 'c')])?;
    options.some_operands("file")?;
    let format = options.value('c').unwrap_or(WHOLE);
    for name in &options.operands {
        let line = File::read(name, options.has('L')).and_then(|file| file.describe(format));
        match line {
            Ok(line) => writeln!(io.out, "{line}")?,
            Err(failure) => io.forgive(Err(failure))?,
        }
    }
    Ok(0)
}

struct File<'a> {
    name: &'a str,
    meta: Metadata,
    identity: Identity,
}

impl<'a> File<'a> {
    fn read(name: &'a str, follow: bool) -> Result<File<'a>, Failure> {
        let path = Path::new(name);
        let meta = match follow {
            true => fs::metadata(path),
            false => fs::symlink_metadata(path),
        };
        Ok(File {
            name,
            meta: meta.at(name)?,
            identity: sys::identity(path, follow).at(name)?,
        })
    }

    fn describe(&self, format: &str) -> Result<String, Failure> {
        let mut text = String::new();
        let mut rest = format.chars();
        while let Some(c) = rest.next() {
            match c {
                '%' => text.push_str(&self.part(rest.next())?),
                c => text.push(c),
            }
        }
        Ok(text)
    }

    fn part(&self, letter: Option<char>) -> Result<String, Failure> {
        Ok(match letter {
            Some('n') => self.name.to_owned(),
            Some('N') => self.quoted(),
            Some('s') => self.meta.len().to_string(),
            Some('F') => self.kind().to_owned(),
            Some('d') => self.identity.device.to_string(),
            Some('i') => self.identity.inode.to_string(),
            Some('h') => self.identity.links.to_string(),
            Some('X') => split(self.accessed()).0.to_string(),
            Some('Y') => split(self.modified()).0.to_string(),
            Some('x') => date(self.accessed()),
            Some('y') => date(self.modified()),
            Some('a' | 'A' | 'f' | 'u' | 'U' | 'g' | 'G') => "?".to_owned(),
            Some('%') => "%".to_owned(),
            Some(other) => return usage(format!("invalid directive '%{other}'")),
            None => return usage("a format ends in '%'"),
        })
    }

    fn quoted(&self) -> String {
        match fs::read_link(self.name) {
            Ok(target) if self.meta.is_symlink() => {
                format!("'{}' -> '{}'", self.name, target.display())
            }
            _ => format!("'{}'", self.name),
        }
    }

    fn kind(&self) -> &'static str {
        match self.meta.file_type() {
            kind if kind.is_dir() => "directory",
            kind if kind.is_symlink() => "symbolic link",
            kind if !kind.is_file() => "special file",
            _ if self.meta.len() == 0 => "regular empty file",
            _ => "regular file",
        }
    }

    fn accessed(&self) -> SystemTime {
        self.meta.accessed().unwrap_or(SystemTime::UNIX_EPOCH)
    }

    fn modified(&self) -> SystemTime {
        self.meta.modified().unwrap_or(SystemTime::UNIX_EPOCH)
    }
}

fn date(time: SystemTime) -> String {
    let moment = split(time);
    let seconds = formatted("%Y-%m-%d %H:%M:%S", moment);
    format!("{seconds}.{:09} +0000", moment.1)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, symlink};
    use std::time::{Duration, UNIX_EPOCH};

    use crate::testing::{Scratch, output, run};

    fn told(args: &[&str]) -> String {
        output("", "stat", args).trim_end().to_owned()
    }

    #[test]
    fn every_letter_has_its_answer() {
        let s = Scratch::new();
        let file = s.file("file", "four");
        let time = UNIX_EPOCH + Duration::new(86_400, 5);
        fs::File::open(&file).unwrap().set_modified(time).unwrap();
        symlink("file", s.path("link")).unwrap();
        let link = s.path("link");
        assert_eq!(told(&["-c", "%s %F %Y%%", &file]), "4 regular file 86400%");
        assert_eq!(
            told(&["-c", "%y", &file]),
            "1970-01-02 00:00:00.000000005 +0000"
        );
        assert_eq!(
            told(&["-c", "%N %F", &link]),
            format!("'{link}' -> 'file' symbolic link")
        );
        assert_eq!(
            told(&["-Lc", "%n %F", &link]),
            format!("{link} regular file")
        );
        assert_eq!(told(&["-c", "%F", &s.path("")]), "directory");
        assert_eq!(
            told(&["-c", "%F", &s.file("empty", "")]),
            "regular empty file"
        );
        assert_eq!(told(&["-c", "%a %U", &file]), "? ?");
        let meta = fs::metadata(&file).unwrap();
        assert_eq!(
            told(&["-c", "%i %h %d", &file]),
            format!("{} 1 {}", meta.ino(), meta.dev())
        );
        assert!(told(&[&file]).contains("Size: 4\tregular file"));
    }

    #[test]
    fn what_is_wrong_is_told_and_the_rest_still_shown() {
        let s = Scratch::new();
        let ran = run("stat", &["-c", "%s", &s.path("no"), &s.file("yes", "1")]);
        assert_eq!((ran.code, ran.out.as_str()), (1, "1\n"));
        assert_eq!(run("stat", &["-c", "%q", &s.path("")]).code, 2);
        assert_eq!(run("stat", &[]).code, 2);
    }
}
