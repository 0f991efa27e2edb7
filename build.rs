//! Compiles what pod processes say to each other, and finds the toolbox that is built into the binary: the committed one,
//! or (`WASMPOD_GUESTS`) a freshly built one.

use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    compile_protocol();
    find_toolbox();
}

/// `src/control/control.proto` to Rust, without a `protoc` on the machine. Byte fields become `Bytes`: what a container
/// writes is carried on without being copied into a `Vec` first.
fn compile_protocol() {
    let folder =
        Path::new(&env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("src/control");
    let file = folder.join("control.proto");
    println!("cargo::rerun-if-changed={}", file.display());
    let described = protox::compile([&file], [&folder])
        .unwrap_or_else(|error| panic!("{}: {error:?}", file.display()));
    tonic_prost_build::configure()
        .build_transport(false)
        .emit_rerun_if_changed(false)
        .bytes(".wasmpod.control.v1")
        .compile_fds(described)
        .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
}

fn find_toolbox() {
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
