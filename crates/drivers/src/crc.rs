//! CRC-16 of Modbus RTU: polynomial 0xA001 reflected, start value 0xFFFF, low byte first on the wire.

/// Returns the checksum of some bytes.
pub fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |crc, byte| TABLE[usize::from((crc ^ u16::from(*byte)) as u8)] ^ (crc >> 8))
}

/// Returns whether the last two bytes are the checksum of those before.
pub fn holds(frame: &[u8]) -> bool {
    frame
        .split_last_chunk::<2>()
        .is_some_and(|(body, sum)| !body.is_empty() && crc(body).to_le_bytes() == *sum)
}

const TABLE: [u16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut value = byte as u16;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { (value >> 1) ^ 0xA001 } else { value >> 1 };
            bit += 1;
        }
        table[byte] = value;
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    /// The check value of CRC-16/MODBUS in the catalogue of parametrised CRC algorithms.
    #[test]
    fn the_catalogue_gives_4b37_for_123456789() {
        assert_eq!(crc(b"123456789"), 0x4B37);
    }

    /// Modbus over serial line, V1.02, appendix B: device 2, function 7.
    #[test]
    fn the_frame_of_the_specification_holds() {
        assert!(holds(&[0x02, 0x07, 0x41, 0x12]));
        assert!(!holds(&[0x02, 0x07, 0x41, 0x13]));
        assert!(!holds(&[0x12]));
    }
}
