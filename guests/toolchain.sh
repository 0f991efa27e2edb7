# shellcheck shell=sh
# Finds a compiler for the WASI targets, for `guests/build` to source. Afterwards `compile_guest FOLDER TARGET ARGS…`
# compiles a guest. Two roads, the first that is open:
#
# 1. rustup's own targets (`rustup target add wasm32-wasip1 wasm32-wasip2`): an ordinary machine.
# 2. A Debian machine whose rustup fetches no further target: Debian's second Rust with its exact library sources
#    (packages in $debian_packages) builds std itself, against the wasi-libc of a later Debian than the machine's own
#    (bookworm's knows no wasip2), linked by the wasm linkers every rustup toolchain carries.
#
# The later Debian is asked through apt with private directories: the machine's own sources, pins and package lists
# stay as they are, so nothing else can ever come from there, and unpacking the one package needs no root.

debian_packages="rustc-web cargo-web rust-web-src"
libc_suite=forky

say() { printf 'guests: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# Is the standard library for target $1 installed with the rustc on PATH?
have_std() {
    [ -d "$(rustc --print target-libdir --target "$1" 2>/dev/null)" ]
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

# The value of field $1 in the first stanza of the machine's own Debian sources.
apt_source_field() {
    sed -n "s/^$1:[[:space:]]*//p" /etc/apt/sources.list.d/debian.sources | head -n 1
}

install_debian_rust() {
    missing=
    for package in $debian_packages; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    say "installing$missing"
    # shellcheck disable=SC2086 # a list of package names
    { as_root apt-get update -q && as_root apt-get install -q -y --no-install-recommends $missing; } >&2 ||
        die "cannot install$missing: install them by hand, or: rustup target add wasm32-wasip1 wasm32-wasip2"
}

# apt-get over private directories that know $libc_suite and nothing else.
private_apt() {
    apt-get -q -o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$apt/sources" \
        -o "Dir::State::lists=$apt/lists" -o "Dir::Cache=$apt/cache" -o APT::Sandbox::User= "$@" >&2
}

unpack_wasi_libc() {
    [ ! -f "$wasi_libc/.complete" ] || return 0
    uris=$(apt_source_field URIs) && signed_by=$(apt_source_field Signed-By)
    [ -n "$uris" ] || die "no URIs: line in /etc/apt/sources.list.d/debian.sources to fetch wasi-libc by"
    say "fetching wasi-libc of Debian $libc_suite"
    apt=$wasi_libc.apt
    rm -rf "$wasi_libc" "$apt"
    mkdir -p "$wasi_libc" "$apt/sources" "$apt/lists/partial" "$apt/cache/archives/partial"
    printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nTargets: Packages\n%s\n' "$uris" "$libc_suite" \
        "${signed_by:+Signed-By: $signed_by}" >"$apt/sources/guests.sources"
    private_apt update || die "cannot read the package list of Debian $libc_suite"
    (cd "$apt" && private_apt download wasi-libc) || die "cannot fetch wasi-libc"
    dpkg-deb -x "$apt"/wasi-libc_*.deb "$wasi_libc"
    dpkg-deb -f "$apt"/wasi-libc_*.deb Version >"$wasi_libc/.complete"
    rm -rf "$apt"
}

# Sets $toolchain to `rustup` or `debian`, and $toolchain_text to what the manifest says about it.
# $1: a folder to keep what has to be unpacked.
find_toolchain() {
    if have_std wasm32-wasip1 && have_std wasm32-wasip2; then
        toolchain=rustup toolchain_text=$(rustc --version)
        return
    fi
    command -v apt-get >/dev/null && command -v rustc >/dev/null ||
        die "no WASI targets here: rustup target add wasm32-wasip1 wasm32-wasip2"
    toolchain=debian wasi_libc=$1/wasi-libc
    linkers=$(rustc --print sysroot)/lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin
    [ -x "$linkers/wasm-component-ld" ] || die "no wasm linkers in $linkers: this route needs a rustup toolchain"
    install_debian_rust
    unpack_wasi_libc
    toolchain_text="$(/usr/bin/rustc --version), wasi-libc $(cat "$wasi_libc/.complete")"
}

# Compiles the guest in folder $1 for target $2, with the remaining arguments for cargo; $guest_rustflags apply on either road.
compile_guest() {
    target=$2
    # A library begins otherwise than a program: on the second road that has to be said, and to the linker of this one crate
    # alone, since flags for all would build std once more for each.
    if grep -q cdylib "$1/Cargo.toml"; then start=crt1-reactor; else start=crt1-command; fi
    set -- "$@" --manifest-path "$1/Cargo.toml" --target "$target"
    shift 2
    case $toolchain in
    rustup) RUSTFLAGS="$guest_rustflags" cargo build "$@" ;;
    debian)
        lib=$wasi_libc/usr/lib/$target
        case $target in *-wasip1) linker=rust-lld ;; *) linker=wasm-component-ld ;; esac
        PATH="/usr/bin:$linkers:$linkers/gcc-ld:$PATH" RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc \
            RUSTFLAGS="$guest_rustflags -C link-self-contained=no -C linker=$linker -L native=$lib" \
            /usr/bin/cargo rustc "$@" -Z build-std=std,panic_abort -- -C "link-arg=$lib/$start.o"
        ;;
    esac
}
