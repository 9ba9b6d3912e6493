//! What goes into a counter's judge and what comes out: readings, settings, events.

use units::{Energy, Power, Timestamp};

use crate::sample::words;

/// One reading of a counter; missing where the meter was asked and did not tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    pub at: Timestamp,
    pub counter: Option<Energy>,
    pub serial: Option<String>,
}

/// What is known of the counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BookSettings {
    /// The most power that passes the meter.
    pub fuse: Power,
    /// The step of the counter.
    pub resolution: Energy,
    /// Where the counter starts again: the size of its register.
    pub wraps_at: Option<Energy>,
    /// So many further readings that agree with a new level decide about it; at least one.
    pub confirm: u32,
    /// Whether the counter may run backwards.
    pub signed: bool,
}

impl Default for BookSettings {
    /// A house behind three fuses of 63 A, a counter of whole watt-hours, two readings to confirm.
    fn default() -> Self {
        Self {
            fuse: Power::from_watts(3 * 63 * 230),
            resolution: Energy::from_watt_hours(1),
            wraps_at: None,
            confirm: 2,
            signed: false,
        }
    }
}

/// Something happened to the counter that its owner can see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CounterEvent {
    /// When the odd reading came; of a gap, when it began; of a release, when it was decided.
    pub at: Timestamp,
    pub kind: CounterEventKind,
    /// The last reading before it.
    pub before: Option<Energy>,
    /// The odd reading; of a gap and of a release, the reading that ended it.
    pub after: Option<Energy>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CounterEventKind {
    /// The counter came back: the odd reading was none.
    Glitch,
    /// The counter fell by no more than its noise.
    Dip,
    /// The counter began again at zero.
    Reset,
    /// The counter overflowed its register.
    Wrap,
    /// Another counter counts now.
    Replaced,
    /// Readings were missing.
    Gap,
    /// The counter rose by more than the fuse allows; it is held.
    JumpHeld,
    /// A jump that was held turned out plausible, and is booked.
    JumpReleased,
}

words!(CounterEventKind {
    Glitch = "glitch",
    Dip = "dip",
    Reset = "reset",
    Wrap = "wrap",
    Replaced = "replaced",
    Gap = "gap",
    JumpHeld = "jump_held",
    JumpReleased = "jump_released",
});
