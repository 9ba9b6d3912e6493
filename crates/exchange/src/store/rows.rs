//! Rows and the statements that read and write them, one file a matter.

pub(crate) mod config;
pub(crate) mod deal;
pub(crate) mod event;
pub(crate) mod key;
pub(crate) mod log;
pub(crate) mod member;
pub(crate) mod operator;
pub(crate) mod order;
pub(crate) mod reading;
pub(crate) mod settlement;
pub(crate) mod slot;
pub(crate) mod utility;
