//! The running household: tasks, use cases, views; no window.
