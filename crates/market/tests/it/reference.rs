//! Independent references, slow and simple: a flow network without prices, and curves of single watt-hours.

use std::collections::HashMap;

use market::{Book, EdgeCapacity, Side};

/// Welfare first, then traded quantity.
type Gain = (i128, i128);

struct Arc {
    from: usize,
    to: usize,
    left: i64,
    gain: Gain,
}

/// The market as a circulation: areas, and one node outside that orders lead to and come from. Profitable
/// cycles are cancelled until none is left. Knows nothing of trees, curves or prices.
pub struct Network {
    outside: usize,
    /// Arc and reverse arc in turn.
    arcs: Vec<Arc>,
    pub welfare: i128,
    pub volume: i128,
}

impl Network {
    pub fn solve(book: &Book, capacities: &[EdgeCapacity]) -> Self {
        let outside = book.areas.len();
        let mut network = Self { outside, arcs: Vec::new(), welfare: 0, volume: 0 };
        let everything: i64 = book.orders.iter().map(|order| order.quantity.get()).sum();
        let place: HashMap<_, _> = book.areas.iter().enumerate().map(|(at, area)| (&area.id, at)).collect();
        for (child, (area, capacity)) in book.areas.iter().zip(capacities).enumerate() {
            let Some(parent) = &area.parent else { continue };
            let parent = place[parent];
            let fee = i128::from(area.fee.unwrap().micros_per_kwh());
            let most = |capacity: Option<units::WattHours>| capacity.map_or(everything, |most| most.get());
            network.add(child, parent, most(capacity.to_parent), (-fee, 0));
            network.add(parent, child, most(capacity.from_parent), (-fee, 0));
        }
        for order in &book.orders {
            let (area, limit) = (place[&order.area], i128::from(order.limit.micros_per_kwh()));
            match order.side {
                Side::Buy => network.add(area, outside, order.quantity.get(), (limit, 1)),
                Side::Sell => network.add(outside, area, order.quantity.get(), (-limit, 0)),
            }
        }
        while network.cancel_a_profitable_cycle() {}
        network
    }

    /// Returns the least and the greatest price of each area that support the optimum.
    pub fn supporting(&self) -> Vec<(Option<i128>, Option<i128>)> {
        let greatest = self.distances(|arc| (arc.from, arc.to));
        let least = self.distances(|arc| (arc.to, arc.from));
        (0..self.outside).map(|area| (least[area].map(|least| -least), greatest[area])).collect()
    }

    fn add(&mut self, from: usize, to: usize, capacity: i64, gain: Gain) {
        self.arcs.push(Arc { from, to, left: capacity, gain });
        self.arcs.push(Arc { from: to, to: from, left: 0, gain: (-gain.0, -gain.1) });
    }

    /// Bellman and Ford from everywhere at once; a node that still improves after all rounds hangs on a cycle.
    fn cancel_a_profitable_cycle(&mut self) -> bool {
        let nodes = self.outside + 1;
        let mut best: Vec<Gain> = vec![(0, 0); nodes];
        let mut via: Vec<Option<usize>> = vec![None; nodes];
        let mut improved = None;
        for _ in 0..=nodes {
            improved = None;
            for (at, arc) in self.arcs.iter().enumerate().filter(|(_, arc)| arc.left > 0) {
                let reached = (best[arc.from].0 + arc.gain.0, best[arc.from].1 + arc.gain.1);
                if reached > best[arc.to] {
                    best[arc.to] = reached;
                    via[arc.to] = Some(at);
                    improved = Some(arc.to);
                }
            }
        }
        let Some(mut node) = improved else { return false };
        for _ in 0..nodes {
            node = self.arcs[via[node].unwrap()].from;
        }
        let mut cycle = Vec::new();
        let start = node;
        loop {
            let arc = via[node].unwrap();
            cycle.push(arc);
            node = self.arcs[arc].from;
            if node == start {
                break;
            }
        }
        let amount = cycle.iter().map(|&arc| self.arcs[arc].left).min().unwrap();
        for arc in cycle {
            self.arcs[arc].left -= amount;
            self.arcs[arc ^ 1].left += amount;
            self.welfare += self.arcs[arc].gain.0 * i128::from(amount);
            self.volume += self.arcs[arc].gain.1 * i128::from(amount);
        }
        true
    }

    fn distances(&self, ends: impl Fn(&Arc) -> (usize, usize)) -> Vec<Option<i128>> {
        let mut distance = vec![None; self.outside + 1];
        distance[self.outside] = Some(0);
        for _ in 0..=self.outside {
            for arc in self.arcs.iter().filter(|arc| arc.left > 0) {
                let (from, to) = ends(arc);
                let Some(start) = distance[from] else { continue };
                let reached: i128 = start - arc.gain.0;
                if distance[to].is_none_or(|known| reached < known) {
                    distance[to] = Some(reached);
                }
            }
        }
        distance
    }
}

/// Who asks for one Wh at the margin: an area's own orders, or the edge of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Own,
    Child(usize),
}

/// The sharing of ties by the letter of the rules, on curves in which every step is one Wh.
pub struct Sharing<'a> {
    book: &'a Book,
    capacities: &'a [EdgeCapacity],
    pub fills: HashMap<String, i64>,
    pub flows: Vec<i64>,
}

