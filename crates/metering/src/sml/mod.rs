//! SML, which German meters push through their optical port: frames with a checksum, and in them messages
//! with one each.
//!
//! The crate `sml-rs` knows the escapes and the lists. Around it, here: the search for the next frame (its
//! own search counts noise in 16 bits and panics under an hour of sunlight), a bound on memory, messages of
//! kinds that nobody needs, and what makers do differently.

mod frames;
mod list;
mod message;

use crate::telegram::{DecodeError, Telegram};

use frames::Frames;

/// Takes bytes as they come and gives telegrams.
#[derive(Default)]
pub struct Parser(Frames);

impl Parser {
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes bytes in pieces of any length, and returns the telegrams that they complete.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Result<Telegram, DecodeError>> {
        let mut telegrams = Vec::new();
        for byte in bytes {
            let telegram = match self.0.push(*byte) {
                Ok(None) => continue,
                Ok(Some(frame)) => list::telegram(frame).transpose(),
                Err(error) => Some(Err(error)),
            };
            telegrams.extend(telegram);
        }
        telegrams
    }

    /// Ends the input: a telegram that has begun is truncated.
    pub fn finish(&mut self) -> Vec<Result<Telegram, DecodeError>> {
        self.0.finish().map(Err).into_iter().collect()
    }
}

/// Decodes what a file or a recording holds.
pub fn decode_sml(bytes: &[u8]) -> Vec<Result<Telegram, DecodeError>> {
    let mut parser = Parser::new();
    let mut telegrams = parser.push(bytes);
    telegrams.extend(parser.finish());
    telegrams
}
