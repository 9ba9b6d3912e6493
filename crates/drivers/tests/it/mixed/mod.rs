//! Real servers behind a wire with faults of all kinds, against a truth that changes each second: not one
//! wrong value, and values again within the times that are promised.
//!
//! The suite runs each combination of server and line for some seconds; `cargo xtask meter-faults` for as
//! long as it is told.

mod figures;
pub mod random;
mod run;
pub mod wire;

pub use run::{Combination, Run};

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Combination, Run};

    /// What chance does in these seconds, another number would do otherwise.
    const SEED: u64 = 4;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_mix_of_faults_gives_a_wrong_value_and_values_come_again_in_time() {
        let runs = Combination::all().map(|combination| {
            let run = Run { combination, lasts: Duration::from_secs(6), seed: SEED, faults: true };
            tokio::spawn(async move { run.run().await })
        });
        for run in runs.collect::<Vec<_>>() {
            let figures = run.await.unwrap().unwrap();
            assert_eq!(figures.complaints(), Vec::<String>::new(), "{}", figures.line());
            assert!(figures.good > 0, "{}", figures.line());
        }
    }
}
