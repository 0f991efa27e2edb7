//! Assembled roots, by the real kernel. Everything that mounts does so in namespaces of its own.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::mount::{MsFlags, mount};

use super::super::needs::{in_own_namespace, is_root, require, require_mounts};
use super::super::open_sub_path;
use super::*;

/// A directory with `root`, an empty container's root, and `host`, with a file and a directory to bind.
fn scratch() -> tempfile::TempDir {
    let scratch = tempfile::tempdir().unwrap();
    for dir in ["root", "host/dir/sub"] {
        fs::create_dir_all(scratch.path().join(dir)).unwrap();
    }
    for file in ["host/file", "host/dir/inner"] {
        fs::write(scratch.path().join(file), file).unwrap();
    }
    scratch
}

fn assemble(scratch: &Path, binds: &[(&str, &str, ReadOnly)]) -> Result<Assembled> {
    let mut assembly = Assembly::new(&scratch.join("root"))?;
    for (source, target, read_only) in binds {
        assembly.bind(Bind::path(&scratch.join(source), target, *read_only)?);
    }
    assembly.build()
}

fn mount_table() -> String {
    fs::read_to_string("/proc/thread-self/mountinfo").unwrap()
}

#[track_caller]
fn refused(result: io::Result<()>) {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ReadOnlyFilesystem, "{error}");
}

#[test]
fn files_and_directories_are_seen_at_their_places() {
    if !require_mounts() {
        return;
    }
    let scratch = scratch();
    let binds = [
        ("host/dir/inner", "/data/sub/deep/file", ReadOnly::No),
        ("host/dir", "/data", ReadOnly::No),
        ("host/file", "/etc/app.conf", ReadOnly::Yes),
    ];
    let assembled = assemble(scratch.path(), &binds).unwrap();
    let root = assembled.path();
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap();
    assert_eq!(read("etc/app.conf"), "host/file");
    assert_eq!(read("data/inner"), "host/dir/inner");
    assert_eq!(read("data/sub/deep/file"), "host/dir/inner");
    fs::write(root.join("data/sub/deep/file"), "written").unwrap();
    assert_eq!(
        fs::read_to_string(scratch.path().join("host/dir/inner")).unwrap(),
        "written"
    );
    refused(fs::write(root.join("etc/app.conf"), "x"));
    // What is not a bind is the root itself.
    fs::write(root.join("new"), "x").unwrap();
    assert!(scratch.path().join("root/new").exists());
}

/// As wasmtime does it: by a path, with everything below resolved from the descriptor.
#[test]
fn a_guests_view_crosses_into_the_mounts() {
    if !require_mounts() {
        return;
    }
    let scratch = scratch();
    let binds = [("host/file", "/etc/app.conf", ReadOnly::Yes)];
    let assembled = assemble(scratch.path(), &binds).unwrap();
    let dir = cap_std::fs::Dir::open_ambient_dir(assembled.path(), cap_std::ambient_authority());
    assert_eq!(
        dir.unwrap().read_to_string("etc/app.conf").unwrap(),
        "host/file"
    );
    let opened = assembled.open("/etc/app.conf").unwrap();
    assert!(!opened.is_dir());
    assert_eq!(fs::read_to_string(opened.path()).unwrap(), "host/file");
    assert!(assembled.open("/etc").unwrap().is_dir());
    assert!(assembled.open("/").unwrap().is_dir());
    assert!(assembled.open("/nowhere").is_err());
}

#[test]
fn the_machines_mount_table_stays_as_it_was() {
    if !require_mounts() {
        return;
    }
    in_own_namespace(|| {
        let scratch = scratch();
        // What is mounted below a shared mount appears at all its peers. A machine under systemd has only such.
        let shared = scratch.path().join("shared");
        let peer = scratch.path().join("peer");
        for dir in [&shared, &peer] {
            fs::create_dir(dir).unwrap();
        }
        let none = None::<&str>;
        mount(Some("none"), &shared, Some("tmpfs"), MsFlags::empty(), none).unwrap();
        mount(none, &shared, none, MsFlags::MS_SHARED, none).unwrap();
        mount(Some(&shared), &peer, none, MsFlags::MS_BIND, none).unwrap();
        fs::create_dir(shared.join("root")).unwrap();
        let before = mount_table();
        let mut assembly = Assembly::new(&shared.join("root")).unwrap();
        let file = scratch.path().join("host/file");
        assembly.bind(Bind::path(&file, "/deep/file", ReadOnly::Yes).unwrap());
        assembly.bind(Bind::path(&shared, "/shared", ReadOnly::Recursive).unwrap());
        let assembled = assembly.build().unwrap();
        assert_eq!(
            fs::read_to_string(assembled.path().join("deep/file")).unwrap(),
            "host/file"
        );
        assert_eq!(mount_table(), before);
        // What the machine mounts later stays out, and the machine can unmount what it has lent.
        assert_eq!(fs::read(peer.join("root/deep/file")).unwrap(), b"");
        drop(assembled);
        assert_eq!(mount_table(), before);
        nix::mount::umount(&peer).unwrap();
        nix::mount::umount(&shared).unwrap();
    });
}

