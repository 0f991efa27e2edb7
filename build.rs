//! Finds the toolbox that is built into the binary: the committed one, or (`WASMPOD_GUESTS`) a freshly built one.

use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-env-changed=WASMPOD_GUESTS");
    let committed = || {
        Path::new(&env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"))
            .join("guests/prebuilt")
    };
    let folder = env::var_os("WASMPOD_GUESTS").map_or_else(committed, PathBuf::from);
    let (manifest, toolbox) = (folder.join("MANIFEST"), folder.join("toolbox.wasm"));
    for file in [&manifest, &toolbox] {
        println!("cargo::rerun-if-changed={}", file.display());
    }
    let text = fs::read_to_string(&manifest)
        .unwrap_or_else(|error| panic!("{}: {error}; run guests/build", manifest.display()));
    // Lines are NAME, digest of the file, digest of its sources, target.
    let digest = text
        .lines()
        .find_map(|line| line.strip_prefix("toolbox ")?.split(' ').next());
    let digest = digest
        .unwrap_or_else(|| panic!("{} names no toolbox; run guests/build", manifest.display()));
    println!("cargo::rustc-env=TOOLBOX_WASM={}", toolbox.display());
    println!("cargo::rustc-env=TOOLBOX_DIGEST={digest}");
}
