//! Patterns of `*`, `?` and `[...]`, for file names, case and `${x#pattern}`.

use std::fs;
use std::path::Path;

/// A character of a pattern; a quoted one stands for itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Glyph {
    pub c: char,
    pub quoted: bool,
}

impl Glyph {
    fn is(self, special: char) -> bool {
        !self.quoted && self.c == special
    }
}

pub fn plain(pattern: &[Glyph]) -> String {
    pattern.iter().map(|glyph| glyph.c).collect()
}

pub fn is_pattern(glyphs: &[Glyph]) -> bool {
    glyphs.iter().any(|g| !g.quoted && "*?[".contains(g.c))
}

pub fn matches(pattern: &[Glyph], text: &[char]) -> bool {
    let (mut p, mut t) = (0, 0);
    // Where to go on when what follows the last `*` does not match: with one more character for the star.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        let one = match pattern.get(p) {
            Some(star) if star.is('*') => {
                retry = Some((p + 1, t));
                p += 1;
                continue;
            }
            None if t == text.len() => return true,
            None => None,
            Some(_) => text.get(t).and_then(|c| one(&pattern[p..], *c)),
        };
        match (one, retry) {
            (Some(taken), _) => {
                p += taken;
                t += 1;
            }
            (None, Some((after_star, from))) if from < text.len() => {
                retry = Some((after_star, from + 1));
                (p, t) = (after_star, from + 1);
            }
            _ => return false,
        }
    }
}

/// Does the first element of the pattern match the character? Then how long it is.
fn one(pattern: &[Glyph], c: char) -> Option<usize> {
    let first = *pattern.first()?;
    if first.is('?') {
        return Some(1);
    }
    if first.is('[')
        && let Some((is, length)) = bracket(pattern, c)
    {
        return is.then_some(length);
    }
    (first.c == c).then_some(1)
}

/// `[a-z]`, `[!a-z]`: whether the character is one of these, and the length of the whole; `None` when nothing closes it.
fn bracket(pattern: &[Glyph], c: char) -> Option<(bool, usize)> {
    let negated = pattern.get(1).is_some_and(|g| g.is('!') || g.is('^'));
    let start = 1 + usize::from(negated);
    let mut at = start;
    let mut found = false;
    loop {
        let low = *pattern.get(at)?;
        if low.is(']') && at > start {
            return Some((found != negated, at + 1));
        }
        let range = pattern.get(at + 1).is_some_and(|g| g.is('-'));
        match pattern.get(at + 2) {
            Some(high) if range && !high.is(']') => {
                found |= (low.c..=high.c).contains(&c);
                at += 3;
            }
            _ => {
                found |= low.c == c;
                at += 1;
            }
        }
    }
}

/// The paths that match, in order; none when there are none.
pub fn paths(pattern: &[Glyph]) -> Vec<String> {
    let components: Vec<&[Glyph]> = pattern.split(|glyph| glyph.c == '/').collect();
    let mut found = vec![String::new()];
    for (index, component) in components.iter().enumerate() {
        let last = index + 1 == components.len();
        let mut next = Vec::new();
        for base in &found {
            extend(base, component, last, &mut next);
        }
        found = next;
    }
    found
}

fn extend(base: &str, component: &[Glyph], last: bool, next: &mut Vec<String>) {
    let slash = if last { "" } else { "/" };
    if !is_pattern(component) {
        let path = format!("{base}{}", plain(component));
        if path.is_empty() || fs::symlink_metadata(&path).is_ok() {
            next.push(path + slash);
        }
        return;
    }
    let directory = if base.is_empty() { "." } else { base };
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    let mut names: Vec<String> = entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with('.') || component[0].c == '.')
        .filter(|name| matches(component, &name.chars().collect::<Vec<_>>()))
        .filter(|name| last || Path::new(directory).join(name).is_dir())
        .collect();
    names.sort();
    next.extend(names.iter().map(|name| format!("{base}{name}{slash}")));
}
