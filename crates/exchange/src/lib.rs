//! The market as a service.