/// A copy of the machine's mounts would keep every stick and every image of the machine busy.
#[test]
fn nothing_of_the_machine_stays_busy() {
    if !require_mounts() {
        return;
    }
    let scratch = scratch();
    let assembled = assemble(scratch.path(), &[("host/dir", "/data", ReadOnly::Yes)]).unwrap();
    // There is no /proc in it, so its table is read from outside while somebody is in it.
    let (here, there) = std::sync::mpsc::channel();
    let (go, wait) = std::sync::mpsc::channel();
    let table = std::thread::scope(|scope| {
        let namespace = &assembled._namespace;
        scope.spawn(move || {
            let visit = namespace.enter(move || {
                here.send(nix::unistd::gettid()).unwrap();
                wait.recv().unwrap();
            });
            visit.unwrap();
        });
        let thread = there.recv().unwrap();
        let table = fs::read_to_string(format!("/proc/self/task/{thread}/mountinfo")).unwrap();
        go.send(()).unwrap();
        table
    });
    let places: Vec<_> = table
        .lines()
        .map(|line| line.split(' ').nth(4).unwrap())
        .collect();
    assert_eq!(places, ["/", "/data"]);
}

#[test]
fn read_only_is_the_top_or_everything() {
    if !require_mounts() {
        return;
    }
    in_own_namespace(|| {
        let scratch = scratch();
        let below = scratch.path().join("host/dir/sub");
        mount(
            Some("none"),
            &below,
            Some("tmpfs"),
            MsFlags::empty(),
            None::<&str>,
        )
        .unwrap();
        let binds = [
            ("host/dir", "/top", ReadOnly::Yes),
            ("host/dir", "/all", ReadOnly::Recursive),
            ("host/dir", "/none", ReadOnly::No),
        ];
        let root = assemble(scratch.path(), &binds).unwrap();
        let path = root.path();
        refused(fs::write(path.join("top/x"), "x"));
        fs::write(path.join("top/sub/x"), "x").unwrap();
        refused(fs::write(path.join("all/x"), "x"));
        refused(fs::write(path.join("all/sub/x"), "x"));
        fs::write(path.join("none/x"), "x").unwrap();
        fs::write(path.join("none/sub/x"), "x").unwrap();
        // The sources themselves stay as they were.
        fs::write(scratch.path().join("host/dir/y"), "y").unwrap();
        fs::write(below.join("y"), "y").unwrap();
    });
}

#[test]
fn sockets_and_devices_can_be_bound() {
    if !require_mounts() {
        return;
    }
    let scratch = scratch();
    let _listener = UnixListener::bind(scratch.path().join("host/socket")).unwrap();
    let mut assembly = Assembly::new(&scratch.path().join("root")).unwrap();
    let socket = scratch.path().join("host/socket");
    assembly.bind(Bind::path(&socket, "/run/socket", ReadOnly::No).unwrap());
    assembly.bind(Bind::path("/dev/null".as_ref(), "/dev/null", ReadOnly::No).unwrap());
    assembly.bind(Bind::path("/dev".as_ref(), "/nodev", ReadOnly::No).unwrap());
    assembly.bind(
        Bind::path("/dev".as_ref(), "/dev2", ReadOnly::No)
            .unwrap()
            .with_devices(),
    );
    let assembled = assembly.build().unwrap();
    let root = assembled.path();
    std::os::unix::net::UnixStream::connect(root.join("run/socket")).unwrap();
    fs::write(root.join("dev/null"), "x").unwrap();
    fs::write(root.join("dev2/null"), "x").unwrap();
    let error = fs::write(root.join("nodev/null"), "x").unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
}

#[test]
fn what_does_not_fit_is_refused() {
    if !require_mounts() {
        return;
    }
    let scratch = scratch();
    fs::write(scratch.path().join("root/file"), "").unwrap();
    symlink("nowhere", scratch.path().join("root/dangling")).unwrap();
    for (source, target, text) in [
        (
            "host/dir",
            "/file",
            "a directory cannot be mounted on a file",
        ),
        ("host/file", "/", "a file cannot be mounted on a directory"),
        ("host/file", "/file/x", "Not a directory"),
        ("host/file", "/dangling", "No such file"),
        ("host/file", "relative", "not an absolute path"),
        ("host/file", "/a/../../b", "'..'"),
        ("host/none", "/x", "No such file"),
    ] {
        let error = assemble(scratch.path(), &[(source, target, ReadOnly::No)]).unwrap_err();
        assert!(format!("{error:#}").contains(text), "{target}: {error:#}");
    }
    // In what is read-only no place can be made.
    let binds = [
        ("host/dir", "/ro", ReadOnly::Yes),
        ("host/file", "/ro/new", ReadOnly::No),
    ];
    let error = assemble(scratch.path(), &binds).unwrap_err();
    assert!(
        format!("{error:#}").contains("could not make /ro/new"),
        "{error:#}"
    );
}

