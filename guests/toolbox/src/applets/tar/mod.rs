//! tar: archives in the ustar format, with GNU's and POSIX's long names. Neither owners nor permissions: a guest knows none.

mod create;
mod extract;
mod header;

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};

use crate::applet::{Applet, At, Failure, Io, Outcome, usage};
use crate::options;

pub const APPLET: Applet = Applet {
    name: "tar",
    usage: "c|x|t [-vm] [-f FILE|-] [-C DIRECTORY] [PATH]...",
    run,
};

const LONG: &[(&str, char)] = &[
    ("create", 'c'),
    ("extract", 'x'),
    ("list", 't'),
    ("verbose", 'v'),
    ("touch", 'm'),
    ("file", 'f'),
    ("directory", 'C'),
    // What these ask for is all that can be had here.
    ("no-same-owner", '1'),
    ("no-same-permissions", '2'),
];

/// What is done to the members of an archive.
#[derive(Clone, Copy, Debug, Default)]
struct How {
    verbose: bool,
    /// Files are as new as their extraction.
    touch: bool,
}

fn run(args: &[String], io: &mut Io) -> Outcome {
    let options = options::parse(&dashed(args), "cxtvmf:C:12", LONG)?;
    let how = How {
        verbose: options.has('v'),
        touch: options.has('m'),
    };
    let directory = options.value('C').unwrap_or(".");
    let file = options.value('f').unwrap_or("-");
    let modes: Vec<char> = "cxt".chars().filter(|mode| options.has(*mode)).collect();
    match modes[..] {
        ['c'] => {
            options.some_operands("what to archive")?;
            let target = Target::open(file)?;
            create::create(target, directory, &options.operands, how, io)?;
        }
        ['x'] => extract::extract(Source::open(file)?, directory, &options.operands, how, io)?,
        ['t'] => extract::list(Source::open(file)?, &options.operands, io)?,
        _ => return usage("one of c, x and t must be given"),
    }
    Ok(0)
}

/// The old form `cf - PATH`: letters without a dash, whose values follow in their order. Only one of them takes a value.
fn dashed(args: &[String]) -> Vec<String> {
    let mut args = args.to_vec();
    if let Some(first) = args.first_mut().filter(|first| !first.starts_with('-')) {
        let (valued, plain): (Vec<char>, Vec<char>) = first.chars().partition(|c| *c == 'f');
        *first = std::iter::once('-').chain(plain).chain(valued).collect();
    }
    args
}

/// Where an archive comes from. Asked for anew for each piece, since complaints go through the same hands.
struct Source(Option<BufReader<File>>);

impl Source {
    fn open(file: &str) -> Result<Source, Failure> {
        Ok(Source(match file {
            "-" => None,
            file => Some(BufReader::new(File::open(file).at(file)?)),
        }))
    }

    fn reader<'r>(&'r mut self, io: &'r mut Io) -> &'r mut dyn Read {
        match &mut self.0 {
            Some(file) => file,
            None => &mut io.stdin,
        }
    }
}

/// Where an archive goes.
struct Target(Option<BufWriter<File>>);

impl Target {
    fn open(file: &str) -> Result<Target, Failure> {
        Ok(Target(match file {
            "-" => None,
            file => Some(BufWriter::new(File::create(file).at(file)?)),
        }))
    }

    fn writer<'w>(&'w mut self, io: &'w mut Io) -> &'w mut dyn Write {
        match &mut self.0 {
            Some(file) => file,
            None => &mut io.out,
        }
    }
}

#[cfg(test)]
mod tests;
