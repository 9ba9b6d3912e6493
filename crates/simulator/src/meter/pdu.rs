//! What a meter answers to a request, whatever the line.

use super::sdm630::{END, MOST_REGISTERS};
use super::{Fault, Meters};

const READ_INPUT_REGISTERS: u8 = 4;

/// Modbus application protocol V1.1b3, section 7.
const ILLEGAL_FUNCTION: u8 = 1;
const ILLEGAL_ADDRESS: u8 = 2;
const ILLEGAL_VALUE: u8 = 3;

/// What goes back on the line.
pub(super) struct Reply {
    pub unit: u8,
    pub pdu: Vec<u8>,
}

impl Meters {
    /// Returns the answer after the time the meter takes for it; `None` where none comes.
    pub(super) async fn answer(&self, unit: u8, request: &[u8]) -> Option<Reply> {
        if !self.has(unit) || request.is_empty() {
            return None;
        }
        let unit = match self.faults.get() {
            Fault::None => unit,
            Fault::Silent => return None,
            Fault::WrongUnit => unit.wrapping_add(1),
            Fault::Slow(time) => {
                tokio::time::sleep(time).await;
                unit
            }
        };
        // The values are those of the moment at which the meter answers.
        let pdu = self.judge(unit, request).unwrap_or_else(|exception| vec![request[0] | 0x80, exception]);
        Some(Reply { unit, pdu })
    }

    fn judge(&self, unit: u8, request: &[u8]) -> Result<Vec<u8>, u8> {
        if request[0] != READ_INPUT_REGISTERS {
            return Err(ILLEGAL_FUNCTION);
        }
        let &[_, a, b, c, d] = request else { return Err(ILLEGAL_VALUE) };
        let (address, count) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        // A value is two registers: the device refuses to halve one.
        if count == 0 || count > MOST_REGISTERS || !count.is_multiple_of(2) {
            return Err(ILLEGAL_VALUE);
        }
        if !address.is_multiple_of(2) || address.checked_add(count).is_none_or(|end| end > END) {
            return Err(ILLEGAL_ADDRESS);
        }
        let registers = self.registers(unit, address, count);
        let mut pdu = vec![READ_INPUT_REGISTERS, (count * 2) as u8];
        pdu.extend(registers.iter().flat_map(|register| register.to_be_bytes()));
        Ok(pdu)
    }
}