impl<'a> Sharing<'a> {
    pub fn of(book: &'a Book, capacities: &'a [EdgeCapacity]) -> Self {
        let mut sharing = Self { book, capacities, fills: HashMap::new(), flows: vec![0; book.areas.len()] };
        for (area, stated) in book.areas.iter().enumerate() {
            if stated.parent.is_none() {
                sharing.descend(area, 0);
            }
        }
        sharing
    }

    /// An area's Wh by price, each with its source; and how many of them lie left of zero.
    fn curve(&self, area: usize) -> (Vec<(i64, Source)>, i64) {
        let (mut steps, mut import) = (Vec::new(), 0);
        for order in self.book.orders.iter().filter(|order| order.area == self.book.areas[area].id) {
            let buys = order.side == Side::Buy;
            let price = 2 * order.limit.micros_per_kwh() + i64::from(buys);
            steps.extend((0..order.quantity.get()).map(|_| (price, Source::Own)));
            import += if buys { order.quantity.get() } else { 0 };
        }
        for child in self.children(area) {
            let (below, zero) = self.curve(child);
            let fee = 2 * self.book.areas[child].fee.unwrap().micros_per_kwh();
            let up = self.capacities[child].to_parent.map_or(i64::MAX, |most| most.get());
            let down = self.capacities[child].from_parent.map_or(i64::MAX, |most| most.get());
            for ((price, _), flow) in below.into_iter().zip(-zero..) {
                // This Wh takes the flow from `flow` to `flow + 1`.
                if flow >= 0 && flow < up {
                    steps.push((price + fee, Source::Child(child)));
                }
                if flow < 0 && flow >= down.saturating_neg() {
                    steps.push((price - fee, Source::Child(child)));
                    import += 1;
                }
            }
        }
        steps.sort_by_key(|step| step.0);
        (steps, import)
    }

    fn children(&self, area: usize) -> Vec<usize> {
        let is_child =
            |child: &usize| self.book.areas[*child].parent.as_ref() == Some(&self.book.areas[area].id);
        (0..self.book.areas.len()).filter(is_child).collect()
    }

    fn descend(&mut self, area: usize, flow: i64) {
        let (steps, zero) = self.curve(area);
        self.flows[area] = flow;
        let reached = usize::try_from(zero + flow).unwrap();
        let price = match (reached.checked_sub(1), steps.get(reached)) {
            (Some(last), _) => steps[last].0,
            (None, Some(next)) => next.0,
            (None, None) => 0,
        };
        let count = |source: Source, wanted: &dyn Fn(i64) -> bool| {
            steps.iter().filter(|step| step.1 == source && wanted(step.0)).count() as i64
        };
        let mut sources = vec![Source::Own];
        let mut children = self.children(area);
        children.sort_by_key(|&child| self.book.areas[child].id.clone());
        sources.extend(children.into_iter().map(Source::Child));
        let widths: Vec<i64> = sources.iter().map(|&source| count(source, &|at| at == price)).collect();
        let worse = steps.iter().filter(|step| step.0 < price).count();
        let exported = reached as i64 - worse as i64;
        let buyers = price.rem_euclid(2) == 1;
        let served = if buyers { widths.iter().sum::<i64>() - exported } else { exported };
        for ((&source, &share), width) in sources.iter().zip(&largest_fractions(served, &widths)).zip(&widths)
        {
            match source {
                Source::Own => self.serve(area, price, share),
                Source::Child(child) => {
                    let (_, below_zero) = self.curve(child);
                    let down = self.capacities[child].from_parent.map_or(i64::MAX, |most| most.get());
                    let least = -below_zero.min(down);
                    let exported = if buyers { width - share } else { share };
                    self.descend(child, least + count(source, &|at| at < price) + exported);
                }
            }
        }
    }

    fn serve(&mut self, area: usize, price: i64, at_margin: i64) {
        let mut own: Vec<_> =
            self.book.orders.iter().filter(|order| order.area == self.book.areas[area].id).collect();
        own.sort_by_key(|order| order.id.clone());
        let limit =
            |order: &market::Order| 2 * order.limit.micros_per_kwh() + i64::from(order.side == Side::Buy);
        let (margin, rest): (Vec<_>, Vec<_>) = own.into_iter().partition(|order| limit(order) == price);
        for order in rest {
            let better = (limit(order) > price) == (order.side == Side::Buy);
            self.fills.insert(order.id.to_string(), if better { order.quantity.get() } else { 0 });
        }
        let widths: Vec<i64> = margin.iter().map(|order| order.quantity.get()).collect();
        for (order, share) in margin.iter().zip(largest_fractions(at_margin, &widths)) {
            self.fills.insert(order.id.to_string(), share);
        }
    }
}

/// Floor, then one Wh each by the largest fraction, then in the order given.
fn largest_fractions(amount: i64, widths: &[i64]) -> Vec<i64> {
    let total: i64 = widths.iter().sum();
    if total == 0 {
        return vec![0; widths.len()];
    }
    let mut shares: Vec<i64> = widths.iter().map(|width| amount * width / total).collect();
    let mut by_fraction: Vec<usize> = (0..widths.len()).collect();
    by_fraction.sort_by_key(|&at| std::cmp::Reverse(amount * widths[at] % total));
    let odd = amount - shares.iter().sum::<i64>();
    by_fraction.iter().take(odd as usize).for_each(|&at| shares[at] += 1);
    shares
}
