//! Input files: read whole, parsed strictly, refused by name and place.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::failure::Failure;

/// A file whose content was understood. Its name goes into what is said about it.
#[derive(Debug)]
pub struct Input<T> {
    pub path: PathBuf,
    pub content: T,
}

/// Reads a file of one JSON object. Unknown and repeated fields, and anything after it, are refused.
pub fn json<T: DeserializeOwned>(path: &Path) -> Result<Input<T>, Failure> {
    let content = object(&text(path)?).map_err(|fault| unusable(path, fault))?;
    Ok(Input { path: path.to_owned(), content })
}

/// Reads a file as text.
pub fn text(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|cause| {
        Failure::usage(
            format!("{} cannot be read: {cause}.", path.display()),
            "Name a file that exists, that you may read, and that is text in UTF-8.",
        )
    })
}

/// Parses one JSON object. Serde would also take an array of values for an object with these fields.
pub fn object<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    if text.trim_start().starts_with('[') {
        return Err("an object is expected, not an array".to_owned());
    }
    serde_json::from_str(text).map_err(|fault| fault.to_string())
}

impl<T> Input<T> {
    /// Refuses the content; `fault` names the place in it.
    pub fn refuse(&self, fault: impl std::fmt::Display) -> Failure {
        unusable(&self.path, fault)
    }
}

/// Says that a file cannot be used, and where in it the fault lies.
pub fn unusable(path: &Path, fault: impl std::fmt::Display) -> Failure {
    Failure {
        code: "unusable_file".into(),
        message: format!("{} cannot be used: {fault}.", path.display()),
        hint: "Correct it there and try again.".into(),
        status: crate::failure::Status::Unusable,
    }
}
