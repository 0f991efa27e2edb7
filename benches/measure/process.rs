//! What the kernel says about a process and all it started.

use std::fs;
use std::path::Path;

/// Proportional memory of a process tree, in kilobytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    pub whole: u64,
    /// The part of it that lies in guests' linear memories.
    pub linear: u64,
}

impl Memory {
    pub fn of(pid: u32) -> Memory {
        tree(pid).into_iter().fold(Memory::default(), |sum, pid| {
            let mappings = mappings(&read(&format!("/proc/{pid}/smaps")));
            Memory {
                whole: sum.whole + rollup(pid),
                linear: sum.linear + linear(&mappings),
            }
        })
    }
}

/// Voluntary context switches of all threads of a process tree since they began.
pub fn voluntary_switches(pid: u32) -> u64 {
    let threads = tree(pid)
        .into_iter()
        .flat_map(|pid| entries(&format!("/proc/{pid}/task")));
    threads
        .map(|thread| {
            field(
                &read(&format!("{thread}/status")),
                "voluntary_ctxt_switches:",
            )
        })
        .sum()
}

/// The process and its descendants.
pub fn tree(pid: u32) -> Vec<u32> {
    let mut found = vec![pid];
    let mut next = 0;
    while let Some(pid) = found.get(next) {
        for thread in entries(&format!("/proc/{pid}/task")) {
            let children = read(&format!("{thread}/children"));
            found.extend(
                children
                    .split_whitespace()
                    .filter_map(|child| child.parse::<u32>().ok()),
            );
        }
        next += 1;
    }
    found
}

fn rollup(pid: u32) -> u64 {
    field(&read(&format!("/proc/{pid}/smaps_rollup")), "Pss:")
}

#[derive(Debug, PartialEq, Eq)]
struct Mapping {
    start: u64,
    end: u64,
    writable: bool,
    readable: bool,
    pss: u64,
}

fn mappings(smaps: &str) -> Vec<Mapping> {
    let mut found: Vec<Mapping> = Vec::new();
    for line in smaps.lines() {
        if let Some(mapping) = header(line) {
            found.push(mapping);
        } else if let (Some(kilobytes), Some(last)) = (line.strip_prefix("Pss:"), found.last_mut())
        {
            last.pss = number(kilobytes);
        }
    }
    found
}

/// `7f00-7f10 rw-p …`: the first line of a mapping.
fn header(line: &str) -> Option<Mapping> {
    let mut words = line.split_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    let (start, end) = (
        u64::from_str_radix(start, 16).ok()?,
        u64::from_str_radix(end, 16).ok()?,
    );
    let rights = words.next()?;
    Some(Mapping {
        start,
        end,
        writable: rights.contains('w'),
        readable: rights.contains('r'),
        pss: 0,
    })
}

/// A linear memory is writable pages with a reservation right behind them that nobody may touch and that is far larger
/// than any thread's guard.
fn linear(mappings: &[Mapping]) -> u64 {
    const RESERVATION: u64 = 64 << 20;
    let (mut sum, mut run, mut run_end) = (0, 0, 0);
    for mapping in mappings {
        let follows = mapping.start == run_end;
        if mapping.writable {
            run = if follows {
                run + mapping.pss
            } else {
                mapping.pss
            };
        } else {
            if follows && !mapping.readable && mapping.end - mapping.start >= RESERVATION {
                sum += run;
            }
            run = 0;
        }
        run_end = mapping.end;
    }
    sum
}

fn field(text: &str, name: &str) -> u64 {
    text.lines()
        .find_map(|line| line.strip_prefix(name))
        .map_or(0, number)
}

/// The first number of `text`.
fn number(text: &str) -> u64 {
    text.split_whitespace()
        .next()
        .and_then(|word| word.parse().ok())
        .unwrap_or(0)
}

/// What is in a folder of /proc; nothing if the process is gone.
fn entries(folder: &str) -> Vec<String> {
    let found = fs::read_dir(Path::new(folder))
        .into_iter()
        .flatten()
        .flatten();
    found
        .map(|entry| entry.path().to_string_lossy().into_owned())
        .collect()
}

/// The text of a file of /proc; empty if the process is gone.
fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}
