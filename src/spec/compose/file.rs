//! A variable out of a file that another container has written (KEP-3721; the syntax is that of
//! <https://kubernetes.io/docs/tasks/inject-data-application/define-environment-variable-via-file/#env-file-syntax>).
//!
//! What is read means the same to a shell. A shell takes more: values without quotes or in double ones, several strings
//! beside each other, `$`. Of two definitions the later one counts, as in a shell.

use crate::spec::names;
use crate::spec::pod::FileKeyRef;

/// The longest file that is read (KEP-3721, "Size Limit").
pub const MAX_ENV_FILE: usize = 64 << 10;

/// The value of the key that is wanted, or none where there is none and need not be.
///
/// A missing file is as optional as its key: the API's description of `optional` says so, where the kubelet of 1.36 fails.
pub fn value(file: Option<&[u8]>, wanted: &FileKeyRef) -> Result<Option<String>, String> {
    let FileKeyRef {
        path,
        key,
        optional,
        ..
    } = wanted;
    let broken = |why: &str| format!("couldn't parse env file {path:?}: {why}");
    let found = match file {
        Some(bytes) => find(bytes, key).map_err(|why| broken(&why))?,
        None if *optional => return Ok(None),
        None => return Err(broken("no such file")),
    };
    match found {
        Some(value) => Ok(Some(value.to_owned())),
        None if *optional => Ok(None),
        None => Err(format!(
            "environment variable key {key:?} not found in file {path:?}"
        )),
    }
}

/// Reads the whole file, so that a mistake in it is told whichever key is wanted.
fn find<'f>(bytes: &'f [u8], key: &str) -> Result<Option<&'f str>, String> {
    if bytes.len() > MAX_ENV_FILE {
        return Err(format!("it is longer than {MAX_ENV_FILE} bytes"));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
    let mut found = None;
    let mut rest = text;
    while let Some((definition, after)) = next(rest, text)? {
        if definition.name == key {
            found = Some(definition.value);
        }
        rest = after;
    }
    Ok(found)
}

struct Definition<'f> {
    name: &'f str,
    value: &'f str,
}

/// Spaces and tabs, and the carriage return of a file from elsewhere.
const BLANK: [char; 3] = [' ', '\t', '\r'];

/// The first definition of what is left of a file, and what follows it.
fn next<'f>(mut rest: &'f str, whole: &str) -> Result<Option<(Definition<'f>, &'f str)>, String> {
    while !rest.is_empty() {
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        let line = line.trim_matches(BLANK);
        if !line.is_empty() && !line.starts_with('#') {
            let number = 1 + whole[..whole.len() - rest.len()].matches('\n').count();
            return definition(rest)
                .map(Some)
                .map_err(|why| format!("line {number}: {why}"));
        }
        rest = after;
    }
    Ok(None)
}

/// `NAME='value'`, where the value may have lines.
fn definition(text: &str) -> Result<(Definition<'_>, &str), &'static str> {
    let line = text.lines().next().unwrap_or_default();
    let Some((name, _)) = line.split_once('=') else {
        return Err("a definition must be NAME='value'");
    };
    let value = text[name.len() + 1..].trim_start_matches(BLANK);
    let name = name.trim_matches(BLANK);
    if name.is_empty() || !names::env_name(name).is_empty() {
        return Err("the name must be of printable ASCII characters other than '='");
    }
    let Some(value) = value.strip_prefix('\'') else {
        return Err("the value must be in single quotes");
    };
    let Some((value, after)) = value.split_once('\'') else {
        return Err("the value has no closing quote");
    };
    let (end, after) = after.split_once('\n').unwrap_or((after, ""));
    if !end.trim_matches(BLANK).is_empty() {
        return Err("nothing may follow the closing quote");
    }
    Ok((Definition { name, value }, after))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wanted(optional: bool) -> FileKeyRef {
        FileKeyRef {
            volume: 0,
            path: "config.env".to_owned(),
            key: "KEY".to_owned(),
            optional,
        }
    }

    fn read(text: &str) -> Result<Option<String>, String> {
        value(Some(text.as_bytes()), &wanted(false))
    }

    #[test]
    fn values_are_what_stands_between_single_quotes() {
        for (text, value) in [
            ("KEY='value'", "value"),
            ("KEY='value'\n", "value"),
            ("KEY=''", ""),
            ("KEY='  two  words  '", "  two  words  "),
            ("KEY='\"quoted\" # $HOME \\n'", "\"quoted\" # $HOME \\n"),
            ("KEY='a=b'", "a=b"),
            ("  KEY = 'value'  ", "value"),
            ("# comment\n\n \t\nKEY='value'", "value"),
            ("KEY='one\ntwo'\n", "one\ntwo"),
            ("OTHER='\nKEY='\nKEY='value'", "value"),
            ("KEY='first'\nKEY='last'\n", "last"),
            ("KEY='value'\r\nB=''\r\n", "value"),
            ("K='a'\nKEY='b'\nKEYS='c'", "b"),
        ] {
            assert_eq!(read(text), Ok(Some(value.to_owned())), "{text:?}");
        }
    }

    #[test]
    fn what_only_a_shell_would_take_is_told_with_its_line() {
        for (text, why) in [
            ("KEY=value", "line 1: the value must be in single quotes"),
            (
                "A='1'\nKEY=\"value\"",
                "line 2: the value must be in single quotes",
            ),
            ("KEY='a''b'", "line 1: nothing may follow the closing quote"),
            ("KEY='a'$B", "line 1: nothing may follow the closing quote"),
            ("A='1\n2'\nKEY", "line 3: a definition must be NAME='value'"),
            ("\nKEY='value\n", "line 2: the value has no closing quote"),
            (
                "='value'",
                "line 1: the name must be of printable ASCII characters other than '='",
            ),
        ] {
            let expected = format!("couldn't parse env file \"config.env\": {why}");
            assert_eq!(read(text), Err(expected), "{text:?}");
        }
        let long = format!("KEY='{}'", "a".repeat(MAX_ENV_FILE));
        let expected = "couldn't parse env file \"config.env\": it is longer than 65536 bytes";
        assert_eq!(read(&long), Err(expected.to_owned()));
        let expected = "couldn't parse env file \"config.env\": it is not UTF-8";
        assert_eq!(
            value(Some(b"KEY='\xff'"), &wanted(false)),
            Err(expected.to_owned())
        );
    }

    #[test]
    fn a_missing_key_or_file_is_an_error_unless_it_is_optional() {
        assert_eq!(
            read("OTHER='x'"),
            Err("environment variable key \"KEY\" not found in file \"config.env\"".to_owned())
        );
        assert_eq!(
            value(None, &wanted(false)),
            Err("couldn't parse env file \"config.env\": no such file".to_owned())
        );
        assert_eq!(value(Some(b"OTHER='x'"), &wanted(true)), Ok(None));
        assert_eq!(value(None, &wanted(true)), Ok(None));
        assert!(value(Some(b"KEY=x"), &wanted(true)).is_err());
    }

    proptest! {
        #[test]
        fn a_quoted_value_is_read_as_it_is(value in "[^'\\x00]{0,40}", before in "(#[^\n]*\n|[ \t]*\n|A='[^']*'\n){0,4}") {
            prop_assert_eq!(read(&format!("{before}KEY='{value}'\n")), Ok(Some(value)));
        }

        #[test]
        fn no_file_makes_it_fall(text in "[KEY='# \n\t\\\\$a]{0,40}") {
            let _ = read(&text);
        }
    }
}
