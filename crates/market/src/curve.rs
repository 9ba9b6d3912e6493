//! What a subtree would send to its parent at each price: a staircase that edges bend and areas add up.
//!
//! A curve is a list of steps by rising price. Left of its zero lie the Wh that the subtree imports when the
//! price is low (local buyers served, local sellers displaced), right of it those that it exports when the
//! price is high. Crossing an edge moves the left part down by the fee and the right part up, and cuts both
//! ends at capacity; areas add up by merging.
//!
//! Steps lie in chunks of a few hundred with a common shift. Crossing then touches one chunk and the list of
//! chunks; a small curve is inserted step by step into a large one, and curves of similar size are merged flat.
//! A balanced tree would save the walk over the chunk list, and loses to it in practice by cache misses.

use crate::grid::Edge;
use crate::scale::{BOUNDLESS, Scale};

#[cfg(test)]
mod tests;

/// Steps in a fresh chunk; one of twice the size is split. Small under test, so that small curves have several.
const CHUNK: usize = if cfg!(test) { 3 } else { 256 };

/// A curve is merged into one this many times larger step by step, else flat.
const SMALL: usize = if cfg!(test) { 2 } else { 8 };

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub price: i64,
    pub width: i64,
}

#[derive(Debug)]
struct Chunk {
    /// Never empty; prices are less `shift`.
    steps: Vec<Step>,
    shift: i64,
    width: i64,
}

/// A staircase through zero.
#[derive(Debug, Default)]
pub(crate) struct Curve {
    chunks: Vec<Chunk>,
    steps: usize,
    /// Wh left of zero.
    import: i64,
    /// Wh right of zero.
    export: i64,
}

/// The prices at the places of a curve where the edge above it changes its behaviour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Crossing {
    /// Prices left and right of the place where the import fills the edge, if it can.
    import_full: Option<(i64, i64)>,
    /// Prices left and right of zero.
    idle: (i64, i64),
    /// Price left of the place where the export fills the edge, if it can.
    export_full: Option<i64>,
}

impl Crossing {
    /// Returns the least price below the edge that goes with a price above it.
    pub fn least_below(&self, above: i64, edge: &Edge) -> i64 {
        let fee = Scale::HalfMicros.fee(edge);
        let (importing, exporting) = (above + fee, above - fee);
        if edge.from_parent > 0 {
            match self.import_full {
                Some((left, right)) if importing <= right => return left.max(importing),
                _ if importing <= self.idle.0 => return importing,
                _ => {}
            }
        }
        if edge.to_parent == 0 {
            return self.idle.0;
        }
        if exporting <= self.idle.1 {
            return self.idle.0.max(exporting);
        }
        self.export_full.map_or(exporting, |full| full.min(exporting))
    }
}

/// A place on a curve: `inside` Wh of a step lie left of it.
#[derive(Clone, Copy, Debug)]
struct Place {
    chunk: usize,
    step: usize,
    inside: i64,
}

impl Curve {
    /// Adds up an area's own steps, in any order, and the curves of its children.
    pub fn sum(mut own: Vec<Step>, import: i64, export: i64, children: Vec<Curve>) -> Self {
        own.sort_unstable_by_key(|step| step.price);
        let largest = (0..children.len()).max_by_key(|&child| children[child].steps);
        let added = own.len() + children.iter().map(|child| child.steps).sum::<usize>()
            - largest.map_or(0, |largest| children[largest].steps);
        let mut sum = Self::default();
        match largest {
            Some(largest) if added * SMALL < children[largest].steps => {
                let mut children = children;
                sum = children.swap_remove(largest);
                own.iter().for_each(|&step| sum.insert(step));
                for child in children {
                    child.each(|step| sum.insert(step));
                    sum.import += child.import;
                    sum.export += child.export;
                }
            }
            _ => {
                own.reserve_exact(added + largest.map_or(0, |largest| children[largest].steps) - own.len());
                for child in &children {
                    child.each(|step| own.push(step));
                    sum.import += child.import;
                    sum.export += child.export;
                }
                if !children.is_empty() {
                    // Stable sorting finds the runs that are sorted already.
                    own.sort_by_key(|step| step.price);
                }
                sum.fill(own);
            }
        }
        sum.import += import;
        sum.export += export;
        sum
    }

    /// Bends the curve to what the parent sees of it.
    pub fn cross(&mut self, edge: &Edge) -> Crossing {
        let zero = self.place(self.import);
        let import_full = (self.import >= edge.from_parent).then(|| {
            let full = self.place(self.import - edge.from_parent);
            (self.left_of(full), self.right_of(full))
        });
        let export_full =
            (self.export >= edge.to_parent).then(|| self.left_of(self.place(self.import + edge.to_parent)));
        let crossing = Crossing { import_full, idle: (self.left_of(zero), self.right_of(zero)), export_full };
        if edge.to_parent < self.export {
            self.cut_right(self.place(self.import + edge.to_parent));
            self.export = edge.to_parent;
        }
        self.spread(self.place(self.import), Scale::HalfMicros.fee(edge));
        if edge.from_parent < self.import {
            self.cut_left(self.place(self.import - edge.from_parent));
            self.import = edge.from_parent;
        }
        crossing
    }

