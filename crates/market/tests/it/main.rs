//! The market's rules as tests: laws against independent references, stories, and what the verifier catches.

mod books;
mod laws;
mod reference;
mod stories;
