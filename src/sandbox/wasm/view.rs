//! What a guest sees of the host: its mounts, its environment, its streams. Nothing is inherited.

use std::os::fd::AsRawFd;
use std::path::Path;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use wasmtime_wasi::p1::WasiP1Ctx;
use wasmtime_wasi::{FsPerms, WasiCtxBuilder, WasiView as _};

use super::Mount;
use super::stdio::{InPort, OutPort};

/// Handles a guest may hold on host objects: files, directories, sockets, streams, pollables.
const HANDLES: usize = 10_000;

/// The most random bytes of one call.
const RANDOM: u64 = 1 << 20;

pub(super) struct View<'a> {
    pub argv: &'a [String],
    pub env: &'a [(String, String)],
    pub cwd: Option<&'a str>,
    pub mounts: &'a [Mount],
    /// Input, output, errors.
    pub streams: (InPort, OutPort, OutPort),
}

impl View<'_> {
    /// Opens everything. The error says which mount it is about.
    ///
    /// WASI has no working directory. Libraries resolve a relative path against `/`, or against a preopened directory `.`
    /// if there is one; so the directory behind `cwd` is preopened once more under that name, unless something is mounted
    /// at `/` (libraries take `.` and `/` for the same prefix, and the mount was asked for by name). Components are also
    /// told by `wasi:cli/environment`, and everybody by `PWD` as far as the environment has none.
    pub fn build(self) -> Result<WasiP1Ctx, String> {
        let mut builder = WasiCtxBuilder::new();
        builder
            .args(self.argv)
            .envs(self.env)
            .max_random_size(RANDOM);
        let (stdin, stdout, stderr) = self.streams;
        builder.stdin(stdin).stdout(stdout).stderr(stderr);
        for mount in self.mounts {
            preopen(&mut builder, mount)?;
        }
        if let Some(cwd) = self.cwd.filter(|cwd| *cwd != "/") {
            set_cwd(&mut builder, cwd, self.mounts, self.env)?;
        }
        let mut wasi = builder.build_p1();
        wasi.ctx().table.set_max_capacity(HANDLES);
        Ok(wasi)
    }
}

fn preopen(builder: &mut WasiCtxBuilder, mount: &Mount) -> Result<(), String> {
    let result = builder
        .preopened_dir(&mount.host, &mount.guest, perms(mount))
        .map(|_| ());
    result.map_err(|error| {
        format!(
            "{} cannot be mounted at {}: {error:#}",
            mount.host.display(),
            mount.guest
        )
    })
}

fn set_cwd(
    builder: &mut WasiCtxBuilder,
    cwd: &str,
    mounts: &[Mount],
    env: &[(String, String)],
) -> Result<(), String> {
    let failed = |why: String| format!("working directory {cwd} {why}");
    let (mount, below) =
        find(mounts, cwd).ok_or_else(|| failed("is in none of the mounts".into()))?;
    builder.initial_cwd(cwd);
    if !env.iter().any(|(name, _)| name == "PWD") {
        builder.env("PWD", cwd);
    }
    if mounts.iter().any(|mount| mount.guest == "/") {
        return Ok(());
    }
    // The mount belongs to guests, who may have put symbolic links in the way: none must lead out of it.
    let root = Dir::open_ambient_dir(&mount.host, ambient_authority())
        .map_err(|error| failed(error.to_string()))?;
    let below = if below.is_empty() { "." } else { below };
    if !mount.read_only {
        let _ = root.create_dir_all(below);
    }
    let dir = root
        .open_dir(below)
        .map_err(|error| failed(error.to_string()))?;
    // Preopens are given by path; this one leads to the directory opened above, whatever happens to its name.
    let path = format!("/proc/self/fd/{}", dir.as_raw_fd());
    let result = builder
        .preopened_dir(Path::new(&path), ".", perms(mount))
        .map(|_| ());
    result.map_err(|error| failed(format!("{error:#}")))
}

/// The mount that holds `path` (the deepest one), and the rest of the path below it.
fn find<'m, 'p>(mounts: &'m [Mount], path: &'p str) -> Option<(&'m Mount, &'p str)> {
    let below = |mount: &Mount| -> Option<&'p str> {
        let rest = path.strip_prefix(mount.guest.trim_end_matches('/'))?;
        (rest.is_empty() || rest.starts_with('/')).then(|| rest.trim_start_matches('/'))
    };
    let holding = mounts
        .iter()
        .filter_map(|mount| Some((mount, below(mount)?)));
    holding.min_by_key(|(_, rest)| rest.len())
}

fn perms(mount: &Mount) -> FsPerms {
    if mount.read_only {
        FsPerms::ReadOnly
    } else {
        FsPerms::ReadWrite
    }
}