    fn each(&self, mut visit: impl FnMut(Step)) {
        for chunk in &self.chunks {
            for step in &chunk.steps {
                visit(Step { price: step.price + chunk.shift, width: step.width });
            }
        }
    }

    fn fill(&mut self, mut sorted: Vec<Step>) {
        sorted.dedup_by(|next, kept| {
            let same = next.price == kept.price;
            if same {
                kept.width += next.width;
            }
            same
        });
        self.steps = sorted.len();
        self.chunks = sorted.chunks(CHUNK).map(|steps| Chunk::of(steps.to_vec(), 0)).collect();
    }

    fn insert(&mut self, step: Step) {
        let after = self.chunks.partition_point(|chunk| chunk.steps[0].price + chunk.shift <= step.price);
        let place = after.saturating_sub(1);
        let Some(chunk) = self.chunks.get_mut(place) else {
            return self.fill(vec![step]);
        };
        let step = Step { price: step.price - chunk.shift, width: step.width };
        chunk.width += step.width;
        let at = chunk.steps.partition_point(|other| other.price < step.price);
        match chunk.steps.get_mut(at) {
            Some(same) if same.price == step.price => same.width += step.width,
            _ => {
                chunk.steps.insert(at, step);
                self.steps += 1;
                self.split_if_large(place);
            }
        }
    }

    /// Finds the place that so many Wh lie left of. At the boundary of two steps it is the right one's start.
    fn place(&self, mut left: i64) -> Place {
        let within = |chunk: &&Chunk| {
            let beyond = left >= chunk.width;
            if beyond {
                left -= chunk.width;
            }
            beyond
        };
        let chunk = self.chunks.iter().take_while(within).count();
        let Some(found) = self.chunks.get(chunk) else {
            return Place { chunk, step: 0, inside: 0 };
        };
        let mut step = 0;
        while left >= found.steps[step].width {
            left -= found.steps[step].width;
            step += 1;
        }
        Place { chunk, step, inside: left }
    }

    fn left_of(&self, place: Place) -> i64 {
        if place.inside > 0 {
            return self.right_of(place);
        }
        if let Some(step) = place.step.checked_sub(1) {
            let chunk = &self.chunks[place.chunk];
            return chunk.steps[step].price + chunk.shift;
        }
        let before = place.chunk.checked_sub(1).and_then(|before| self.chunks.get(before));
        before.and_then(|chunk| Some(chunk.steps.last()?.price + chunk.shift)).unwrap_or(-BOUNDLESS)
    }

    fn right_of(&self, place: Place) -> i64 {
        self.chunks.get(place.chunk).map_or(BOUNDLESS, |chunk| chunk.steps[place.step].price + chunk.shift)
    }

    fn cut_right(&mut self, place: Place) {
        let Some(chunk) = self.chunks.get_mut(place.chunk) else { return };
        let kept = place.step + usize::from(place.inside > 0);
        if place.inside > 0 {
            chunk.steps[place.step].width = place.inside;
        }
        chunk.steps.truncate(kept);
        chunk.measure();
        self.chunks.truncate(place.chunk + usize::from(kept > 0));
        self.recount();
    }

    fn cut_left(&mut self, place: Place) {
        if let Some(chunk) = self.chunks.get_mut(place.chunk) {
            chunk.steps[place.step].width -= place.inside;
            chunk.steps.drain(..place.step);
            chunk.measure();
        }
        self.chunks.drain(..place.chunk);
        self.recount();
    }

    /// Moves what lies left of a place down and what lies right of it up.
    fn spread(&mut self, place: Place, fee: i64) {
        if fee == 0 {
            return;
        }
        let middle = place.chunk.min(self.chunks.len());
        self.chunks[..middle].iter_mut().for_each(|chunk| chunk.shift -= fee);
        let Some((chunk, right)) = self.chunks[middle..].split_first_mut() else { return };
        right.iter_mut().for_each(|chunk| chunk.shift += fee);
        let mut from = place.step;
        if place.inside > 0 {
            let split = chunk.steps[from];
            chunk.steps[from].width = place.inside;
            chunk.steps.insert(from + 1, Step { width: split.width - place.inside, ..split });
            self.steps += 1;
            from += 1;
        }
        chunk.steps[..from].iter_mut().for_each(|step| step.price -= fee);
        chunk.steps[from..].iter_mut().for_each(|step| step.price += fee);
        self.split_if_large(place.chunk);
    }

    fn split_if_large(&mut self, place: usize) {
        let chunk = &mut self.chunks[place];
        if chunk.steps.len() < 2 * CHUNK {
            return;
        }
        let right = Chunk::of(chunk.steps.split_off(CHUNK), chunk.shift);
        chunk.width -= right.width;
        self.chunks.insert(place + 1, right);
    }

    fn recount(&mut self) {
        self.steps = self.chunks.iter().map(|chunk| chunk.steps.len()).sum();
    }
}

impl Chunk {
    fn of(steps: Vec<Step>, shift: i64) -> Self {
        let mut chunk = Self { steps, shift, width: 0 };
        chunk.measure();
        chunk
    }

    fn measure(&mut self) {
        self.width = self.steps.iter().map(|step| step.width).sum();
    }
}
