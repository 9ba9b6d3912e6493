//! Checksums once more, bit by bit, so that a target does not share a mistake with what it tests.

/// A reflected CRC-16.
fn crc(polynomial: u16, start: u16, bytes: &[u8]) -> u16 {
    bytes.iter().fold(start, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| {
            if crc & 1 == 1 { (crc >> 1) ^ polynomial } else { crc >> 1 }
        })
    })
}

/// Modbus RTU.
#[allow(dead_code, reason = "each target needs one of them")]
pub fn modbus(bytes: &[u8]) -> u16 {
    crc(0xA001, 0xFFFF, bytes)
}

/// DSMR P1, from `/` to `!`.
#[allow(dead_code, reason = "each target needs one of them")]
pub fn p1(bytes: &[u8]) -> u16 {
    crc(0xA001, 0, bytes)
}

/// CRC-16/X-25 of the SML transport.
#[allow(dead_code, reason = "each target needs one of them")]
pub fn sml(bytes: &[u8]) -> u16 {
    !crc(0x8408, 0xFFFF, bytes)
}
