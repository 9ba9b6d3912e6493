//! A small web server on loopback that answers as it is told, and notes what it was asked.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What a server does with a request.
#[derive(Clone)]
pub enum Answer {
    Body(u16, Vec<u8>),
    /// Takes the request and says nothing.
    Silence,
    /// Promises more than it sends, and hangs up.
    Torn,
    /// Never ends.
    Endless,
}

pub struct Server {
    pub address: String,
    answer: Arc<Mutex<Answer>>,
    requests: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    pub async fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/prices", listener.local_addr().unwrap());
        let answer = Arc::new(Mutex::new(answer));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let task = tokio::spawn({
            let (answer, requests) = (answer.clone(), requests.clone());
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let answer = answer.lock().unwrap().clone();
                    tokio::spawn(serve(stream, answer, requests.clone()));
                }
            }
        });
        Self { address, answer, requests, task }
    }

    pub async fn with(body: impl Into<Vec<u8>>) -> Self {
        Self::start(Answer::Body(200, body.into())).await
    }

    pub fn answer(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    pub fn last_request(&self) -> String {
        self.requests.lock().unwrap().last().cloned().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, answer: Answer, requests: Arc<Mutex<Vec<String>>>) {
    let request = read_request(&mut stream).await;
    requests.lock().unwrap().push(request);
    let head = |status: u16, length: usize| {
        format!("HTTP/1.1 {status} Said\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n")
    };
    match answer {
        Answer::Body(status, body) => {
            let _ = stream.write_all(head(status, body.len()).as_bytes()).await;
            let _ = stream.write_all(&body).await;
        }
        Answer::Silence => std::future::pending().await,
        Answer::Torn => {
            let _ = stream.write_all(head(200, 1000).as_bytes()).await;
            let _ = stream.write_all(b"[{\"time\":").await;
        }
        Answer::Endless => {
            let _ = stream.write_all(head(200, 1 << 40).as_bytes()).await;
            while stream.write_all(&[b' '; 65_536]).await.is_ok() {}
        }
    }
}

/// Reads head and body as far as the head announces one.
async fn read_request(stream: &mut TcpStream) -> String {
    let (mut request, mut part) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return text;
            }
        }
        match stream.read(&mut part).await {
            Ok(0) | Err(_) => return text,
            Ok(count) => request.extend_from_slice(&part[..count]),
        }
    }
}
