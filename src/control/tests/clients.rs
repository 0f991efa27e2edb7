//! Who may speak, and clients that misbehave.

use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;

use tokio::net::UnixStream;

use super::*;

fn cat() -> Exec {
    Exec {
        command: vec!["cat".into()],
        stdin: true,
        ..Exec::default()
    }
}

#[tokio::test]
async fn a_socket_is_its_owners_alone() {
    let pod = pod();
    let file = std::fs::metadata(&pod.path).unwrap();
    assert!(file.file_type().is_socket());
    assert_eq!(file.permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn a_socket_takes_the_place_of_a_dead_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pod.sock");
    drop(bind(&path).unwrap());
    assert!(matches!(
        soon(Client::connect(&path)).await.err(),
        Some(CallError::Unreachable { .. })
    ));
    bind(&path).unwrap();
}

#[tokio::test]
async fn a_path_may_be_longer_than_the_kernels_addresses() {
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("d".repeat(120));
    std::fs::create_dir(&deep).unwrap();
    let path = deep.join("pod.sock");
    let listener = bind(&path).unwrap();
    let connecting = super::super::socket::connect(&path);
    let (accepted, connected) = tokio::join!(soon(listener.accept()), soon(connecting));
    accepted.unwrap();
    connected.unwrap();
}

#[tokio::test]
async fn a_missing_directory_is_named() {
    let error = bind(Path::new("/nowhere/pod.sock"))
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("/nowhere/pod.sock: "), "{error}");
}

/// Connects as another user, which only root can try.
fn connect_as_nobody(path: PathBuf) -> std::os::unix::net::UnixStream {
    std::thread::spawn(move || {
        // SAFETY: the system call itself (unlike libc's wrapper) changes the user of this thread alone, which ends here.
        let done = unsafe { nix::libc::syscall(nix::libc::SYS_setresuid, 65534, 65534, 65534) };
        assert_eq!(done, 0);
        std::os::unix::net::UnixStream::connect(path).unwrap()
    })
    .join()
    .unwrap()
}

#[tokio::test]
async fn another_user_is_not_heard() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let mut pod = pod();
    // The file's mode would do; this is about the wall behind it.
    let open = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(pod.path.parent().unwrap(), open.clone()).unwrap();
    std::fs::set_permissions(&pod.path, open).unwrap();
    let mut stream = connect_as_nobody(pod.path.clone());
    let closed = tokio::task::spawn_blocking(move || {
        stream.set_read_timeout(Some(LONG)).unwrap();
        // Nothing, or an error when more was said to it than it heard.
        std::io::Read::read(&mut stream, &mut [0; 1]).unwrap_or(0)
    });
    assert_eq!(soon(closed).await.unwrap(), 0);
    soon(pod.client().await.stop(None)).await.unwrap();
    assert_eq!(pod.asked().await, Asked::Stop(None));
}

/// The client's whole world ends, as when its process is killed.
#[tokio::test]
async fn a_client_that_dies_takes_its_session_with_it() {
    let mut pod = pod();
    let path = pod.path.clone();
    let (begun, begins) = oneshot::channel();
    let (die, dies) = oneshot::channel::<()>();
    let client = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let session = runtime.block_on(async {
            let client = Client::connect(&path).await.unwrap();
            let session = client.exec(cat()).await.unwrap();
            begun.send(()).unwrap();
            let _ = dies.await;
            session
        });
        drop(runtime);
        drop(session);
    });
    soon(begins).await.unwrap();
    assert!(matches!(pod.asked().await, Asked::Exec(_)));
    let guest = pod.guest().await;
    drop(die);
    assert_eq!(pod.asked().await, Asked::Gone);
    assert_eq!(all(guest.stdin.unwrap()).await, "");
    client.join().unwrap();
    soon(pod.client().await.info()).await.unwrap();
}

