//! Sessions: streams in both directions, and how they end.

use super::*;

fn cat() -> Exec {
    Exec {
        command: vec!["cat".into()],
        stdin: true,
        ..Exec::default()
    }
}

#[tokio::test]
async fn what_is_said_arrives_and_the_code_is_carried_over() {
    let mut pod = pod();
    let client = pod.client().await;
    let mut session = soon(client.exec(cat())).await.unwrap();
    assert_eq!(pod.asked().await, Asked::Exec(cat()));
    let mut guest = pod.guest().await;

    let mut stdin = session.stdin.take().unwrap();
    say(&mut stdin, "typed").await;
    drop(stdin);
    assert_eq!(all(guest.stdin.take().unwrap()).await, "typed");

    say(&mut guest.stdout, "out").await;
    say(guest.stderr.as_mut().unwrap(), "err").await;
    let ended = Ended {
        code: 3,
        message: "because".into(),
    };
    // It may be said before the streams have ended.
    guest.ended.send(ended.clone()).unwrap();
    drop((guest.stdout, guest.stderr));
    assert_eq!(all(session.stdout).await, "out");
    assert_eq!(all(session.stderr.unwrap()).await, "err");
    assert_eq!(soon(session.ended).await.unwrap(), ended);
    assert_eq!(pod.asked().await, Asked::Gone);
}

#[tokio::test]
async fn a_terminal_has_one_stream_and_changes_its_size() {
    let mut pod = pod();
    let client = pod.client().await;
    let wish = Exec {
        tty: true,
        size: Some(TerminalSize {
            rows: 24,
            columns: 80,
        }),
        ..cat()
    };
    let session = soon(client.exec(wish.clone())).await.unwrap();
    assert_eq!(pod.asked().await, Asked::Exec(wish));
    assert!(session.stderr.is_none());
    let guest = pod.guest().await;
    let larger = TerminalSize {
        rows: 50,
        columns: 132,
    };
    session.resize.unwrap().send_replace(larger);
    let mut sizes = guest.sizes.unwrap();
    soon(sizes.wait_for(|size| *size == larger)).await.unwrap();
}

#[tokio::test]
async fn an_attached_session_is_let_go() {
    let mut pod = pod();
    let client = pod.client().await;
    let wish = Attach {
        container: Some("web".into()),
        stdin: false,
    };
    let session = soon(client.attach(wish.clone())).await.unwrap();
    assert_eq!(pod.asked().await, Asked::Attach(wish));
    assert!(session.stdin.is_none());
    let guest = pod.guest().await;
    assert!(guest.stdin.is_none());
    drop(session.guard);
    assert_eq!(pod.asked().await, Asked::Gone);
}

#[tokio::test]
async fn a_refusal_is_told_as_it_was_meant() {
    let mut pod = pod();
    let client = pod.client().await;
    let why = || "why".to_owned();
    for (container, expected) in [
        ("unknown", Refusal::NotFound(why())),
        ("waiting", Refusal::NotReady(why())),
        ("nonsense", Refusal::Invalid(why())),
        ("broken", Refusal::Failed(why())),
    ] {
        let wish = Exec {
            container: Some(container.into()),
            ..cat()
        };
        let refused = soon(client.exec(wish)).await.err();
        assert!(matches!(refused, Some(CallError::Refused(why)) if why == expected));
        assert!(matches!(pod.asked().await, Asked::Exec(_)));
    }
}

#[tokio::test]
async fn a_session_whose_guard_is_dropped_is_gone() {
    let mut pod = pod();
    let client = pod.client().await;
    let session = soon(client.exec(cat())).await.unwrap();
    assert!(matches!(pod.asked().await, Asked::Exec(_)));
    let _guest = pod.guest().await;
    drop(session.guard);
    // The connection and the other ends are still held.
    assert_eq!(pod.asked().await, Asked::Gone);
    soon(client.info()).await.unwrap();
    drop((session.stdin, session.stdout));
}

#[tokio::test]
async fn a_guest_that_reads_nothing_holds_up_who_writes_and_nobody_else() {
    let mut pod = pod();
    let client = pod.client().await;
    let mut session = soon(client.exec(cat())).await.unwrap();
    let mut guest = pod.guest().await;
    let mut stdin = session.stdin.take().unwrap();
    let writer = tokio::spawn(async move {
        // Far more than all buffers between the two hold together.
        for _ in 0..64 {
            stdin.write_all(&[b'x'; 64 << 10]).await.unwrap();
        }
    });
    say(&mut guest.stdout, "out").await;
    assert_eq!(hear(&mut session.stdout, 3).await, "out");
    soon(client.info()).await.unwrap();
    assert!(!writer.is_finished());
    let text = all(guest.stdin.take().unwrap()).await;
    assert_eq!(text.len(), 4 << 20);
    soon(writer).await.unwrap();
}

#[tokio::test]
async fn a_guest_that_closed_its_input_swallows_the_rest() {
    let mut pod = pod();
    let client = pod.client().await;
    let mut session = soon(client.exec(cat())).await.unwrap();
    let mut guest = pod.guest().await;
    drop(guest.stdin.take());
    let mut stdin = session.stdin.take().unwrap();
    for _ in 0..16 {
        soon(stdin.write_all(&[b'x'; 64 << 10])).await.unwrap();
    }
    say(&mut guest.stdout, "still here").await;
    assert_eq!(hear(&mut session.stdout, 10).await, "still here");
}
