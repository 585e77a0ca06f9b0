//! Bias correction: what a changed layer does to the mean of its outputs is taken back.

use graph::{Op, Shape};

use crate::window::Window;

/// Sums of what each weight of a layer meets, over pixels and frames: `[taps, channels]` for a convolution, with zeros
/// where a tap lies in the padding, `[1, inputs]` for a linear layer.
///
/// With them the mean of an output before its activation is exact: it is linear in the weights.
#[derive(Clone, Debug, PartialEq)]
pub struct InputSums {
    sums: Vec<f64>,
    channels: usize,
    n_outputs: u64,
    window: Option<Window>,
}

impl InputSums {
    /// Nothing seen yet by `op`, which reads `input` and writes `output`; `None` where it has no weights.
    pub fn new(op: &Op, input: Shape, output: Shape) -> Option<Self> {
        op.weight()?;
        let channels = input.channels();
        let window = match op {
            Op::Conv2d(conv) => Window::new(conv, input, output),
            _ => None,
        };
        let taps = window.as_ref().map_or(1, |window| window.n_taps());
        Some(Self { sums: vec![0.0; taps * channels], channels, n_outputs: 0, window })
    }

    /// Takes in the layer's input for one frame, `nhwc`.
    pub fn observe(&mut self, input: &[f32]) {
        let Some(window) = &self.window else {
            for (sum, x) in self.sums.iter_mut().zip(input) {
                *sum += f64::from(*x);
            }
            self.n_outputs += 1;
            return;
        };
        let channels = self.channels;
        let ([kernel_height, kernel_width], [_, width]) = (window.kernel(), window.image());
        let lines = input.chunks_exact((width * channels).max(1));
        let mut line_sums = vec![0.0_f32; channels];
        for (y, line) in lines.enumerate() {
            let rows: Vec<usize> = (0..kernel_height).filter(|ky| window.meets(0, *ky, y)).collect();
            for kx in 0..kernel_width {
                line_sums.fill(0.0);
                for x in (0..width).filter(|x| window.meets(1, kx, *x)) {
                    for (sum, value) in line_sums.iter_mut().zip(&line[x * channels..][..channels]) {
                        *sum += value;
                    }
                }
                for ky in &rows {
                    let tap = (ky * kernel_width + kx) * channels;
                    for (sum, line) in self.sums[tap..tap + channels].iter_mut().zip(&line_sums) {
                        *sum += f64::from(*line);
                    }
                }
            }
        }
        self.n_outputs += window.n_outputs() as u64;
    }

    /// The mean of each output of a layer with these weights (`oihw` or `[out, in]`) and biases, before its activation.
    ///
    /// - `depthwise`: output channel `c` reads input channel `c` only.
    pub fn output_means(&self, op: &Op) -> Vec<f64> {
        let Some(weight) = op.weight() else { return Vec::new() };
        let n = self.n_outputs.max(1) as f64;
        let taps = self.sums.len() / self.channels.max(1);
        let depthwise = matches!(op, Op::Conv2d(conv) if conv.is_depthwise());
        let values = weight.to_f32();
        let filters = values.chunks_exact(weight.channel_len().max(1));
        filters
            .enumerate()
            .map(|(o, filter)| {
                let first = if depthwise { o } else { 0 };
                let met = |i: usize| self.sums[(i % taps) * self.channels + first + i / taps];
                let sum: f64 = filter.iter().enumerate().map(|(i, w)| f64::from(*w) * met(i)).sum();
                sum / n + op.bias().map_or(0.0, |bias| f64::from(bias[o]))
            })
            .collect()
    }
}

/// Shifts the biases of `changed` so that the mean of each output channel on `changed_inputs` is that of `float` on
/// `float_inputs`.
///
/// Source: Nagel et al. 2019 (arXiv 1906.04721), section 4.2, with means from calibration frames; both layers' own inputs
/// are used, so that errors of earlier layers are taken back too.
pub fn correct_bias(float: &Op, float_inputs: &InputSums, changed: &mut Op, changed_inputs: &InputSums) {
    let want = float_inputs.output_means(float);
    let have = changed_inputs.output_means(changed);
    let Some(bias) = changed.bias_mut() else { return };
    let before = bias.take().unwrap_or_else(|| vec![0.0; want.len()]);
    let shifts = want.iter().zip(&have).map(|(want, have)| want - have);
    *bias = Some(
        before
            .iter()
            .zip(shifts)
            .map(|(bias, shift)| if shift.is_finite() { (f64::from(*bias) + shift) as f32 } else { *bias })
            .collect(),
    );
}

/// Keeps the twelve leading bits of each bias's significand, which an entropy coder holds in half the bytes. The error,
/// `2^-13` of a bias, is far below a level of its layer's weights.
pub fn shorten_bias(op: &mut Op) {
    const DROPPED: u32 = 24 - 12;
    let Some(Some(bias)) = op.bias_mut() else { return };
    for bias in bias.iter_mut().filter(|bias| bias.is_finite()) {
        let bits = bias.to_bits();
        let rounded = bits.saturating_add(1 << (DROPPED - 1)) >> DROPPED << DROPPED;
        let rounded = f32::from_bits(rounded);
        *bias = if rounded.is_finite() { rounded } else { *bias };
    }
}

