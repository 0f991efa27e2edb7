//! `read`: a line of stdin, split into variables.

use std::io::BufRead;

use super::builtins::fail;
use super::run::{Flow, Shell};
use super::streams::Streams;
use super::words::is_name;
use crate::applet::reason;

pub fn read(shell: &mut Shell, words: &[String], streams: &mut Streams) -> Result<u8, Flow> {
    let (raw, names) = match words.split_first() {
        Some((option, names)) if option == "-r" => (true, names),
        Some((option, _)) if option.starts_with('-') => {
            return fail(
                shell,
                streams,
                format_args!("read: {option}: unknown option"),
            );
        }
        _ => (false, words),
    };
    let default = ["REPLY".to_owned()];
    let names = if names.is_empty() { &default } else { names };
    if let Some(name) = names.iter().find(|name| !is_name(name)) {
        return fail(shell, streams, format_args!("read: '{name}' is no name"));
    }
    let (line, whole) = match line(streams.stdin, raw) {
        Ok(line) => line,
        Err(error) => return fail(shell, streams, format_args!("read: {}", reason(&error))),
    };
    let separators = shell.parameter("IFS").unwrap_or_else(|| " \t\n".to_owned());
    let is_blank = |c: char| c.is_whitespace() && separators.contains(c);
    let mut rest = line.trim_matches(is_blank);
    for (index, name) in names.iter().enumerate() {
        let end = rest.find(|c| separators.contains(c)).unwrap_or(rest.len());
        // The last one gets all that is left.
        let end = if index + 1 == names.len() {
            rest.len()
        } else {
            end
        };
        shell.assign(name, rest[..end].to_owned());
        rest = rest[end..].trim_start_matches(is_blank);
        if let Some(c) = rest.chars().next().filter(|c| separators.contains(*c)) {
            rest = rest[c.len_utf8()..].trim_start_matches(is_blank);
        }
    }
    Ok(u8::from(!whole))
}

/// One line, and whether it had an end; without `raw` a backslash joins the next line to it and quotes a character.
fn line(stdin: &mut dyn BufRead, raw: bool) -> std::io::Result<(String, bool)> {
    let mut bytes = Vec::new();
    loop {
        stdin.read_until(b'\n', &mut bytes)?;
        let whole = bytes.pop_if(|last| *last == b'\n').is_some();
        let escapes = bytes.iter().rev().take_while(|b| **b == b'\\').count();
        if !raw && whole && escapes % 2 == 1 {
            bytes.pop();
            continue;
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        return Ok((if raw { text } else { unescaped(&text) }, whole));
    }
}

fn unescaped(text: &str) -> String {
    let mut chars = text.chars();
    let mut plain = String::new();
    while let Some(c) = chars.next() {
        match c {
            '\\' => plain.extend(chars.next()),
            c => plain.push(c),
        }
    }
    plain
}
