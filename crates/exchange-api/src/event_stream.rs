//! The stream of events as its reader sees it.

use std::time::Duration;

use crate::client::ClientError;
use crate::event::Event;

/// The exchange says something at least every 10 s; after three times of silence the line is dead.
const SILENCE: Duration = Duration::from_secs(30);
/// An announcement has 500 bytes at most; what is much longer is no event.
const LONGEST_EVENT: usize = 16 * 1024;

/// Events as they come. Its end is no error: ask for a new one with the last id.
#[derive(Debug)]
pub struct EventStream {
    response: reqwest::Response,
    unread: Vec<u8>,
}

/// An event with the id from which a later stream goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    pub id: String,
    pub event: Event,
}

impl EventStream {
    pub(crate) fn new(response: reqwest::Response) -> Self {
        Self { response, unread: Vec::new() }
    }

    /// Returns the next event; `None` where the stream ended, broke, or fell silent.
    pub async fn next(&mut self) -> Result<Option<Received>, ClientError> {
        loop {
            while let Some(end) = self.unread.windows(2).position(|pair| pair == b"\n\n") {
                let frame: Vec<u8> = self.unread.drain(..end + 2).collect();
                if let Some(received) = read(&frame)? {
                    return Ok(Some(received));
                }
            }
            if self.unread.len() > LONGEST_EVENT {
                return Err(ClientError::Protocol(format!("an event is longer than {LONGEST_EVENT} bytes")));
            }
            match tokio::time::timeout(SILENCE, self.response.chunk()).await {
                Ok(Ok(Some(part))) => self.unread.extend_from_slice(&part),
                Ok(Ok(None) | Err(_)) | Err(_) => return Ok(None),
            }
        }
    }
}

/// Reads a frame; `None` for a comment, which only says that the line lives.
fn read(frame: &[u8]) -> Result<Option<Received>, ClientError> {
    let nonsense = |what: &str| ClientError::Protocol(format!("an event {what}"));
    let text = std::str::from_utf8(frame).map_err(|_| nonsense("is not UTF-8"))?;
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
    let Some(data) = field("data: ") else { return Ok(None) };
    let id = field("id: ").ok_or_else(|| nonsense("has no id"))?.to_owned();
    let event = serde_json::from_str(data).map_err(|error| ClientError::Protocol(error.to_string()))?;
    Ok(Some(Received { id, event }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_skipped_and_what_is_newer_is_known_as_such() {
        assert_eq!(read(b":\n\n").unwrap(), None);
        let newer = b"id: 3-4\nevent: eclipse\ndata: {\"event\":\"eclipse\",\"at\":1}\n\n";
        assert_eq!(read(newer).unwrap(), Some(Received { id: "3-4".to_owned(), event: Event::Other }));
        for wrong in [
            "data: {\"event\":\"start\"}\n\n",
            "id: 1-1\ndata: {}\n\n",
            "id: 1-1\ndata: {\"event\":\"slot\"}\n\n",
        ] {
            assert!(read(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