#[test]
fn symlinks_in_the_root_lead_nowhere_else() {
    if !require_mounts() {
        return;
    }
    let scratch = scratch();
    let outside = scratch.path().join("outside");
    fs::create_dir(&outside).unwrap();
    symlink(&outside, scratch.path().join("root/absolute")).unwrap();
    symlink("../outside", scratch.path().join("root/relative")).unwrap();
    fs::create_dir(scratch.path().join("root/run")).unwrap();
    fs::create_dir(scratch.path().join("root/var")).unwrap();
    symlink("/run", scratch.path().join("root/var/run")).unwrap();
    for target in ["/absolute/x", "/relative/x"] {
        // In the root they lead to nothing.
        assert!(assemble(scratch.path(), &[("host/file", target, ReadOnly::No)]).is_err());
    }
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    let assembled = assemble(scratch.path(), &[("host/file", "/var/run/x", ReadOnly::No)]);
    let root = assembled.unwrap();
    assert_eq!(
        fs::read_to_string(root.path().join("run/x")).unwrap(),
        "host/file"
    );
    assert!(root.open("/absolute").is_err());
}

/// A neighbour swaps a directory of a shared volume for a symlink to the outside while places are made in it.
#[test]
fn a_guest_that_swaps_directories_gets_nothing_made_outside() {
    if !require_mounts() {
        return;
    }
    let scratch = scratch();
    let outside = scratch.path().join("outside");
    let volume = scratch.path().join("host/dir");
    fs::create_dir(&outside).unwrap();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (place, aside) = (volume.join("place"), volume.join("aside"));
            // The other side makes and mounts meanwhile, so each of these may fail.
            while !over.load(Ordering::Relaxed) {
                let _ = symlink(&outside, &place);
                let _ = fs::remove_file(&place);
                let _ = fs::create_dir(&place);
                let _ = fs::rename(&place, &aside);
                let _ = fs::remove_dir_all(&aside);
            }
        });
        // Until the neighbour has been in time often enough, and too late often enough.
        let (mut built, mut refused) = (0, 0);
        while built < 20 || refused < 20 {
            let binds = [
                ("host/dir", "/data", ReadOnly::No),
                ("host/file", "/data/place/file", ReadOnly::No),
            ];
            match assemble(scratch.path(), &binds) {
                Ok(_) => built += 1,
                Err(_) => refused += 1,
            }
            assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
            std::thread::yield_now();
        }
        over.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_tmpfs_and_parts_of_it_can_be_bound() {
    if !require_mounts() {
        return;
    }
    let scratch = scratch();
    for memory in [Tmpfs::new(None).unwrap(), Tmpfs::new_at_home(None).unwrap()] {
        fs::write(memory.path().join("key"), "secret").unwrap();
        let part = open_sub_path(&memory.path(), "key").unwrap();
        let mut assembly = Assembly::new(&scratch.path().join("root")).unwrap();
        assembly.bind(Bind::path(&memory.path(), "/all", ReadOnly::Yes).unwrap());
        assembly.bind(Bind::sub_path(&part, "/etc/key", ReadOnly::Yes).unwrap());
        let assembled = assembly.build().unwrap();
        drop((memory, part));
        for path in ["all/key", "etc/key"] {
            assert_eq!(
                fs::read_to_string(assembled.path().join(path)).unwrap(),
                "secret"
            );
        }
    }
}

#[test]
fn a_dropped_assembly_leaves_only_its_places() {
    if !require_mounts() {
        return;
    }
    let scratch = scratch();
    let assembled = assemble(scratch.path(), &[("host/file", "/etc/x", ReadOnly::No)]).unwrap();
    let held = File::open(assembled.path()).unwrap();
    drop(assembled);
    let left = fs::read(scratch.path().join("root/etc/x")).unwrap();
    assert_eq!(left, b"");
    drop(held);
    fs::remove_dir_all(scratch.path().join("root")).unwrap();
}

#[test]
fn without_the_right_to_mount_it_says_so() {
    if !require("root", is_root()) {
        return;
    }
    super::super::needs::as_nobody(|| {
        // Whoever made the directory has let everybody in.
        let root = tempfile::tempdir().unwrap();
        let error = Assembly::new(root.path()).unwrap().build().unwrap_err();
        assert!(
            format!("{error:#}").contains("Operation not permitted"),
            "{error:#}"
        );
        let error = Tmpfs::new(None).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EPERM));
    });
}
