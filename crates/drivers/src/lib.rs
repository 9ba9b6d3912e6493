//! Modbus over TCP and serial lines: reads registers, never writes.
