//! A folder of input files for one test.

use std::path::PathBuf;

use serde_json::Value;
use tempfile::TempDir;

pub struct Files {
    dir: TempDir,
}

impl Files {
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    /// Writes a file and returns its path.
    pub fn text(&self, name: &str, text: &str) -> String {
        let path = self.dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    pub fn json(&self, name: &str, value: &Value) -> String {
        self.text(name, &value.to_string())
    }

    /// Returns a path in the folder, whether or not something is there.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}
