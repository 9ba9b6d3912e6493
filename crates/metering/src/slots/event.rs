//! What samples amount to: slots, and what was noticed on the way.

use units::Timestamp;

use crate::counter::CounterEvent;
use crate::sample::{Sample, SlotEnergy, words};

/// A value of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Quantity {
    /// The time of the sample.
    At,
    Power,
    Import,
    Export,
}

words!(Quantity { At = "at", Power = "power_w", Import = "import_wh", Export = "export_wh" });

/// Why a value is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RejectReason {
    /// The counter rose by more than the fuse allows.
    Jump,
    /// The counter fell.
    Drop,
    NotANumber,
    OutOfRange,
    /// The sample is older than one before it, or the meter has stopped measuring.
    Stale,
}

words!(RejectReason {
    Jump = "jump",
    Drop = "drop",
    NotANumber = "not_a_number",
    OutOfRange = "out_of_range",
    Stale = "stale",
});

/// What samples amount to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IntervalEvent {
    /// A slot. Slots come in order, each once; only one that [`super::SlotMeter::flush_until`] gave comes again
    /// when the counter has bridged the gap, and replaces what was given.
    Slot(SlotEnergy),
    /// A value that must not be shown, stored or integrated: in thousandths of the quantity's unit, or
    /// nothing where it is no number.
    Rejected { at: Timestamp, quantity: Quantity, value: Option<i64>, reason: RejectReason },
    /// Something happened to a register.
    Counter { quantity: Quantity, event: CounterEvent },
    /// No sample came between these two, for longer than a border bears.
    Gap { from: Timestamp, to: Timestamp },
}

/// Returns a sample without the values that `events`, which it caused, reject: what may be shown and stored.
pub fn accepted(sample: &Sample, events: &[IntervalEvent]) -> Sample {
    let mut sample = sample.clone();
    for event in events {
        match event {
            IntervalEvent::Rejected { at, quantity, .. } if *at == sample.at => match quantity {
                Quantity::Power => sample.power = None,
                Quantity::Import => sample.import = None,
                Quantity::Export => sample.export = None,
                Quantity::At => (sample.power, sample.import, sample.export) = (None, None, None),
            },
            _ => {}
        }
    }
    sample
}
