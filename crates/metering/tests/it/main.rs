//! The crate's laws and stories, from outside.

mod profiles;
