//! Times of several works, measured in turns.

use std::time::Instant;

/// Returns the median time of each work in milliseconds. In turns, so that whatever else the machine does meets all
/// of them alike.
pub fn medians_ms<const N: usize>(runs: usize, mut work: [&mut dyn FnMut(); N]) -> [f64; N] {
    let mut times = [const { Vec::new() }; N];
    for _ in 0..runs {
        for (work, times) in work.iter_mut().zip(&mut times) {
            let began = Instant::now();
            work();
            times.push(began.elapsed().as_secs_f64() * 1000.0);
        }
    }
    times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[runs / 2]
    })
}
