//! The street as a program.
fn main() {}
