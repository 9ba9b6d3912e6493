//! Each server over each line for some seconds of mixed faults.

use std::time::Duration;

use crate::mixed::{Combination, Run};

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
