//! `--from-literal`, `--from-file` and `--from-env-file` (`kubectl/pkg/cmd/create/create_configmap.go`, `kubectl/pkg/util/util.go`,
//! `kubectl/pkg/cmd/util/env_file.go`).

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use anyhow::{Error, anyhow, bail};

use crate::cli::Failure;
use crate::spec;

/// What is put into an object, by key.
pub type Entries = BTreeMap<String, Vec<u8>>;

/// The flags that say what is in an object.
#[derive(clap::Args)]
pub struct Sources {
    /// A key and its value; may be given several times.
    #[arg(long, value_name = "KEY=VALUE")]
    from_literal: Vec<String>,

    /// A file under its own name or another key, or a directory of files; may be given several times.
    #[arg(long, value_name = "[KEY=]FILE")]
    from_file: Vec<String>,

    /// A file of lines KEY=VALUE; a KEY alone has the value that it has in the environment.
    #[arg(long, value_name = "FILE")]
    from_env_file: Vec<String>,
}

/// Which kind of object it is for: the two have words of their own.
#[derive(Clone, Copy)]
pub enum Holder<'a> {
    /// With its name.
    ConfigMap(&'a str),
    Secret,
}

impl Holder<'_> {
    fn wrong_key(self, key: &str, why: &[String]) -> Error {
        match self {
            Holder::ConfigMap(_) => {
                let why = why.join(",");
                anyhow!("{key:?} is not a valid key name for a ConfigMap: {why}")
            }
            Holder::Secret => {
                let why = why.join(";");
                anyhow!("{key:?} is not valid key name for a Secret {why}")
            }
        }
    }

    fn twice(self, key: &str) -> Error {
        match self {
            Holder::ConfigMap(name) => anyhow!(
                "cannot add key {key:?}, another key by that name already exists in Data for ConfigMap {name:?}"
            ),
            Holder::Secret => {
                anyhow!("cannot add key {key}, another key by that name already exists")
            }
        }
    }
}

impl Sources {
    pub fn read(&self, holder: Holder) -> Result<Entries, Failure> {
        let others = !self.from_file.is_empty() || !self.from_literal.is_empty();
        if others && !self.from_env_file.is_empty() {
            return Err(Failure::Machine(anyhow!(
                "from-env-file cannot be combined with from-file or from-literal"
            )));
        }
        let mut entries = Entries::new();
        for literal in &self.from_literal {
            let (key, value) = self::literal(literal)?;
            add(&mut entries, key, value.as_bytes().to_vec(), holder)?;
        }
        for source in &self.from_file {
            from_file(source, holder, &mut entries)?;
        }
        for file in &self.from_env_file {
            from_env_file(file, holder, &mut entries)?;
        }
        Ok(entries)
    }
}

fn literal(text: &str) -> Result<(&str, &str), Error> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key, value)),
        _ => bail!("invalid literal source {text}, expected key=value"),
    }
}

fn add(entries: &mut Entries, key: &str, content: Vec<u8>, holder: Holder) -> Result<(), Error> {
    let wrong = spec::wrong_config_key(key);
    if !wrong.is_empty() {
        return Err(holder.wrong_key(key, &wrong));
    }
    if entries.contains_key(key) {
        return Err(holder.twice(key));
    }
    entries.insert(key.to_owned(), content);
    Ok(())
}

/// `FILE`, `KEY=FILE`, or a directory.
pub fn from_file(source: &str, holder: Holder, entries: &mut Entries) -> Result<(), Error> {
    let (key, path) = key_and_path(source)?;
    let unreadable = |error: &io::Error| anyhow!("error reading {path}: {}", reason(error));
    let metadata = fs::metadata(path).map_err(|error| unreadable(&error))?;
    if !metadata.is_dir() {
        let content = fs::read(path).map_err(|error| unreadable(&error))?;
        return add(entries, key, content, holder);
    }
    if source.contains('=') {
        bail!("cannot give a key name for a directory path");
    }
    let list = || -> io::Result<Vec<(String, Vec<u8>)>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            // Neither directories nor links.
            if entry.file_type()?.is_file() {
                let name = entry.file_name().to_string_lossy().into_owned();
                files.push((name, fs::read(entry.path())?));
            }
        }
        files.sort();
        Ok(files)
    };
    let files =
        list().map_err(|error| anyhow!("error listing files in {path}: {}", reason(&error)))?;
    for (name, content) in files {
        add(entries, &name, content, holder)?;
    }
    Ok(())
}

fn key_and_path(source: &str) -> Result<(&str, &str), Error> {
    match source.split('=').collect::<Vec<_>>()[..] {
        [path] => {
            let name = Path::new(path).file_name().and_then(|name| name.to_str());
            Ok((name.unwrap_or(path), path))
        }
        ["", path] => bail!("key name for file path {path} missing"),
        [key, ""] => bail!("file path for key name {key} missing"),
        [key, path] => Ok((key, path)),
        _ => bail!("key names or file paths cannot contain '='"),
    }
}

fn from_env_file(path: &str, holder: Holder, entries: &mut Entries) -> Result<(), Error> {
    let read = |error: &io::Error| anyhow!("error reading {path}: {}", reason(error));
    let metadata = fs::metadata(path).map_err(|error| read(&error))?;
    if metadata.is_dir() {
        bail!("env config file cannot be a directory");
    }
    let content = fs::read(path).map_err(|error| read(&error))?;
    let environment = |name: &str| std::env::var(name).unwrap_or_default();
    for (key, value) in env_lines(path, &content, environment)? {
        add(entries, &key, value.into_bytes(), holder)?;
    }
    Ok(())
}

