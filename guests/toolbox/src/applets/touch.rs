use std::fs::{self, File, FileTimes};
use std::io::ErrorKind;
use std::path::Path;
use std::time::SystemTime;

use crate::applet::{Applet, At, Failure, Io, Outcome};
use crate::options;

pub const APPLET: Applet = Applet {
    name: "touch",
    usage: "[-acm] [-r FILE] FILE...",
    run,
};

fn run(args: &[String], io: &mut Io) -> Outcome {
    let options = options::parse(args, "acmr:", &[("no-create", 'c'), ("reference", 'r')])?;
    options.some_operands("operand")?;
    let (accessed, modified) = match options.value('r') {
        None => (SystemTime::now(), SystemTime::now()),
        Some(path) => {
            let meta = fs::metadata(path).at(path)?;
            (meta.accessed().at(path)?, meta.modified().at(path)?)
        }
    };
    let both = options.has('a') == options.has('m');
    let mut times = FileTimes::new();
    if both || options.has('a') {
        times = times.set_accessed(accessed);
    }
    if both || options.has('m') {
        times = times.set_modified(modified);
    }
    for path in &options.operands {
        let outcome = touch(Path::new(path), times, !options.has('c'));
        io.forgive(outcome)?;
    }
    Ok(0)
}

fn touch(path: &Path, times: FileTimes, create: bool) -> Result<(), Failure> {
    let opened = match path.is_dir() {
        true => File::open(path),
        false => File::options()
            .write(true)
            .create(create)
            .truncate(false)
            .open(path),
    };
    match opened {
        Err(error) if error.kind() == ErrorKind::NotFound && !create => Ok(()),
        opened => opened
            .and_then(|file| file.set_times(times))
            .at(path.display()),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Scratch, output, run};
    use std::fs;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn files_are_made_or_kept() {
        let s = Scratch::new();
        let a = s.file("a", "1");
        output("", "touch", &[&a, &s.path("b")]);
        assert_eq!((s.read("a"), s.read("b")), ("1".into(), String::new()));
        output("", "touch", &["-c", &s.path("no")]);
        assert!(!fs::exists(s.path("no")).unwrap());
        assert_eq!(run("touch", &[&s.path("no/f")]).code, 1);
    }

    #[test]
    fn times_come_from_a_reference() {
        let s = Scratch::new();
        let (a, b) = (s.file("a", ""), s.file("b", ""));
        let old = UNIX_EPOCH + Duration::from_secs(1_000_000);
        fs::File::open(&a).unwrap().set_modified(old).unwrap();
        output("", "touch", &["-a", "-r", &a, &b]);
        assert_ne!(fs::metadata(&b).unwrap().modified().unwrap(), old);
        output("", "touch", &["-r", &a, &b]);
        assert_eq!(fs::metadata(&b).unwrap().modified().unwrap(), old);
    }
}
