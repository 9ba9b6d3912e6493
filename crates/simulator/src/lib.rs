//! A street that behaves: houses with real Modbus meters, weather, faults.
