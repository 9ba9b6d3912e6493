//! `wattle meter read`: one sample.

use super::device::DeviceOptions;
use super::sample::SampleLine;
use crate::Verdict;
use crate::failure::Failure;
use crate::output::Output;

pub async fn read(options: DeviceOptions, output: Output) -> Result<Verdict, Failure> {
    let meter = options.open()?;
    let sample = meter.sample(&meter.read().await?);
    if let Some(mistaken) = meter.mistaken() {
        eprintln!("{mistaken}");
    }
    meter.line.close().await;
    output.say(&SampleLine::from(&sample), SampleLine::text)?;
    Ok(Verdict::Yes)
}
