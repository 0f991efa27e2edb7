//! Calls that are answered, and streams of answers.

use super::*;

#[tokio::test]
async fn a_pod_process_says_who_it_is() {
    let pod = pod();
    let info = soon(pod.client().await.info()).await.unwrap();
    assert_eq!(info.identity.namespace, "default");
    assert_eq!(info.identity.name, "web");
    assert_eq!(info.identity.uid, "u-1");
    assert_eq!(u32::try_from(info.pid), Ok(std::process::id()));
    assert_eq!(info.version, env!("CARGO_PKG_VERSION"));
}

#[tokio::test]
async fn a_status_is_told_once_or_followed_to_the_end() {
    let pod = pod();
    let client = pod.client().await;
    let once = soon(client.status(false)).await.unwrap();
    let once: Vec<_> = soon(once.collect()).await;
    assert_eq!(once.len(), 1);
    assert_eq!(once[0].as_ref().unwrap().phase.as_deref(), Some("Pending"));

    let mut followed = soon(client.status(true)).await.unwrap();
    for phase in ["Pending", "Running", "Succeeded"] {
        pod.status.send_replace(named(phase));
        let next = soon(followed.next()).await.unwrap().unwrap();
        assert_eq!(next.phase.as_deref(), Some(phase));
    }
    drop(pod.status);
    assert!(soon(followed.next()).await.is_none());
}

#[tokio::test]
async fn events_are_told_so_far_or_followed() {
    let past = || stream::iter([event("Scheduled"), event("Started")]);
    let (tell, told) = mpsc::unbounded_channel();
    let coming = stream::unfold(told, async |mut told: mpsc::UnboundedReceiver<_>| {
        Some((told.recv().await?, told))
    });
    let pod = serving(vec![
        past().chain(stream::pending()).boxed(),
        past().chain(coming).boxed(),
    ]);
    let client = pod.client().await;
    let reasons = |events: Vec<Result<v1::Event, CallError>>| -> Vec<String> {
        let reason = |event: Result<v1::Event, CallError>| event.unwrap().reason.unwrap();
        events.into_iter().map(reason).collect()
    };
    let so_far = soon(client.events(false)).await.unwrap();
    let so_far = reasons(soon(so_far.collect()).await);
    assert_eq!(so_far, ["Scheduled", "Started"]);

    let followed = soon(client.events(true)).await.unwrap();
    tell.send(event("Killing")).unwrap();
    drop(tell);
    let followed = reasons(soon(followed.collect()).await);
    assert_eq!(followed, ["Scheduled", "Started", "Killing"]);
}

#[tokio::test]
async fn a_pod_is_stopped_with_the_grace_that_was_given() {
    let mut pod = pod();
    let client = pod.client().await;
    for grace in [None, Some(Duration::ZERO), Some(Duration::from_secs(30))] {
        soon(client.stop(grace)).await.unwrap();
        assert_eq!(pod.asked().await, Asked::Stop(grace));
    }
}

#[tokio::test]
async fn an_update_arrives_or_is_refused() {
    let mut pod = pod();
    let client = pod.client().await;
    let mut object = v1::Pod::default();
    object.metadata.name = Some("web".into());
    // More than one window holds.
    let long = "x".repeat(1 << 20);
    object.metadata.annotations = Some([("long".to_owned(), long)].into());
    soon(client.update(&object)).await.unwrap();
    assert_eq!(pod.asked().await, Asked::Update("web".into()));

    object.metadata.name = Some("nonsense".into());
    let error = soon(client.update(&object)).await.unwrap_err();
    assert!(matches!(&error, CallError::Refused(Refusal::Invalid(why)) if why == "why"));
    assert_eq!(error.to_string(), "why");
}

#[tokio::test]
async fn many_calls_go_over_one_connection_at_once() {
    let mut pod = pod();
    let client = pod.client().await;
    // More than may be under way: the rest waits its turn.
    let calls = (0..2 * STREAMS).map(|_| client.stop(None));
    soon(futures::future::try_join_all(calls)).await.unwrap();
    for _ in 0..2 * STREAMS {
        assert_eq!(pod.asked().await, Asked::Stop(None));
    }
}

#[tokio::test]
async fn who_follows_hears_the_last_status_before_the_server_is_gone() {
    let mut pod = pod();
    let client = pod.client().await;
    let mut followed = soon(client.status(true)).await.unwrap();
    soon(followed.next()).await.unwrap().unwrap();
    pod.end();
    pod.status.send_replace(named("Succeeded"));
    let last = soon(followed.next()).await.unwrap().unwrap();
    assert_eq!(last.phase.as_deref(), Some("Succeeded"));
    drop(pod.status);
    assert!(soon(followed.next()).await.is_none());
    soon(pod.serving).await.unwrap();
    let error = soon(client.info()).await.unwrap_err();
    assert!(matches!(error, CallError::Lost(_)), "{error}");
}
