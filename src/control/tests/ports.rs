//! Forwarded connections.

use super::*;

#[tokio::test]
async fn each_direction_of_a_connection_ends_on_its_own() {
    let mut pod = pod();
    let client = pod.client().await;
    let mut ours = soon(client.port_forward(8080)).await.unwrap();
    assert_eq!(pod.asked().await, Asked::Connect(8080));
    let mut theirs = pod.port().await;
    say(&mut ours, "GET").await;
    soon(ours.shutdown()).await.unwrap();
    assert_eq!(all(&mut theirs).await, "GET");
    say(&mut theirs, "200").await;
    drop(theirs);
    assert_eq!(all(ours).await, "200");
}

#[tokio::test]
async fn the_pod_may_end_its_direction_first() {
    let mut pod = pod();
    let client = pod.client().await;
    let mut ours = soon(client.port_forward(8080)).await.unwrap();
    let mut theirs = pod.port().await;
    soon(theirs.shutdown()).await.unwrap();
    assert_eq!(all(&mut ours).await, "");
    say(&mut ours, "late").await;
    assert_eq!(hear(&mut theirs, 4).await, "late");
    drop(ours);
    assert_eq!(all(theirs).await, "");
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_refused() {
    let mut pod = pod();
    let client = pod.client().await;
    let refused = soon(client.port_forward(1)).await.err();
    assert!(matches!(
        refused,
        Some(CallError::Refused(Refusal::NotReady(_)))
    ));
    assert_eq!(pod.asked().await, Asked::Connect(1));
    let refused = soon(client.port_forward(0)).await.err();
    assert!(matches!(
        refused,
        Some(CallError::Refused(Refusal::Invalid(_)))
    ));
}

#[tokio::test]
async fn a_dropped_connection_is_closed_at_the_pod() {
    let mut pod = pod();
    let client = pod.client().await;
    let ours = soon(client.port_forward(8080)).await.unwrap();
    let mut theirs = pod.port().await;
    drop(ours);
    assert_eq!(all(&mut theirs).await, "");
    // Writing fails once the other end has gone, whatever lies in the buffers between.
    let written = async { while theirs.write_all(&[0; 1024]).await.is_ok() {} };
    soon(written).await;
}

#[tokio::test]
async fn many_connections_flow_beside_one_that_is_not_read() {
    let mut pod = pod();
    let client = pod.client().await;
    let stuck = soon(client.port_forward(8080)).await.unwrap();
    let mut flood = pod.port().await;
    let flood = tokio::spawn(async move { while flood.write_all(&[0; 1024]).await.is_ok() {} });
    for n in 0..2 * STREAMS {
        let mut ours = soon(client.port_forward(8080)).await.unwrap();
        let mut theirs = pod.port().await;
        say(&mut theirs, &n.to_string()).await;
        drop(theirs);
        assert_eq!(all(&mut ours).await, n.to_string());
    }
    assert!(!flood.is_finished());
    drop(stuck);
    soon(flood).await.unwrap();
}
