//! One HTTP/2 connection, as tonic wants to call it.

use std::task::{Context, Poll};

use futures::future::BoxFuture;
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper::{Error, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::UnixStream;
use tonic::body::Body;
use tower_service::Service;

use super::super::{CONNECTION_WINDOW, WINDOW};

#[derive(Clone)]
pub struct Channel {
    requests: http2::SendRequest<Body>,
}

impl Channel {
    pub async fn open(stream: UnixStream) -> Result<Channel, Error> {
        let mut http = http2::Builder::new(TokioExecutor::new());
        http.initial_stream_window_size(WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_send_buf_size(WINDOW as usize);
        let (requests, connection) = http.handshake(TokioIo::new(stream)).await?;
        // Ends with the last request and the last sender of requests. Its errors are those of the calls.
        tokio::spawn(async {
            let _ = connection.await;
        });
        Ok(Channel { requests })
    }
}

impl Service<Request<Body>> for Channel {
    type Response = Response<Incoming>;
    type Error = Error;
    type Future = BoxFuture<'static, Result<Response<Incoming>, Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.requests.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(self.requests.send_request(request))
    }
}
