//! Local files as a tar stream.

use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context as _, Result};
use tokio::sync::mpsc;

/// Sends a file, or a directory with all that is in it, under the name `name`. Symbolic links are sent as such.
pub fn pack(from: &Path, name: &str, give: mpsc::Sender<Vec<u8>>) -> Result<()> {
    let mut tar = tar::Builder::new(Sender(give));
    tar.follow_symlinks(false);
    // What was named is meant, also when it is a link to it.
    let meta = std::fs::metadata(from).with_context(|| shown(from))?;
    let packed = if meta.is_dir() {
        tar.append_dir_all(name, from)
    } else {
        std::fs::File::open(from).and_then(|mut file| tar.append_file(name, &mut file))
    };
    match packed.and_then(|()| tar.finish()) {
        // The reader says why it gave up.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.with_context(|| shown(from)),
    }
}

fn shown(path: &Path) -> String {
    format!("could not copy {}", path.display())
}

/// The blocking end of the way to the container.
struct Sender(mpsc::Sender<Vec<u8>>);

impl Write for Sender {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(super::CHUNK);
        match self.0.blocking_send(bytes[..taken].to_vec()) {
            Ok(()) => Ok(taken),
            Err(_) => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
