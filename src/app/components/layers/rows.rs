//! One row for each layer: what the facts and the measured times say of it, on both sides.

use pipeline::LayerFacts;

use crate::app::state::{LayersState, Metric};
use crate::bridge::LayerTime;

/// A layer on both sides.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    /// In the original.
    pub original: Side<'a>,
    /// In the compressed model, where that is there and has the layer.
    pub compressed: Option<Side<'a>>,
}

/// A layer of one model.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    /// What it is.
    pub facts: &'a LayerFacts,
    /// What it took, where that was measured.
    pub time: Option<Time>,
    /// How far its activations are from the original's, where that was scanned.
    pub error: Option<f64>,
    /// How much its compression alone moves the answers, nats, where that was scanned.
    pub sensitivity: Option<f64>,
}

/// What a layer took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Time {
    /// Milliseconds of the kernel call that runs it.
    pub millis: f64,
    /// 10⁹ multiply-adds each second.
    pub gmacs: f64,
    /// Of what so many threads reach without memory, 0..1.
    pub share_of_ceiling: f64,
    /// The call runs another layer too, and these are the figures of both.
    pub joined: bool,
    /// It is the first of them, which carries the bar.
    pub leads: bool,
}

/// The rows of the original's layers, with what was measured of them. `threads` is how many share a kernel's work.
pub fn rows<'a>(
    original: &'a [LayerFacts],
    compressed: Option<&'a [LayerFacts]>,
    measured: &LayersState,
    threads: u32,
) -> Vec<Row<'a>> {
    let profile = measured.profile.as_deref();
    let time = |times: Option<&[LayerTime]>, node: &str| time_of(times?, node, threads);
    let scans = &measured.scans;
    original
        .iter()
        .map(|facts| {
            let twin = compressed.and_then(|layers| layers.iter().find(|layer| layer.node == facts.node));
            Row {
                original: Side {
                    facts,
                    time: time(profile.map(|it| it.original.as_slice()), &facts.node),
                    error: None,
                    sensitivity: None,
                },
                compressed: twin.map(|facts| Side {
                    facts,
                    time: time(profile.and_then(|it| it.compressed.as_deref()), &facts.node),
                    error: scans
                        .outputs
                        .layer(|layer| layer.node == facts.node)
                        .and_then(|layer| layer.relative_error),
                    sensitivity: scans.sensitivity.found.as_ref().map(|_| {
                        // Layers that the recipe does not change are not in the scan.
                        let layer = scans.sensitivity.layer(|layer| layer.node == facts.node);
                        layer.map_or(0.0, |layer| layer.divergence)
                    }),
                }),
            }
        })
        .collect()
}

fn time_of(times: &[LayerTime], node: &str, threads: u32) -> Option<Time> {
    let call = times.iter().find(|time| time.nodes().any(|name| name == node))?;
    let by_millis = |x: f64| if call.millis > 0.0 { x / call.millis } else { 0.0 };
    Some(Time {
        millis: call.millis,
        gmacs: by_millis(call.macs as f64 / 1e6),
        share_of_ceiling: by_millis(call.ceiling_millis / f64::from(threads.max(1))),
        joined: call.is_joined(),
        leads: call.nodes().next() == Some(node),
    })
}

impl Side<'_> {
    /// What a bar shows; `None` while it is not known, and for a layer whose time another one's bar holds.
    pub fn value(&self, metric: Metric) -> Option<f64> {
        let facts = self.facts;
        Some(match metric {
            Metric::Bytes => facts.bytes as f64,
            Metric::Macs => facts.macs as f64,
            Metric::Millis => self.time.filter(|time| time.leads)?.millis,
            Metric::Zeros => facts.sparsity,
            Metric::Bits => f64::from(facts.format.bits()),
            Metric::Error => self.error?,
            Metric::Sensitivity => self.sensitivity?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(node: &str, macs: u64) -> LayerTime {
        LayerTime {
            node: node.into(),
            kernel: "gemm".into(),
            is_integer: false,
            macs,
            weight_bytes: 0,
            millis: 0.5,
            ceiling_millis: 0.125,
        }
    }

    #[test]
    fn a_call_that_runs_two_layers_is_told_of_both_and_drawn_once() {
        let calls = [call("a", 1_000_000), call("b + c", 4_000_000)];
        let time = |node, threads| time_of(&calls, node, threads);
        let [a, b, c] = ["a", "b", "c"].map(|node| time(node, 1).unwrap());
        assert_eq!((a.gmacs, a.share_of_ceiling, a.joined, a.leads), (2.0, 0.25, false, true));
        assert_eq!((b.gmacs, b.share_of_ceiling, b.joined, b.leads), (8.0, 0.25, true, true));
        assert_eq!(c, Time { leads: false, ..b });
        assert_eq!(time("b", 4).unwrap().share_of_ceiling, 0.0625);
        assert_eq!(time("d", 1), None);
    }
}
