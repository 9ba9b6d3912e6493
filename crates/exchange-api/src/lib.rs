//! What the app and the exchange say to each other.
