//! The running household: tasks, use cases, views. No window in it.

pub mod view;
