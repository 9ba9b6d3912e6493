//! Looks on while another process trades: the views are old whenever that process may have written.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::house::{House, ViewName};

const LOOK_EVERY: Duration = Duration::from_secs(2);

pub async fn run(house: Arc<House>, stop: CancellationToken) {
    loop {
        house.blocking(look).await;
        for view in ViewName::ALL {
            house.changed(view);
        }
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// Takes the newest samples from the history, as if the meters had been heard.
fn look(house: &House) {
    for meter in &house.config().meters {
        match house.history.latest_sample(&meter.id) {
            Ok(Some(sample)) => house.live().heard(meter.role, &sample),
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, meter = %meter.id, "the history could not be read"),
        }
    }
}
