//! The pod process' side: accepts, checks who speaks, answers from the [`Subject`].

mod answers;
mod port;
mod talk;

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::wire::proto::pod_control_server::PodControlServer;
use super::{CONNECTION_WINDOW, MESSAGE, STREAMS, Subject, WINDOW, socket};
use answers::Answers;

/// Clients at once. One more is sent away: it would only wait for those that do not go.
const CLIENTS: usize = 256;

/// What is waited when this process or the machine has no descriptor left for another client.
const NO_ROOM: Duration = Duration::from_millis(100);

type Service = TowerToHyperService<PodControlServer<Answers>>;

/// What the conversations under way are given to come to their ends when the pod has. The streams of a pod that has ended
/// end by themselves, so it is only used up by a client that does not read.
const FAREWELL: Duration = Duration::from_millis(500);

/// Serves `subject` until `ending`; then accepts nobody any more, tells the clients that are there, and returns when the
/// conversations under way have come to their ends, soon in any case. Dropping it cuts them.
pub async fn serve(
    listener: UnixListener,
    subject: Arc<dyn Subject>,
    ending: impl Future<Output = ()>,
) {
    let service = PodControlServer::new(Answers::new(subject))
        .max_decoding_message_size(MESSAGE)
        .max_encoding_message_size(MESSAGE);
    let service = TowerToHyperService::new(service);
    let closing = watch::Sender::new(false);
    let mut clients = JoinSet::new();
    let mut ending = pin!(ending);
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if welcome(&stream, clients.len()) => {
                    clients.spawn(converse(stream, service.clone(), closing.subscribe()));
                }
                Ok(_) => {}
                Err(error) => not_accepted(&error).await,
            },
            // Only so that the set does not grow.
            Some(_) = clients.join_next() => {}
            () = &mut ending => break,
        }
    }
    drop(listener);
    closing.send_replace(true);
    // Those that are left are cut when the set is dropped.
    let _ = tokio::time::timeout(FAREWELL, async {
        while clients.join_next().await.is_some() {}
    })
    .await;
}

fn welcome(stream: &UnixStream, clients: usize) -> bool {
    if clients >= CLIENTS {
        tracing::warn!("sent a client away: {CLIENTS} are connected already");
        return false;
    }
    socket::may_speak(stream)
}

/// The client that could not be accepted is still there, and would be met again at once.
async fn not_accepted(error: &io::Error) {
    tracing::warn!("could not accept a client: {error}");
    tokio::time::sleep(NO_ROOM).await;
}

/// One client, from its first byte to its last.
async fn converse(stream: UnixStream, service: Service, mut closing: watch::Receiver<bool>) {
    let mut http = http2::Builder::new(TokioExecutor::new());
    http.max_concurrent_streams(STREAMS)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(WINDOW as usize)
        .auto_date_header(false);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    let closing = async move { closing.wait_for(|closing| *closing).await.is_ok() };
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        _ = closing => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        // A client may go as it likes.
        tracing::debug!("a client went: {error}");
    }
}
