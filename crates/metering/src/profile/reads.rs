//! Which reads fetch a profile's values: as few bytes and turnarounds as the device allows.

use super::Profile;

/// One request for consecutive registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Read {
    /// 3 (holding registers) or 4 (input registers).
    pub function: u8,
    pub address: u16,
    pub count: u16,
    /// Whether a device may lack these registers. They never share a read with required ones, so that an
    /// exception costs nothing else.
    pub optional: bool,
}

/// What one more request costs beside its registers: its own frame and the frame of the answer.
const FRAME_BYTES: u64 = 12;

/// How many bytes pass in a millisecond at 9600 baud, the usual speed of a meter's line.
const BYTES_PER_MS: u64 = 1;

/// Registers that belong together: a number is never split over two reads, since its words would be of
/// different instants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Span {
    function: u8,
    optional: bool,
    address: u32,
    end: u32,
}

impl Profile {
    /// Returns the reads that fetch all values, in order of function and address.
    ///
    /// Registers in between are read along where that is cheaper than one more request, whose price is
    /// its frames and the device's pause.
    pub fn reads(&self) -> Vec<Read> {
        let request = FRAME_BYTES + BYTES_PER_MS * self.limits.gap.as_millis() as u64;
        let mut spans = self.spans();
        spans.sort_unstable();
        spans.dedup();
        let mut reads: Vec<Read> = spans
            .chunk_by(|a, b| (a.function, a.optional) == (b.function, b.optional))
            .flat_map(|spans| cheapest(spans, self.limits.max_registers.into(), request))
            .collect();
        reads.sort_unstable();
        reads
    }

    /// Returns the registers of each value on its own, in order: where a read may be cut for a device
    /// that takes only shorter ones.
    pub fn values(&self) -> Vec<Read> {
        let mut spans = self.spans();
        spans.sort_unstable();
        spans.dedup();
        spans.iter().map(|span| read(std::slice::from_ref(span))).collect()
    }

    fn spans(&self) -> Vec<Span> {
        let values = self.all_points().flat_map(|point| {
            point.items.iter().flatten().map(|term| {
                let first = u32::from(term.address);
                let end = first + u32::from(point.registers);
                // A number and its power of ten are of one response: the power changes with the number.
                let scale = point.scale_at.map_or(first, u32::from);
                let (address, end) = (first.min(scale), end.max(scale + u32::from(point.scale_at.is_some())));
                Span { function: point.function, optional: point.optional, address, end }
            })
        });
        let alive = self.alive.iter().map(|alive| {
            let address = u32::from(alive.address);
            Span { function: alive.function, optional: false, address, end: address + 1 }
        });
        values.chain(alive).collect()
    }
}

/// Cuts sorted spans into reads at the least cost, by the cheapest way to read the first n of them.
fn cheapest(spans: &[Span], max_registers: u32, request: u64) -> Vec<Read> {
    // best[n] = (cost of the first n spans, index of the first span in their last read).
    let mut best: Vec<(u64, usize)> = vec![(0, 0)];
    for last in 0..spans.len() {
        let way = (0..=last)
            .filter_map(|first| {
                let registers = registers(&spans[first..=last]);
                let whole = first == last || registers <= max_registers;
                whole.then(|| (best[first].0 + request + 2 * u64::from(registers), first))
            })
            .min();
        // A single span is always a way, so there is one.
        best.push(way.unwrap_or((u64::MAX, last)));
    }
    let mut reads = Vec::new();
    let mut end = spans.len();
    while end > 0 {
        let first = best[end].1;
        reads.push(read(&spans[first..end]));
        end = first;
    }
    reads
}

fn registers(spans: &[Span]) -> u32 {
    let end = spans.iter().map(|span| span.end).max().unwrap_or(0);
    end - spans.first().map_or(end, |span| span.address)
}

fn read(spans: &[Span]) -> Read {
    let first = spans[0];
    // Lint has checked that every span ends within the address space and the device's limit.
    Read {
        function: first.function,
        address: first.address as u16,
        count: registers(spans) as u16,
        optional: first.optional,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(address: u32, registers: u32) -> Span {
        Span { function: 4, optional: false, address, end: address + registers }
    }

    fn check(spans: &[Span], max: u32, request: u64, expected: &[(u16, u16)]) {
        let mut reads: Vec<_> =
            cheapest(spans, max, request).iter().map(|read| (read.address, read.count)).collect();
        reads.sort_unstable();
        assert_eq!(reads, expected);
    }

    #[test]
    fn a_hole_is_read_along_while_it_is_cheaper_than_a_request() {
        check(&[span(0, 2), span(8, 2)], 80, 13, &[(0, 10)]);
        check(&[span(0, 2), span(9, 2)], 80, 13, &[(0, 2), (9, 2)]);
    }

    #[test]
    fn a_value_is_never_split_at_the_limit() {
        check(&[span(0, 2), span(2, 2), span(4, 2)], 5, 12, &[(0, 2), (2, 4)]);
    }

    #[test]
    fn values_that_overlap_are_read_once() {
        check(&[span(0, 4), span(2, 2)], 80, 12, &[(0, 4)]);
    }
}
