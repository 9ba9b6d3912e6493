//! `wattle statement build`: a month's statement as JSON, CSV and PDF.

use std::path::PathBuf;

use home::statement::{Made, stored, write_all};
use serde::Serialize;
use statement::Dialect;

use crate::Verdict;
use crate::failure::Failure;
use crate::household::{Folder, Secrets};
use crate::output::Output;

#[derive(clap::Subcommand)]
pub enum Command {
    /// Make the statement of a month, verify it, and write it as JSON, CSV and PDF
    Build(BuildOptions),
}

#[derive(clap::Args)]
pub struct BuildOptions {
    /// The month, such as 2026-06; of one that runs still, what is settled so far
    #[arg(long, value_name = "YYYY-MM")]
    month: String,
    /// The folder to write into; it is made where it is missing
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The language of the print and the table
    #[arg(long, value_name = "en|de", default_value = "en")]
    language: Language,
    #[command(flatten)]
    folder: Folder,
    #[command(flatten)]
    secrets: Secrets,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Language {
    En,
    De,
}

#[derive(Serialize)]
struct Answer {
    number: String,
    month: String,
    sha256: String,
    files: Vec<PathBuf>,
    /// Whether it holds all that was settled; false where the exchange could not be asked for more.
    up_to_date: bool,
}

pub async fn run(command: Command, output: Output) -> Result<Verdict, Failure> {
    let Command::Build(options) = command;
    let home = options.folder.open(options.secrets, "wattle statement build")?;
    let Made { row, up_to_date } = home.make_statement(&options.month).await?;
    let history = home.history().expect("a home that made a statement is open");
    let statement = stored(history, &row)?;
    let dialect = match options.language {
        Language::En => Dialect::En,
        Language::De => Dialect::De,
    };
    let files = write_all(&statement, &options.month, &options.out, dialect)?;
    let answer = Answer { number: row.number, month: row.month, sha256: row.sha256, files, up_to_date };
    output.say(&answer, Answer::text)?;
    Ok(Verdict::Yes)
}

impl Answer {
    fn text(&self) -> String {
        let files: Vec<String> = self.files.iter().map(|path| path.display().to_string()).collect();
        let note = if self.up_to_date {
            ""
        } else {
            " The exchange was not asked for more, so this is the one that was made last."
        };
        format!("Statement {} of {}:\n  {}\n{note}", self.number, self.month, files.join("\n  "))
            .trim_end()
            .to_owned()
    }
}
