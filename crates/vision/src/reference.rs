//! Preparation as its definition says, in double precision: what the tests compare the fast one with.

use crate::{Frame, Normalization, View};

/// `[size, size, 3]`. The resampled value of a channel is the sum over its plane of
/// `max(0, 1 - |dx| / sx) * max(0, 1 - |dy| / sy)`, normalised, with distances in the plane's pixels.
pub(crate) fn prepare(frame: &Frame<'_>, view: &View, size: usize, normalization: Normalization) -> Vec<f64> {
    let shorter = frame.width.min(frame.height) as f64;
    let side = (f64::from(view.side) * shorter).max(1.0);
    let left = (frame.width as f64 - side) * f64::from(view.horizontal);
    let top = (frame.height as f64 - side) * f64::from(view.vertical);
    let matrix = frame.format.to_rgb();
    let filters = |source: usize, start: f64| -> [Vec<Filter>; 2] {
        [(source, 1.0), (source.div_ceil(2), 0.5)]
            .map(|(n, factor)| (0..size).map(|i| filter(n, start * factor, side * factor, size, i)).collect())
    };
    let (columns, lines) = (filters(frame.width, left), filters(frame.height, top));
    let mut tensor = Vec::new();
    for y in 0..size {
        for column in 0..size {
            let x = if view.mirrored { size - 1 - column } else { column };
            let mut channels = Vec::new();
            for (kind, layout) in frame.format.planes().iter().zip(frame.planes) {
                let (columns, lines) =
                    (&columns[usize::from(kind.halved)][x], &lines[usize::from(kind.halved)][y]);
                for channel in 0..kind.n_channels {
                    let sample = |x: usize, y: usize| {
                        frame.bytes[layout.offset + y * layout.stride + x * kind.n_channels + channel]
                    };
                    let row = |y: usize| -> f64 {
                        columns.iter().map(|(x, weight)| weight * f64::from(sample(*x, y))).sum()
                    };
                    channels.push(lines.iter().map(|(y, weight)| weight * row(*y)).sum::<f64>());
                }
            }
            for (c, [of_0, of_1, of_2, offset]) in matrix.into_iter().enumerate() {
                let level = of_0 * channels[0] + of_1 * channels[1] + of_2 * channels[2] + offset;
                let exposed = (level * f64::from(view.exposure)).clamp(0.0, 255.0);
                let (mean, std) = (f64::from(normalization.mean[c]), f64::from(normalization.std[c]));
                tensor.push((exposed - mean) / std);
            }
        }
    }
    tensor
}

/// Source positions and weights.
type Filter = Vec<(usize, f64)>;

/// The filter of output `i`.
fn filter(n_source: usize, start: f64, length: f64, n_output: usize, i: usize) -> Filter {
    let scale = length / n_output as f64;
    let centre = start + (i as f64 + 0.5) * scale;
    let weight = |x: usize| (1.0 - (x as f64 + 0.5 - centre).abs() / scale.max(1.0)).max(0.0);
    let sum: f64 = (0..n_source).map(weight).sum();
    (0..n_source).map(|x| (x, weight(x) / sum)).filter(|(_, weight)| *weight > 0.0).collect()
}
