use super::*;

fn piece(target: &str, directory: bool) -> Piece {
    Piece {
        target: target.into(),
        source: "/nowhere".into(),
        part: None,
        directory,
        read_only: false,
        recursive: false,
        generated: false,
        machine: false,
    }
}

#[test]
fn only_files_and_mounts_within_mounts_need_a_root_of_their_own() {
    let table: [(&[(&str, bool)], bool); 7] = [
        (&[], false),
        (&[("/data", true), ("/cache", true)], false),
        (&[("/data", true), ("/data2", true)], false),
        // A volume in the place of the root is there to be mounted in.
        (&[("/", true), ("/data", true)], false),
        (&[("/data", true), ("/data/cache", true)], true),
        (&[("/etc/app.conf", false)], true),
        (&[("/", true), ("/a/b", true), ("/a/b/c/d", true)], true),
    ];
    for (mounts, expected) in table {
        let pieces: Vec<Piece> = mounts.iter().map(|(at, dir)| piece(at, *dir)).collect();
        assert_eq!(must_be_assembled(&pieces), expected, "{mounts:?}");
    }
}

#[test]
fn what_is_missing_on_the_machine_is_made_and_a_file_is_none() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("file");
    std::fs::write(&file, "").unwrap();
    assert!(!look(&file).unwrap());
    assert!(look(&scratch.path().join("new/folder")).unwrap());
    assert!(scratch.path().join("new/folder").is_dir());
    assert!(look(&file.join("below")).is_err());
}

#[test]
fn without_mounts_generated_files_are_copied_and_nothing_else_is() {
    let scratch = tempfile::tempdir().unwrap();
    let root = scratch.path().join("root");
    std::fs::create_dir_all(root.join("etc")).unwrap();
    let source = scratch.path().join("key");
    std::fs::write(&source, "value").unwrap();
    let made = Piece {
        source: source.clone(),
        generated: true,
        ..piece("/etc/app.conf", false)
    };
    make_do(&root, &[made]).unwrap();
    assert_eq!(
        std::fs::read_to_string(root.join("etc/app.conf")).unwrap(),
        "value"
    );
    let foreign = Piece {
        source,
        ..piece("/etc/other", false)
    };
    let error = make_do(&root, &[foreign]).unwrap_err().to_string();
    assert!(
        error.starts_with("mount at /etc/other: ") && error.contains("CAP_SYS_ADMIN"),
        "{error}"
    );
    // What a guest has put in the way, in a volume that takes the root's place, leads nowhere.
    let outside = scratch.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("mine"), "mine").unwrap();
    std::os::unix::fs::symlink("../outside", root.join("out")).unwrap();
    std::os::unix::fs::symlink("../outside/mine", root.join("etc/link")).unwrap();
    let made = |target: &str| Piece {
        source: scratch.path().join("key"),
        generated: true,
        ..piece(target, false)
    };
    assert!(make_do(&root, &[made("/out/new")]).is_err());
    make_do(&root, &[made("/etc/link"), made("/new/folder/file")]).unwrap();
    let read = |path: &Path| std::fs::read_to_string(path).unwrap();
    assert_eq!(read(&root.join("etc/link")), "value");
    assert_eq!(read(&root.join("new/folder/file")), "value");
    assert_eq!(read(&outside.join("mine")), "mine");
    assert!(!outside.join("new").exists());
    // A volume within a volume has at least its name there.
    let (outer, inner) = (scratch.path().join("outer"), scratch.path().join("inner"));
    std::fs::create_dir(&outer).unwrap();
    std::fs::create_dir(&inner).unwrap();
    let nested = [("/data", &outer), ("/data/deep/cache", &inner)];
    let nested = nested.map(|(at, source)| Piece {
        source: source.clone(),
        ..piece(at, true)
    });
    make_do(&root, &nested).unwrap();
    assert!(outer.join("deep/cache").is_dir());
}
