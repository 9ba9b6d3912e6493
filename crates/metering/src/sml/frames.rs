//! Frames of the SML transport protocol, version 1, out of a stream with noise.

use sml_rs::transport::{DecodeErr, Decoder};
use sml_rs::util::ArrayBuf;

use crate::telegram::DecodeError;

/// The longest frame that is kept. Real ones have 200 to 500 bytes; a basic meter's signed list 1 KiB.
const LONGEST: usize = 4 * 1024;

const START: [u8; 8] = [0x1B, 0x1B, 0x1B, 0x1B, 0x01, 0x01, 0x01, 0x01];

/// Finds frames and takes their escapes off.
pub(super) struct Frames {
    decoder: Box<Decoder<ArrayBuf<LONGEST>>>,
    /// Whether a frame has begun.
    inside: bool,
    /// The last bytes outside of a frame.
    window: [u8; 8],
}

impl Default for Frames {
    fn default() -> Self {
        Self { decoder: Box::new(Decoder::new()), inside: false, window: [0; 8] }
    }
}

impl Frames {
    /// Takes a byte; returns the frame that it completes, or why the frame that had begun is lost.
    pub(super) fn push(&mut self, byte: u8) -> Result<Option<&[u8]>, DecodeError> {
        if !self.inside {
            self.seek(byte);
            return Ok(None);
        }
        match self.decoder.push_byte(byte) {
            Ok(None) => Ok(None),
            Ok(Some(frame)) => {
                self.inside = false;
                Ok(Some(frame))
            }
            // Another frame has begun inside this one; the decoder is in it already.
            Err(DecodeErr::DiscardedBytes(_)) => Err(DecodeError::Truncated),
            Err(error) => {
                self.inside = false;
                Err(match error {
                    DecodeErr::InvalidMessage { .. } => DecodeError::Crc,
                    DecodeErr::InvalidEsc(_) | DecodeErr::DiscardedBytes(_) => DecodeError::Malformed,
                    DecodeErr::OutOfMemory => DecodeError::Truncated,
                })
            }
        }
    }

    /// Ends the input.
    pub(super) fn finish(&mut self) -> Option<DecodeError> {
        let lost = self.inside.then_some(DecodeError::Truncated);
        *self = Self::default();
        lost
    }

    /// Looks for the start of a frame. The decoder's own search misses one that an escape byte precedes.
    fn seek(&mut self, byte: u8) {
        self.window.rotate_left(1);
        self.window[7] = byte;
        if self.window != START {
            return;
        }
        self.window = [0; 8];
        self.decoder.reset();
        // A fresh decoder takes the start without a result.
        self.inside = START.iter().all(|byte| self.decoder.push_byte(*byte).is_ok());
    }
}
