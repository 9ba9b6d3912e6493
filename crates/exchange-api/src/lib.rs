//! What the app and the exchange say to each other: types, paths, problems, signatures, and the client.

pub mod wire;
