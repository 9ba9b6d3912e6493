//! Large texts that are read seldom, compressed: a memory card wears by the byte.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use crate::error::HistoryError;

/// The most that is unpacked: twice the longest statement that is read.
const MOST_BYTES: u64 = 256 << 20;

pub fn pack(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory takes every byte")
}

pub fn unpack(packed: &[u8]) -> Result<Vec<u8>, HistoryError> {
    let mut bytes = Vec::new();
    let damaged = |cause: std::io::Error| HistoryError::Contradiction {
        subject: "what is kept compressed".to_owned(),
        detail: format!("it cannot be unpacked: {cause}"),
    };
    GzDecoder::new(packed).take(MOST_BYTES).read_to_end(&mut bytes).map_err(damaged)?;
    Ok(bytes)
}