/// The pairs of an env file; `environment` has the values of those that have none.
fn env_lines(
    path: &str,
    content: &[u8],
    environment: impl Fn(&str) -> String,
) -> Result<Vec<(String, String)>, Error> {
    let content = content
        .strip_prefix(b"\xef\xbb\xbf".as_slice())
        .unwrap_or(content);
    let mut pairs = Vec::new();
    for (at, line) in content.split(|&byte| byte == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let Ok(text) = std::str::from_utf8(line) else {
            let bytes: Vec<String> = line.iter().map(u8::to_string).collect();
            bail!(
                "env file {path} contains invalid utf8 bytes at line {}: [{}]",
                at + 1,
                bytes.join(" ")
            );
        };
        let text = text.trim_start();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let (key, value) = match text.split_once('=') {
            Some((key, value)) => (key, value.to_owned()),
            None => (text, environment(text)),
        };
        if !is_variable(key) {
            bail!(
                "{key:?} is not a valid key name: a valid environment variable name must consist of alphabetic characters, \
                 digits, '_', '-', or '.', and must not start with a digit (e.g. 'my.env-name',  or 'MY_ENV.NAME',  or \
                 'MyEnvName1', regex used for validation is '[-._a-zA-Z][-._a-zA-Z0-9]*')"
            );
        }
        pairs.push((key.to_owned(), value));
    }
    Ok(pairs)
}

fn is_variable(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    name.chars().all(letter) && name.starts_with(|c: char| !c.is_ascii_digit())
}

/// As Go says it: without the number.
pub fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(content: &str) -> Result<Vec<(String, String)>, String> {
        let environment = |name: &str| format!("<{name}>");
        env_lines("e.env", content.as_bytes(), environment).map_err(|error| error.to_string())
    }

    #[test]
    fn an_env_file_is_lines_of_pairs() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(
            lines("\u{feff}A=1\r\n# c\n\n  B= two=words \nC\nD=\"q\""),
            Ok(vec![
                pair("A", "1"),
                pair("B", " two=words "),
                pair("C", "<C>"),
                pair("D", "\"q\"")
            ])
        );
        assert!(
            lines("export D=4")
                .unwrap_err()
                .starts_with("\"export D\" is not a valid key name")
        );
        assert!(lines("9X=1").is_err() && lines("=v").is_err());
    }

    #[test]
    fn bytes_that_are_no_text_are_named() {
        let said = env_lines("bad.env", b"a\nB=\xff\n", |_| String::new()).unwrap_err();
        assert_eq!(
            said.to_string(),
            "env file bad.env contains invalid utf8 bytes at line 2: [66 61 255]"
        );
    }

    #[test]
    fn keys_are_refused_in_kubectls_words() {
        let said = |key: &str, holder| {
            let mut entries = Entries::from([("a".to_owned(), Vec::new())]);
            let said = add(&mut entries, key, Vec::new(), holder).unwrap_err();
            said.to_string()
        };
        let map = Holder::ConfigMap("x");
        assert_eq!(
            said("..", map),
            "\"..\" is not a valid key name for a ConfigMap: must not be '..'"
        );
        assert_eq!(
            said("..a", Holder::Secret),
            "\"..a\" is not valid key name for a Secret must not start with '..'"
        );
        assert_eq!(
            said("a", map),
            "cannot add key \"a\", another key by that name already exists in Data for ConfigMap \"x\""
        );
        assert_eq!(
            said("a", Holder::Secret),
            "cannot add key a, another key by that name already exists"
        );
        assert!(said("../a", map).ends_with("'[-._a-zA-Z0-9]+'),must not start with '..'"));
        assert!(said("bad key", map).contains("regex used for validation is '[-._a-zA-Z0-9]+'"));
    }

    #[test]
    fn a_source_is_a_path_with_or_without_a_key() {
        let said = |text| key_and_path(text).map_err(|error| error.to_string());
        assert_eq!(said("dir/a.txt"), Ok(("a.txt", "dir/a.txt")));
        assert_eq!(said("k=dir/a.txt"), Ok(("k", "dir/a.txt")));
        assert_eq!(
            said("=f"),
            Err("key name for file path f missing".to_owned())
        );
        assert_eq!(
            said("k="),
            Err("file path for key name k missing".to_owned())
        );
        assert_eq!(
            said("a=b=c"),
            Err("key names or file paths cannot contain '='".to_owned())
        );
    }

    #[test]
    fn files_of_a_directory_but_nothing_else() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("b"), "2").unwrap();
        fs::write(place.path().join("a"), "1").unwrap();
        fs::create_dir(place.path().join("sub")).unwrap();
        std::os::unix::fs::symlink("a", place.path().join("link")).unwrap();
        let mut entries = Entries::new();
        let path = place.path().to_str().unwrap();
        from_file(path, Holder::Secret, &mut entries).unwrap();
        let keys: Vec<&String> = entries.keys().collect();
        assert_eq!(keys, ["a", "b"]);
        let said = from_file(&format!("k={path}"), Holder::Secret, &mut entries).unwrap_err();
        assert_eq!(
            said.to_string(),
            "cannot give a key name for a directory path"
        );
    }
}
