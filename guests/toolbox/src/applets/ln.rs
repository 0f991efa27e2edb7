use std::fs;
use std::path::Path;

use crate::applet::{Applet, At, Failure, Io, Outcome, error, usage};
use crate::options;
use crate::sys::symlink;
use crate::tree::destination;

pub const APPLET: Applet = Applet {
    name: "ln",
    usage: "[-sfn] TARGET... LINK|DIRECTORY",
    run,
};

fn run(args: &[String], io: &mut Io) -> Outcome {
    let long = [("symbolic", 's'), ("force", 'f'), ("no-dereference", 'n')];
    let options = options::parse(args, "sfn", &long)?;
    let (targets, place) = match options.operands.as_slice() {
        [] => return usage("missing file"),
        [only] => (std::slice::from_ref(only), "."),
        [targets @ .., place] => (targets, place.as_str()),
    };
    if targets.len() > 1 && !Path::new(place).is_dir() {
        return error(format!("target '{place}' is not a directory"));
    }
    let is_link = fs::symlink_metadata(place).is_ok_and(|meta| meta.is_symlink());
    let plain = options.has('n') && is_link;
    for target in targets {
        let link = destination(target, place, plain);
        let outcome = make(Path::new(target), &link, options.has('s'), options.has('f'));
        io.forgive(outcome)?;
    }
    Ok(0)
}

fn make(target: &Path, link: &Path, symbolic: bool, force: bool) -> Result<(), Failure> {
    if force && fs::symlink_metadata(link).is_ok_and(|meta| !meta.is_dir()) {
        fs::remove_file(link).at(link.display())?;
    }
    match symbolic {
        true => symlink(target, link),
        false => fs::hard_link(target, link),
    }
    .at(link.display())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::testing::{Scratch, output, run};

    #[test]
    fn links_are_made_by_name_or_into_a_directory() {
        let s = Scratch::new();
        let file = s.file("file", "1");
        output("", "ln", &["-s", "file", &s.path("soft")]);
        assert_eq!(
            fs::read_link(s.path("soft")).unwrap().to_str(),
            Some("file")
        );
        output("", "ln", &[&file, &s.path("hard")]);
        s.file("file", "2");
        assert_eq!(s.read("hard"), "2");
        fs::create_dir(s.path("dir")).unwrap();
        output("", "ln", &["-s", "../file", "../soft", &s.path("dir")]);
        assert_eq!(s.read("dir/soft"), "2");
        assert_eq!(run("ln", &["-s", "a", "b", &file]).code, 1);
        assert_eq!(run("ln", &["-s"]).code, 2);
    }

    #[test]
    fn only_force_takes_a_links_place() {
        let s = Scratch::new();
        output("", "ln", &["-s", "a", &s.path("link")]);
        assert_eq!(run("ln", &["-s", "b", &s.path("link")]).code, 1);
        output("", "ln", &["-sfn", "b", &s.path("link")]);
        assert_eq!(fs::read_link(s.path("link")).unwrap().to_str(), Some("b"));
    }
}