#[cfg(test)]
mod tests {
    use graph::{Conv2d, Linear, Padding, Weight};

    use super::*;

    fn ramp(n: usize, step: usize) -> Vec<f32> {
        (0..n).map(|i| ((i * step % 89) as f32 - 40.0) / 32.0).collect()
    }

    /// Mean of each output channel, written out.
    fn means(conv: &Conv2d, input: &[f32], [height, width, channels]: [usize; 3]) -> Vec<f64> {
        let op = Op::Conv2d(conv.clone());
        let shape = op.output_shape("conv", &[Shape::Image { height, width, channels }]).unwrap();
        let Shape::Image { height: out_height, width: out_width, channels: out } = shape else { panic!() };
        let [kernel_height, kernel_width] = conv.kernel();
        let weights = conv.weight.to_f32();
        let per_filter = conv.weight.shape[1];
        (0..out)
            .map(|o| {
                let mut sum = 0.0;
                for (oy, ox) in (0..out_height).flat_map(|y| (0..out_width).map(move |x| (y, x))) {
                    for c in 0..per_filter {
                        for (ky, kx) in
                            (0..kernel_height).flat_map(|y| (0..kernel_width).map(move |x| (y, x)))
                        {
                            let y = (oy * conv.stride[0] + ky).wrapping_sub(conv.padding.top);
                            let x = (ox * conv.stride[1] + kx).wrapping_sub(conv.padding.left);
                            if y < height && x < width {
                                let channel = if conv.is_depthwise() { o } else { c };
                                let w =
                                    weights[((o * per_filter + c) * kernel_height + ky) * kernel_width + kx];
                                sum += f64::from(w) * f64::from(input[(y * width + x) * channels + channel]);
                            }
                        }
                    }
                }
                sum / (out_height * out_width) as f64
                    + conv.bias.as_ref().map_or(0.0, |bias| f64::from(bias[o]))
            })
            .collect()
    }

    #[test]
    fn output_means_are_exact_with_padding_and_stride() {
        for (groups, per_filter, out, kernel, stride, pad) in
            [(1, 6, 4, 3, 2, 1), (6, 1, 6, 3, 1, 1), (6, 1, 6, 5, 2, 2), (1, 6, 8, 1, 1, 0)]
        {
            let shape = vec![out, per_filter, kernel, kernel];
            let weight = Weight::f32(shape.clone(), ramp(shape.iter().product(), 37));
            let padding = Padding::symmetric(pad);
            let conv = Conv2d { weight, bias: Some(ramp(out, 11)), stride: [stride; 2], padding, groups };
            let image = [7, 9, 6];
            let input = ramp(image.iter().product(), 53);
            let op = Op::Conv2d(conv.clone());
            let shape = Shape::Image { height: image[0], width: image[1], channels: image[2] };
            let output = op.output_shape("conv", &[shape]).unwrap();
            let mut sums = InputSums::new(&op, shape, output).unwrap();
            sums.observe(&input);
            sums.observe(&input);
            let (have, want) = (sums.output_means(&op), means(&conv, &input, image));
            let close = have.iter().zip(&want).all(|(have, want)| (have - want).abs() < 1e-4);
            assert!(close, "{groups} groups, {kernel}x{kernel}: {have:?} {want:?}");
        }
    }

    #[test]
    fn a_changed_layer_gets_the_mean_of_the_float_one() {
        let linear =
            |step| Op::Linear(Linear { weight: Weight::f32(vec![3, 5], ramp(15, step)), bias: None });
        let (float, mut changed) = (linear(37), linear(41));
        let (input, output) = (Shape::Vector { length: 5 }, Shape::Vector { length: 3 });
        let sums = |step| {
            let mut sums = InputSums::new(&float, input, output).unwrap();
            sums.observe(&ramp(5, step));
            sums.observe(&ramp(5, step + 2));
            sums
        };
        let (float_sums, changed_sums) = (sums(7), sums(13));
        assert_ne!(changed_sums.output_means(&changed), float_sums.output_means(&float));
        correct_bias(&float, &float_sums, &mut changed, &changed_sums);
        let (have, want) = (changed_sums.output_means(&changed), float_sums.output_means(&float));
        assert!(have.iter().zip(&want).all(|(have, want)| (have - want).abs() < 1e-5), "{have:?} {want:?}");
    }

    #[test]
    fn short_biases_are_within_half_of_their_last_bit() {
        let before = ramp(40, 37);
        let weight = Weight::f32(vec![40, 1], ramp(40, 3));
        let mut op = Op::Linear(Linear { weight, bias: Some(before.clone()) });
        shorten_bias(&mut op);
        for (before, after) in before.iter().zip(op.bias().unwrap()) {
            assert!((before - after).abs() <= before.abs() / 4096.0, "{before} {after}");
            assert_eq!(after.to_bits() & 0xfff, 0);
        }
    }
}
