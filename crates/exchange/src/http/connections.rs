//! Connections: so many at once, each with little time for its headers; one too many is told so.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use exchange_api::{Problem, ProblemCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long one who is turned away may take to read why.
const TURNING_AWAY: Duration = Duration::from_secs(2);
/// How long the greeting of TLS may take: two round trips, also over a slow radio.
const GREETING: Duration = Duration::from_secs(10);
/// How long to wait where the system has no room for another connection.
const AFTER_FAULT: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Connections at once.
    pub connections: usize,
    /// Connections that are being turned away at once; further ones are closed without a word.
    pub turned_away: usize,
    /// How long the headers of a request may take, and how long a connection may be idle.
    pub headers: Duration,
}

impl Default for Bounds {
    /// Together below what a process may open (1024 by default on Linux), with room for the database.
    fn default() -> Self {
        Self { connections: 900, turned_away: 50, headers: Duration::from_secs(30) }
    }
}

/// Serves until cancelled, then finishes what is under way.
pub(super) async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    router: Router,
    bounds: Bounds,
    until: CancellationToken,
) {
    let room = Arc::new(Semaphore::new(bounds.connections));
    let door = Arc::new(Semaphore::new(bounds.turned_away));
    let connections = TaskTracker::new();
    loop {
        let stream = tokio::select! {
            biased;
            () = until.cancelled() => break,
            stream = accept(&listener) => stream,
        };
        if let Ok(place) = Arc::clone(&room).try_acquire_owned() {
            let (router, tls, until) = (router.clone(), tls.clone(), until.clone());
            connections.spawn(async move {
                // Small answers should not wait for each other.
                let _ = stream.set_nodelay(true);
                match tls {
                    None => connection(stream, router, bounds.headers, until).await,
                    Some(tls) => {
                        let greeting = tokio::time::timeout(GREETING, tls.accept(stream));
                        tokio::select! {
                            () = until.cancelled() => {}
                            greeted = greeting => match greeted {
                                Ok(Ok(stream)) => connection(stream, router, bounds.headers, until.clone()).await,
                                Ok(Err(error)) => tracing::debug!(%error, "a connection did not come to TLS"),
                                Err(_) => tracing::debug!("a connection was too slow to come to TLS"),
                            }
                        }
                    }
                }
                drop(place);
            });
        } else if let Ok(place) = Arc::clone(&door).try_acquire_owned() {
            let tls = tls.clone();
            connections.spawn(async move {
                let turned_away = async {
                    match tls {
                        None => turn_away(stream, bounds.connections).await,
                        Some(tls) => turn_away(tls.accept(stream).await?, bounds.connections).await,
                    }
                };
                // Whoever does not read it has learned what matters by being closed.
                let _ = tokio::time::timeout(TURNING_AWAY, turned_away).await;
                drop(place);
            });
        }
    }
    connections.close();
    connections.wait().await;
}

async fn accept(listener: &TcpListener) -> TcpStream {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) => {
            }
            Err(error) => {
                tracing::error!(%error, "no further connection can be taken; trying again");
                tokio::time::sleep(AFTER_FAULT).await;
            }
        }
    }
}

async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    headers: Duration,
    until: CancellationToken,
) {
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(headers);
    let mut serving =
        std::pin::pin!(http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router)));
    let outcome = tokio::select! {
        outcome = serving.as_mut() => outcome,
        () = until.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(%error, "a connection broke");
    }
}

/// Answers whatever was asked with the problem `busy`.
async fn turn_away(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    connections: usize,
) -> std::io::Result<()> {
    let detail = format!("{connections} connections are open already. Try again.");
    let problem = Problem::new(ProblemCode::Busy, detail);
    let body = serde_json::to_string(&problem).expect("a problem is words and a number");
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\nretry-after: 1\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await?;
    // Read to the end: closing with unread bytes would reset the connection before the answer is read.
    let mut rest = [0; 4096];
    while stream.read(&mut rest).await? > 0 {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Long enough for a busy machine, should something never come.
    const PATIENCE: Duration = Duration::from_secs(20);

    async fn served(
        bounds: Bounds,
    ) -> (std::net::SocketAddr, CancellationToken, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", axum::routing::get(|| async { "here" }));
        let until = CancellationToken::new();
        let server = tokio::spawn(serve(listener, None, router, bounds, until.clone()));
        (address, until, server)
    }

    async fn read_all(stream: &mut TcpStream) -> String {
        let mut text = String::new();
        tokio::time::timeout(PATIENCE, stream.read_to_string(&mut text)).await.unwrap().unwrap();
        text
    }

    /// Asks and reads one answer, and keeps the connection.
    async fn ask(address: std::net::SocketAddr) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"here") {
            assert!(stream.read_buf(&mut answer).await.unwrap() > 0);
        }
        stream
    }

    #[tokio::test]
    async fn one_connection_too_many_is_told_to_come_back() {
        let bounds = Bounds { connections: 2, turned_away: 1, ..Bounds::default() };
        let (address, _until, _server) = served(bounds).await;
        let (first, _second) = (ask(address).await, ask(address).await);
        let mut third = TcpStream::connect(address).await.unwrap();
        third.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let answer = read_all(&mut third).await;
        assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("\r\nretry-after: 1\r\n"), "{answer}");
        let problem: Problem = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
        assert_eq!(problem.code, ProblemCode::Busy);
        drop(third);
        // Who leaves makes room.
        drop(first);
        let again = async {
            loop {
                let mut stream = TcpStream::connect(address).await.unwrap();
                stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
                if read_all(&mut stream).await.ends_with("here") {
                    return;
                }
            }
        };
        tokio::time::timeout(PATIENCE, again).await.unwrap();
    }

    #[tokio::test]
    async fn headers_that_come_too_slowly_end_the_connection() {
        let bounds = Bounds { headers: Duration::from_millis(50), ..Bounds::default() };
        let (address, _until, _server) = served(bounds).await;
        let mut slow = TcpStream::connect(address).await.unwrap();
        slow.write_all(b"GET / HTTP/1.1\r\nhost: ").await.unwrap();
        assert_eq!(read_all(&mut slow).await, "");
        let mut idle = ask(address).await;
        assert_eq!(read_all(&mut idle).await, "");
    }

    #[tokio::test]
    async fn closing_ends_idle_connections_and_takes_no_new_ones() {
        let (address, until, server) = served(Bounds::default()).await;
        let mut idle = ask(address).await;
        until.cancel();
        tokio::time::timeout(PATIENCE, server).await.unwrap().unwrap();
        assert_eq!(read_all(&mut idle).await, "");
        assert!(TcpStream::connect(address).await.is_err());
    }
}
