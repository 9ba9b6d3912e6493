//! What the registers hold, so that any value of another register is known as wrong.

use drivers::{Code, Device, DeviceSettings, ReadError, Reading};
use metering::Read;
use serde_json::{Value, json};
use std::sync::LazyLock;
use std::time::Duration;

use crate::peer::Peer;

/// How many registers hold something.
pub const REGISTERS: u16 = 200;

/// Returns what a register of a unit holds: no two the same, none zero.
pub fn word(unit: u8, address: u16) -> u16 {
    (u16::from(unit) << 12) ^ (address + 1).wrapping_mul(0x0125)
}

/// Returns units that serve the truth, for the server.
pub fn units(numbers: &[u8]) -> Value {
    let of = |unit: u8| {
        let words = (0..REGISTERS).map(|address| (address.to_string(), json!(word(unit, address))));
        json!({ "words": words.collect::<serde_json::Map<_, _>>() })
    };
    Value::Object(numbers.iter().map(|unit| (unit.to_string(), of(*unit))).collect())
}

/// Servers of units 1, 2 and 3 that tests share which do not change or restart them: a server takes half a
/// second of a processor to start. They end with their input, that is, with this process.
static TCP: LazyLock<Peer> = LazyLock::new(|| Peer::tcp(0, &units(&[1, 2, 3])).unwrap());
static RTU: LazyLock<Peer> = LazyLock::new(|| Peer::rtu_over_tcp(0, &units(&[1, 2, 3])).unwrap());

/// Returns where the truth is served as Modbus TCP.
pub fn tcp_server() -> String {
    TCP.address()
}

/// Returns where the truth is served in serial frames.
pub fn rtu_server() -> String {
    RTU.address()
}

pub fn read(address: u16, count: u16) -> Read {
    Read { function: 4, address, count, optional: false }
}

/// Settings for the loopback: no gaps, and time-outs that make a test short.
pub fn quick() -> DeviceSettings {
    DeviceSettings {
        gap: Duration::ZERO,
        timeout: Duration::from_millis(150),
        connect_delay: Duration::ZERO,
        patience: Duration::from_secs(3),
        values: Vec::new(),
    }
}

/// Asserts that a reading holds the truth about all its registers.
pub fn check(device: &Device, reads: &[Read], reading: &Reading) {
    for read in reads {
        for address in read.address..read.address + read.count {
            let value = reading.registers.get(read.function, address);
            assert_eq!(value, Some(word(device.unit(), address)), "register {address}");
        }
    }
}

/// Reads, and asserts that what comes is the truth.
pub async fn read_true(device: &Device, reads: &[Read]) -> Result<Reading, ReadError> {
    let reading = device.read(reads).await?;
    check(device, reads, &reading);
    Ok(reading)
}

/// Returns the codes of the troubles since the last call.
pub fn codes(device: &Device) -> Vec<Code> {
    device.take_troubles().iter().map(ReadError::code).collect()
}
