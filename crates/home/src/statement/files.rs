//! A statement as files: JSON that proves itself, a table, a print.

use std::path::{Path, PathBuf};

use ::statement::{Dialect, Statement, csv, pdf};
use serde::{Deserialize, Serialize};
use specta::Type;

use crate::config::write_in_place;
use crate::view::frame::Refusal;

/// In which form a statement is saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Json,
    Csv,
    Pdf,
}

impl Format {
    pub const ALL: [Self; 3] = [Self::Json, Self::Csv, Self::Pdf];

    const fn ending(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Pdf => "pdf",
        }
    }
}

/// Returns the name of the file of a month, `2026-06`.
pub fn file_name(month: &str, format: Format) -> String {
    format!("statement-{month}.{}", format.ending())
}

/// Returns the bytes of a statement in a form.
pub(crate) fn render(statement: &Statement, format: Format, dialect: Dialect) -> Result<Vec<u8>, Refusal> {
    let failed = |cause: &dyn std::error::Error| Refusal {
        code: "statement".to_owned(),
        message: format!("The statement cannot be written as {}: {cause}.", format.ending()),
        hint: "Save it as JSON, which is the statement itself.".to_owned(),
    };
    match format {
        Format::Json => Ok(statement.to_bytes()),
        Format::Csv => csv(statement, dialect).map_err(|cause| failed(&cause)),
        Format::Pdf => pdf(statement, dialect).map_err(|cause| failed(&cause)),
    }
}

/// Writes a statement in all its forms into a folder, over older ones, and returns the paths.
pub fn write_all(
    statement: &Statement,
    month: &str,
    folder: &Path,
    dialect: Dialect,
) -> Result<Vec<PathBuf>, Refusal> {
    let unwritable = |path: &Path, cause: std::io::Error| Refusal {
        code: "export_failed".to_owned(),
        message: format!("{} could not be written: {cause}.", path.display()),
        hint: "Check who owns the folder and whether its disk has room, then try again.".to_owned(),
    };
    std::fs::create_dir_all(folder).map_err(|cause| unwritable(folder, cause))?;
    let mut paths = Vec::new();
    for format in Format::ALL {
        let path = folder.join(file_name(month, format));
        let bytes = render(statement, format, dialect)?;
        write_in_place(&path, &bytes).map_err(|cause| unwritable(&path, cause))?;
        paths.push(path);
    }
    Ok(paths)
}
