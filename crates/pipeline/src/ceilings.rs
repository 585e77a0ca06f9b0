//! What this machine reaches where nothing but multiply-adds runs, to measure layers by.

use engine::MultiplyAdds;
use kernels::{Products, ceiling};

/// Multiply-adds in registers alone, GMAC/s of one thread; zeros before the first measurement.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Ceilings {
    /// In float32.
    pub f32: f64,
    /// On int8 by the products of dense layers.
    pub dense_i8: f64,
    /// On int8 by those of depthwise layers, which go in pairs everywhere.
    pub depthwise_i8: f64,
}

/// Turns of a loop in one measurement: a fraction of a millisecond.
const TURNS: usize = 100_000;

impl Ceilings {
    /// Measures once more and keeps the best: what slows a measurement down is something else that runs. `now` is a clock
    /// in milliseconds.
    pub fn measure(&mut self, now: &dyn Fn() -> f64) {
        let rate = |multiply_add: &dyn Fn() -> u64| {
            let start = now();
            let macs = multiply_add();
            let millis = now() - start;
            if millis > 0.0 { macs as f64 / millis / 1e6 } else { 0.0 }
        };
        let i8 = |products| rate(&|| ceiling::multiply_add_i8(products, TURNS));
        self.f32 = self.f32.max(rate(&|| ceiling::multiply_add_f32(TURNS)));
        self.dense_i8 = self.dense_i8.max(i8(Products::best()));
        self.depthwise_i8 = self.depthwise_i8.max(i8(Products::Pairs));
    }

    /// Milliseconds that one thread takes at least; 0 before anything is measured.
    pub fn millis(&self, macs: MultiplyAdds) -> f64 {
        let MultiplyAdds { f32, dense_i8, depthwise_i8 } = macs;
        let parts = [(f32, self.f32), (dense_i8, self.dense_i8), (depthwise_i8, self.depthwise_i8)];
        parts.iter().filter(|(_, rate)| *rate > 0.0).map(|(macs, rate)| *macs as f64 / rate / 1e6).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn each_kind_of_product_counts_with_its_own_ceiling() {
        let ceilings = Ceilings { f32: 10.0, dense_i8: 40.0, depthwise_i8: 20.0 };
        let macs = MultiplyAdds { f32: 10_000_000, dense_i8: 80_000_000, depthwise_i8: 60_000_000 };
        assert_eq!(ceilings.millis(macs), 1.0 + 2.0 + 3.0);
        assert_eq!(macs.total(), 150_000_000);
        assert_eq!(Ceilings::default().millis(macs), 0.0);
    }

    #[test]
    fn the_best_measurement_stays() {
        let mut ceilings = Ceilings::default();
        let time = Cell::new(0.0);
        let clock = |step: f64| {
            let time = &time;
            move || {
                time.set(time.get() + step);
                time.get()
            }
        };
        ceilings.measure(&clock(2.0));
        let first = ceilings;
        assert!(first.f32 > 0.0 && first.dense_i8 > 0.0 && first.depthwise_i8 > 0.0);
        ceilings.measure(&clock(8.0));
        assert_eq!(ceilings, first);
        ceilings.measure(&clock(1.0));
        assert_eq!(ceilings.f32, 2.0 * first.f32);
    }
}