#[tokio::test]
async fn a_client_that_does_not_read_stops_its_own_guest_alone() {
    let mut pod = pod();
    let client = pod.client().await;
    let session = soon(client.exec(cat())).await.unwrap();
    assert!(matches!(pod.asked().await, Asked::Exec(_)));
    let mut guest = pod.guest().await;
    let (progress, mut heard) = watch::channel(0_usize);
    let flood = tokio::spawn(async move {
        while guest.stdout.write_all(&[b'x'; 1024]).await.is_ok() {
            progress.send_modify(|written| *written += 1024);
        }
    });
    // It comes to a stop: what is written stays within all that may be under way.
    soon(heard.wait_for(|written| *written >= 2 * WINDOW as usize))
        .await
        .unwrap();
    for _ in 0..100 {
        soon(client.info()).await.unwrap();
    }
    let stopped = *heard.borrow_and_update();
    assert!(stopped < 8 * WINDOW as usize, "{stopped}");
    let other = pod.client().await;
    for _ in 0..100 {
        soon(other.info()).await.unwrap();
    }
    assert!(!heard.has_changed().unwrap());
    drop(session.guard);
    assert_eq!(pod.asked().await, Asked::Gone);
    soon(flood).await.unwrap();
}

#[tokio::test]
async fn a_client_that_says_nothing_or_nonsense_holds_up_nobody() {
    let mut pod = pod();
    let _silent = UnixStream::connect(&pod.path).await.unwrap();
    let mut babbling = UnixStream::connect(&pod.path).await.unwrap();
    say(&mut babbling, &"GET / HTTP/1.1\r\n\r\n".repeat(10)).await;
    // It is hung up on.
    let mut bytes = Vec::new();
    let _ = soon(babbling.read_to_end(&mut bytes)).await;
    soon(pod.client().await.info()).await.unwrap();
    pod.end();
    soon(pod.serving).await.unwrap();
}

#[tokio::test]
async fn a_client_too_many_is_sent_away() {
    let pod = pod();
    let mut clients = Vec::new();
    for _ in 0..256 {
        let client = pod.client().await;
        soon(client.info()).await.unwrap();
        clients.push(client);
    }
    let error = soon(pod.client().await.info()).await.unwrap_err();
    assert!(matches!(error, CallError::Lost(_)), "{error}");
    // There is room again as soon as one has gone.
    clients.pop();
    let again = async {
        while pod.client().await.info().await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    soon(again).await;
}

/// What a connection of HTTP/2 begins with: the preface and an empty SETTINGS frame (RFC 9113, section 3.4).
const HELLO: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

#[tokio::test]
async fn whatever_comes_after_a_polite_beginning_hurts_nobody() {
    let pod = pod();
    let mut chance = 0x2545_f491_4f6c_dd1d_u64;
    let mut byte = || {
        // Marsaglia's xorshift: any sequence will do, as long as it is the same every time.
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        chance.to_le_bytes()[3]
    };
    for round in 0..200_usize {
        let mut stream = UnixStream::connect(&pod.path).await.unwrap();
        let mut bytes = HELLO.to_vec();
        // Half of them are frames by their looks: a short length, a known type, a low stream.
        if round.is_multiple_of(2) {
            for _ in 0..8 {
                let length = byte() % 32;
                bytes.extend([0, 0, length, byte() % 10, byte(), 0, 0, 0, byte() % 8]);
                bytes.extend((0..length).map(|_| byte()));
            }
        } else {
            bytes.extend((0..512).map(|_| byte()));
        }
        // It may have been hung up on before the end.
        let _ = stream.write_all(&bytes[..bytes.len() - round % 7]).await;
        if round.is_multiple_of(3) {
            let _ = stream.shutdown().await;
            let _ = soon(stream.read_to_end(&mut Vec::new())).await;
        }
    }
    soon(pod.client().await.info()).await.unwrap();
}

#[tokio::test]
async fn nothing_is_left_of_clients_that_have_gone() {
    let mut pod = pod();
    soon(pod.client().await.info()).await.unwrap();
    let tasks = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    // The server alone.
    let settled = async || {
        while tasks() > 1 {
            tokio::task::yield_now().await
        }
    };
    soon(settled()).await;
    for round in 0..50 {
        let client = pod.client().await;
        let session = soon(client.exec(cat())).await.unwrap();
        let guest = pod.guest().await;
        let forwarded = soon(client.port_forward(80)).await.unwrap();
        let port = pod.port().await;
        let status = soon(client.status(true)).await.unwrap();
        // In every order that matters: the pod's side first, the client's first, the connection first.
        match round % 3 {
            0 => drop((guest, port)),
            1 => drop((session, forwarded, status)),
            _ => drop(client),
        }
    }
    soon(settled()).await;
}
