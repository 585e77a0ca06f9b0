//! Fast kernels against their references, over shapes that straddle the tiles.

#[cfg(not(target_family = "wasm"))]
mod threads;

use proptest::prelude::*;

use crate::*;

mod storage;

/// Numbers in -1..1 that look random and are the same everywhere (xorshift).
struct Numbers(u64);

impl Numbers {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn bits(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 11
    }

    fn f32s(&mut self, len: usize) -> Vec<f32> {
        (0..len).map(|_| (self.bits() & 0xFF_FFFF) as f32 / (1 << 23) as f32 - 1.0).collect()
    }

    fn i8s(&mut self, len: usize) -> Vec<i8> {
        (0..len).map(|_| self.bits() as i8).collect()
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.bits() as u8).collect()
    }

    /// Levels for which the products are exact on this machine.
    fn levels(&mut self, len: usize, products: Products) -> Vec<u8> {
        let largest = if products == Products::Quads && Products::best() != products { 127 } else { 255 };
        self.bytes(len).into_iter().map(|level| level & largest).collect()
    }

    /// Weights never hold -128.
    fn weights_i8(&mut self, len: usize) -> Vec<i8> {
        self.i8s(len).into_iter().map(|w| w.max(-127)).collect()
    }

    fn biases(&mut self, len: usize) -> Vec<i32> {
        (0..len).map(|_| (self.bits() as i32) >> 14).collect()
    }

    /// Upper bounds of levels, 8 and more.
    fn upper_levels(&mut self, channels: usize) -> Vec<u8> {
        self.bytes(channels).into_iter().map(|max| max.max(8)).collect()
    }

    fn requantization(&mut self, channels: usize) -> Requantization {
        // Mostly small as in real layers, at times above a quarter, where accumulators are doubled, with zeros in between.
        let scale = [0.002, 0.002, 1.9][self.bits() as usize % 3];
        let real = |x: &f32| if *x > 0.9 { 0.0 } else { scale * f64::from(1.1 + x) };
        let multipliers: Vec<f64> = self.f32s(channels).iter().map(real).collect();
        let requantization = Requantization::new(&multipliers, self.bits() as u8, 8, 253).unwrap();
        match self.bits() % 2 {
            0 => requantization,
            _ => requantization.with_upper_bounds(&self.upper_levels(channels)).unwrap(),
        }
    }
}

/// The bound on two sums of `k` products in different orders or with fused steps: `2 * gamma_k * sum(|a * b|)`.
fn bound(k: usize, magnitude: f32) -> f32 {
    let unit = f32::EPSILON / 2.0;
    let steps = (k + 2) as f32 * unit;
    2.0 * steps / (1.0 - steps) * magnitude + f32::MIN_POSITIVE
}

fn compare_f32(actual: &[f32], expected: &[f32], bound: f32) -> Result<(), String> {
    if actual.len() != expected.len() {
        return Err(format!("{} values, expected {}", actual.len(), expected.len()));
    }
    let wrong = |(a, e): (&f32, &f32)| (a - e).abs() > bound || a.is_nan() != e.is_nan();
    let mismatches: Vec<String> = actual
        .iter()
        .zip(expected)
        .enumerate()
        .filter(|(_, pair)| wrong(*pair))
        .take(4)
        .map(|(i, (a, e))| format!("[{i}] {a} instead of {e}"))
        .collect();
    if mismatches.is_empty() { Ok(()) } else { Err(format!("bound {bound:e}: {}", mismatches.join(", "))) }
}

fn compare<T: PartialEq + std::fmt::Debug>(actual: &[T], expected: &[T]) -> Result<(), String> {
    if actual.len() != expected.len() {
        return Err(format!("{} values, expected {}", actual.len(), expected.len()));
    }
    match actual.iter().zip(expected).position(|(a, e)| a != e) {
        None => Ok(()),
        Some(i) => Err(format!("[{i}] {:?} instead of {:?}", actual[i], expected[i])),
    }
}

#[test]
fn comparisons_can_fail() {
    assert!(compare_f32(&[1.0, 2.0], &[1.0, 2.1], 1e-3).is_err());
    assert!(compare_f32(&[f32::NAN], &[1.0], 1e9).is_err());
    assert!(compare_f32(&[1.0], &[1.0, 1.0], 1.0).is_err());
    assert!(compare(&[1, 2], &[1, 3]).is_err());
    assert!(compare(&[1], &[1, 1]).is_err());
    assert!(compare_f32(&[1.0], &[1.0], 0.0).is_ok());
}

/// 1 and around one, two and three tiles.
fn straddling(tile: usize) -> impl Strategy<Value = usize> {
    prop_oneof![Just(1), 1..=3 * tile + 1, Just(tile - 1), Just(tile), Just(tile + 1)]
}

/// An activation function's bounds, and whether the upper one is to differ from channel to channel.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    uniform: Clamp<'static>,
    per_channel: bool,
}

fn clamps() -> impl Strategy<Value = Bounds> {
    let tight = Clamp { min: -0.3, max: UpperBound::Uniform(0.4) };
    let uniform = prop_oneof![Just(Clamp::NONE), Just(Clamp::RELU), Just(Clamp::RELU6), Just(tight)];
    (uniform, any::<bool>()).prop_map(|(uniform, per_channel)| Bounds { uniform, per_channel })
}

impl Bounds {
    /// Room for the bounds of channels, in whole blocks; most of them are met, the filling's are not.
    fn store(self, numbers: &mut Numbers, channels: usize) -> Vec<f32> {
        let mut max: Vec<f32> = numbers.f32s(channels).iter().map(|x| 0.5 + 0.5 * x).collect();
        max.resize(channels.next_multiple_of(BLOCK), f32::INFINITY);
        max
    }

    fn clamp(self, max: &[f32]) -> Clamp<'_> {
        match self.per_channel {
            true => Clamp { max: UpperBound::PerChannel(max), ..self.uniform },
            false => self.uniform,
        }
    }
}

fn windows() -> impl Strategy<Value = Window> {
    let kernel = prop_oneof![Just([1, 1]), Just([3, 3]), Just([5, 5]), Just([2, 3]), Just([7, 7])];
    (kernel, 1..=3_usize, 1..=3_usize, 0..=2_usize, 0..=2_usize, 0..=2_usize, 0..=2_usize).prop_map(
        |(kernel, vertical, horizontal, top, left, bottom, right)| Window {
            kernel,
            stride: [vertical, horizontal],
            padding: Padding { top, left, bottom, right },
        },
    )
}

fn images(channels: impl Strategy<Value = usize>) -> impl Strategy<Value = ImageShape> {
    (1..=11_usize, 1..=11_usize, channels).prop_map(|(height, width, channels)| ImageShape {
        height,
        width,
        channels,
    })
}

/// A window and an image that it fits.
fn fitting(channels: impl Strategy<Value = usize>) -> impl Strategy<Value = (Window, ImageShape)> {
    (windows(), images(channels)).prop_filter("the window fits", |(window, image)| {
        window.output_size(image.height, image.width).is_some()
    })
}

fn layouts() -> impl Strategy<Value = Layout> {
    prop_oneof![Just(Layout::Interleaved), Just(Layout::Blocked)]
}

fn products() -> impl Strategy<Value = Products> {
    prop_oneof![Just(Products::Pairs), Just(Products::Quads)]
}

fn output_shape(window: &Window, image: ImageShape, channels: usize) -> ImageShape {
    let [height, width] = window.output_size(image.height, image.width).unwrap();
    ImageShape { height, width, channels }
}

fn blocked<T: Copy + Default>(nhwc: &[T], image: ImageShape) -> Vec<T> {
    let mut blocked = vec![T::default(); blocked_len(image)];
    to_blocks(nhwc, image, &mut blocked).unwrap();
    blocked
}

fn unblocked<T: Copy + Default>(blocked: &[T], image: ImageShape) -> Vec<T> {
    let mut nhwc = vec![T::default(); image.len()];
    from_blocks(blocked, image, &mut nhwc).unwrap();
    nhwc
}

fn laid_out<T: Copy + Default>(nhwc: &[T], image: ImageShape, layout: Layout) -> Vec<T> {
    match layout {
        Layout::Interleaved => nhwc.to_vec(),
        Layout::Blocked => blocked(nhwc, image),
    }
}

fn cases() -> ProptestConfig {
    ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn linear_layers_are_their_reference(
        n in straddling(32), k in straddling(16), seed: u64, bounds in clamps(), zero_point: u8, products in products(),
    ) {
        let numbers = &mut Numbers::new(seed);
        let (a, weights, bias) = (numbers.f32s(k), numbers.f32s(n * k), numbers.f32s(n));
        let packed = PackedWeightsF32::pack(&weights, n, k, &bias).unwrap();
        let max = bounds.store(numbers, n);
        let clamp = bounds.clamp(&max);
        let mut c = vec![f32::NAN; n.next_multiple_of(BLOCK)];
        linear_f32(&a, &packed, clamp, &mut [], &mut c).unwrap();
        let expected = reference::gemm_f32(&a, &weights, k, &bias, None, clamp);
        prop_assert_eq!(compare_f32(&c[..n], &expected, bound(k, k as f32 + 2.0)), Ok(()));

        let (a, weights, bias) = (numbers.levels(k, products), numbers.weights_i8(n * k), numbers.biases(n));
        let requantization = numbers.requantization(n);
        let packed = PackedWeightsI8::pack(&weights, n, k, k, &bias, zero_point, products).unwrap();
        let mut scratch = IntegerScratch::new(linear_i8_scratch_len(k, products));
        let accumulators = reference::gemm_i8_accumulators(&a, zero_point, &weights, k, &bias);
        let mut c = vec![0; n.next_multiple_of(BLOCK)];
        linear_i8(&a, &packed, &requantization, &mut scratch, &mut c).unwrap();
        prop_assert_eq!(compare(&c[..n], &reference::requantize(&accumulators, n, &requantization)), Ok(()));

        let scales: Vec<f32> = numbers.f32s(n.next_multiple_of(BLOCK));
        let mut real = vec![f32::NAN; n.next_multiple_of(BLOCK)];
        linear_i8_f32(&a, &packed, &scales, &mut scratch, &mut real).unwrap();
        let expected: Vec<f32> = accumulators.iter().zip(&scales).map(|(acc, scale)| *acc as f32 * scale).collect();
        prop_assert_eq!(compare(&real[..n], &expected), Ok(()));
    }

    #[test]
    fn conv2d_f32_is_its_reference(
        (window, image) in fitting(prop_oneof![1..=9_usize, straddling(8)]), n in straddling(16), seed: u64,
        bounds in clamps(), with_residual: bool, layout in layouts(),
    ) {
        let numbers = &mut Numbers::new(seed);
        let k = window.taps() * image.channels;
        let output_shape = output_shape(&window, image, n);
        let (input, weights, bias) = (numbers.f32s(image.len()), numbers.f32s(n * k), numbers.f32s(n));
        let residual = with_residual.then(|| numbers.f32s(output_shape.len()));
        let ordered = layout.order_weights(&weights, n, image, &window).unwrap();
        let packed = PackedWeightsF32::pack(&ordered, n, layout.reduction(image, &window), &bias).unwrap();
        let mut scratch = vec![f32::NAN; conv2d_scratch_len(layout, image, &window)];
        let mut output = vec![f32::NAN; blocked_len(output_shape)];
        let blocked_residual = residual.as_ref().map(|residual| blocked(residual, output_shape));
        let max = bounds.store(numbers, n);
        let clamp = bounds.clamp(&max);
        conv2d_f32(
            &laid_out(&input, image, layout), layout, image, &window, &packed, blocked_residual.as_deref(), clamp,
            &mut scratch, &mut output,
        ).unwrap();
        let expected = reference::conv2d_f32(&input, image, &window, &weights, &bias, residual.as_deref(), clamp);
        let output = unblocked(&output, output_shape);
        prop_assert_eq!(compare_f32(&output, &expected, bound(k, k as f32 + 2.0)), Ok(()));
    }

    /// Enough pixels for several blocks of rows.
    #[test]
    fn large_products_are_cut_right(pixels in 700..1400_usize, seed: u64) {
        let numbers = &mut Numbers::new(seed);
        let image = ImageShape { height: 1, width: pixels, channels: 64 };
        let window = Window { kernel: [1, 1], stride: [1, 1], padding: Padding::default() };
        let (n, k) = (40, 64);
        let (input, weights, bias) = (numbers.f32s(image.len()), numbers.f32s(n * k), numbers.f32s(n));
        let packed = PackedWeightsF32::pack(&weights, n, k, &bias).unwrap();
        let shape = output_shape(&window, image, n);
        let mut output = vec![f32::NAN; blocked_len(shape)];
        let blocked_input = blocked(&input, image);
        let mut scratch = vec![f32::NAN; conv2d_scratch_len(Layout::Blocked, image, &window)];
        conv2d_f32(
            &blocked_input, Layout::Blocked, image, &window, &packed, None, Clamp::NONE, &mut scratch, &mut output,
        ).unwrap();
        let expected = reference::conv2d_f32(&input, image, &window, &weights, &bias, None, Clamp::NONE);
        prop_assert_eq!(compare_f32(&unblocked(&output, shape), &expected, bound(k, 66.0)), Ok(()));
    }

    #[test]
    fn depthwise_f32_is_its_reference(
        (window, image) in fitting(straddling(8)), seed: u64, bounds in clamps(),
    ) {
        let numbers = &mut Numbers::new(seed);
        let input = numbers.f32s(image.len());
        let (weights, bias) = (numbers.f32s(window.taps() * image.channels), numbers.f32s(image.channels));
        let shape = output_shape(&window, image, image.channels);
        let mut output = vec![f32::NAN; blocked_len(shape)];
        let packed = DepthwiseWeightsF32::pack(&weights, image.channels, window.taps(), &bias).unwrap();
        let mut scratch = vec![f32::NAN; depthwise_scratch_len(image, &window)];
        let max = bounds.store(numbers, image.channels);
        let clamp = bounds.clamp(&max);
        depthwise_f32(&blocked(&input, image), image, &window, &packed, clamp, &mut scratch, &mut output).unwrap();
        let expected = reference::depthwise_f32(&input, image, &window, &weights, &bias, clamp);
        let bound = bound(window.taps(), window.taps() as f32 + 1.0);
        prop_assert_eq!(compare_f32(&unblocked(&output, shape), &expected, bound), Ok(()));
    }

    #[test]
    fn conv2d_i8_is_its_reference(
        (window, image) in fitting(prop_oneof![1..=9_usize, straddling(8)]), n in straddling(8), seed: u64,
        zero_point in 0..=127_u8, layout in layouts(), products in products(),
    ) {
        let numbers = &mut Numbers::new(seed);
        let k = window.taps() * image.channels;
        let shape = output_shape(&window, image, n);
        let (input, weights) = (numbers.levels(image.len(), products), numbers.weights_i8(n * k));
        let (bias, requantization) = (numbers.biases(n), numbers.requantization(n));
        let ordered = layout.order_weights(&weights, n, image, &window).unwrap();
        let (reduction, run) = (layout.reduction(image, &window), layout.run(image, &window));
        let packed = PackedWeightsI8::pack(&ordered, n, reduction, run, &bias, zero_point, products).unwrap();
        let mut scratch = IntegerScratch::new(conv2d_i8_scratch_len(layout, image, &window, products));
        let mut output = vec![0; blocked_len(shape)];
        conv2d_i8(
            &laid_out(&input, image, layout), layout, image, &window, zero_point, &packed, &requantization,
            &mut scratch, &mut output,
        ).unwrap();
        let accumulators =
            reference::conv2d_i8_accumulators(&input, image, &window, zero_point, &weights, &bias);
        let expected = reference::requantize(&accumulators, n, &requantization);
        prop_assert_eq!(compare(&unblocked(&output, shape), &expected), Ok(()));
    }

    #[test]
    fn depthwise_i8_is_its_reference((window, image) in fitting(straddling(8)), seed: u64, zero_point: u8) {
        let numbers = &mut Numbers::new(seed);
        let channels = image.channels;
        let shape = output_shape(&window, image, channels);
        let (input, weights) = (numbers.bytes(image.len()), numbers.weights_i8(window.taps() * channels));
        let (bias, requantization) = (numbers.biases(channels), numbers.requantization(channels));
        let packed = DepthwiseWeightsI8::pack(&weights, channels, window.kernel, &bias, zero_point).unwrap();
        let mut scratch = vec![77; depthwise_i8_scratch_len(image, &window)];
        let mut output = vec![0; blocked_len(shape)];
        depthwise_i8(
            &blocked(&input, image), image, &window, zero_point, &packed, &requantization, &mut scratch, &mut output,
        ).unwrap();
        let accumulators =
            reference::depthwise_i8_accumulators(&input, image, &window, zero_point, &weights, &bias);
        let expected = reference::requantize(&accumulators, channels, &requantization);
        prop_assert_eq!(compare(&unblocked(&output, shape), &expected), Ok(()));
    }

    /// Both layers in one pass against one after the other.
    #[test]
    fn expanded_depthwise_layers_are_both_layers(
        (window, image) in fitting(straddling(8)), n in straddling(16), tall in 1..=60_usize, seed: u64,
        bounds in clamps(), zero_point: u8, products in products(),
    ) {
        let numbers = &mut Numbers::new(seed);
        // Rows enough for several bands at times.
        let image = ImageShape { height: image.height * tall, width: image.width * 11, ..image };
        let (k, taps) = (image.channels, window.taps());
        let pointwise = Window { kernel: [1, 1], stride: [1, 1], padding: Padding::default() };
        let expanded = ImageShape { channels: n, ..image };
        let shape = output_shape(&window, expanded, n);
        let filled = Layout::Blocked.reduction(image, &pointwise);

        let (between_max, max) = (bounds.store(numbers, n), bounds.store(numbers, n));
        let (between_clamp, clamp) = (bounds.clamp(&between_max), bounds.clamp(&max));

        let input = blocked(&numbers.f32s(image.len()), image);
        let weights = Layout::Blocked.order_weights(&numbers.f32s(n * k), n, image, &pointwise).unwrap();
        let expansion = PackedWeightsF32::pack(&weights, n, filled, &numbers.f32s(n)).unwrap();
        let filters = DepthwiseWeightsF32::pack(&numbers.f32s(n * taps), n, taps, &numbers.f32s(n)).unwrap();
        let mut scratch = vec![f32::NAN; conv2d_scratch_len(Layout::Blocked, image, &pointwise)];
        let mut between = vec![f32::NAN; blocked_len(expanded)];
        conv2d_f32(
            &input, Layout::Blocked, image, &pointwise, &expansion, None, between_clamp, &mut scratch, &mut between,
        ).unwrap();
        let mut expected = vec![f32::NAN; blocked_len(shape)];
        let mut scratch = vec![f32::NAN; depthwise_scratch_len(image, &window)];
        depthwise_f32(&between, expanded, &window, &filters, clamp, &mut scratch, &mut expected).unwrap();
        let mut scratch = vec![f32::NAN; expand_depthwise_scratch_len(image, &window)];
        let mut output = vec![f32::NAN; blocked_len(shape)];
        expand_depthwise_f32(
            &input, image, &expansion, between_clamp, &window, &filters, clamp, &mut scratch, &mut output,
        ).unwrap();
        prop_assert_eq!(compare(&output, &expected), Ok(()));

        let input = blocked(&numbers.levels(image.len(), products), image);
        let weights = Layout::Blocked.order_weights(&numbers.weights_i8(n * k), n, image, &pointwise).unwrap();
        let biases = numbers.biases(n);
        let expansion = PackedWeightsI8::pack(&weights, n, filled, BLOCK, &biases, 3, products).unwrap();
        let filters = numbers.weights_i8(n * taps);
        let filters = DepthwiseWeightsI8::pack(&filters, n, window.kernel, &biases, zero_point).unwrap();
        let (first, second) = (numbers.requantization(n), numbers.requantization(n));
        let mut scratch = IntegerScratch::new(conv2d_i8_scratch_len(Layout::Blocked, image, &pointwise, products));
        let mut between = vec![0; blocked_len(expanded)];
        conv2d_i8(
            &input, Layout::Blocked, image, &pointwise, 3, &expansion, &first, &mut scratch, &mut between,
        ).unwrap();
        let mut outside = vec![77; depthwise_i8_scratch_len(image, &window)];
        let mut expected = vec![0; blocked_len(shape)];
        depthwise_i8(
            &between, expanded, &window, zero_point, &filters, &second, &mut outside, &mut expected,
        ).unwrap();
        let mut scratch = IntegerScratch::new(expand_depthwise_i8_scratch_len(image, &window, products));
        let mut output = vec![0; blocked_len(shape)];
        let expansion = Expansion { weights: &expansion, requantization: &first };
        expand_depthwise_i8(
            &input, image, expansion, &window, zero_point, &filters, &second, &mut scratch, &mut output,
        ).unwrap();
        prop_assert_eq!(compare(&output, &expected), Ok(()));
    }

    #[test]
    fn pools_are_their_references(image in images(straddling(8)), seed: u64, zero_point: u8) {
        let numbers = &mut Numbers::new(seed);
        let (real, levels) = (numbers.f32s(image.len()), numbers.bytes(image.len()));
        let filled = image.channels.next_multiple_of(BLOCK);
        let mut means = vec![f32::NAN; filled];
        global_average_pool_f32(&blocked(&real, image), image, &mut means).unwrap();
        let pixels = image.height * image.width;
        let expected = reference::global_average_pool_f32(&real, image);
        prop_assert_eq!(compare_f32(&means[..image.channels], &expected, bound(pixels, 1.0)), Ok(()));

        let requantization = numbers.requantization(image.channels);
        let mut pooled = vec![0; filled];
        global_average_pool_i8(&blocked(&levels, image), image, zero_point, &requantization, &mut pooled).unwrap();
        let sums = reference::global_sum_i8(&levels, image, zero_point);
        let expected = reference::requantize(&sums, image.channels, &requantization);
        prop_assert_eq!(compare(&pooled[..image.channels], &expected), Ok(()));
    }

    #[test]
    fn sums_are_their_references(
        len in straddling(8), seed: u64, bounds in clamps(), za: u8, zb: u8, z: u8,
        sa in 1e-4..1.0_f64, sb in 1e-4..1.0_f64, s in 1e-4..1.0_f64,
    ) {
        let numbers = &mut Numbers::new(seed);
        let (a, b) = (numbers.f32s(len), numbers.f32s(len));
        let mut out = vec![f32::NAN; len];
        add_f32(&a, &b, bounds.uniform, &mut out).unwrap();
        prop_assert_eq!(compare(&out, &reference::add_f32(&a, &b, len, bounds.uniform)), Ok(()));

        let requantization = AddRequantization::new((sa, za), (sb, zb), (s, z), 0, 255).unwrap();
        let (a, b) = (numbers.bytes(len), numbers.bytes(len));
        let mut out = vec![0; len];
        add_i8(&a, &b, &requantization, &mut out).unwrap();
        prop_assert_eq!(compare(&out, &reference::add_i8(&a, &b, len, &requantization)), Ok(()));
        for ((q, a), b) in out.iter().zip(&a).zip(&b) {
            let real = |q: u8, scale: f64, zero: u8| scale * (f64::from(q) - f64::from(zero));
            let exact = (real(*a, sa, za) + real(*b, sb, zb)) / s + f64::from(z);
            let bounded = exact.clamp(0.0, 255.0);
            prop_assert!((f64::from(*q) - bounded).abs() <= 0.51, "{q} instead of {exact}");
        }
    }

    #[test]
    fn sums_of_images_have_bounds_per_channel(
        image in images(straddling(8)), seed: u64, bounds in clamps(), grids: [u8; 3], scale in 0.1..1.0_f64,
    ) {
        let numbers = &mut Numbers::new(seed);
        let (a, b) = (numbers.f32s(image.len()), numbers.f32s(image.len()));
        let (blocked_a, blocked_b) = (blocked(&a, image), blocked(&b, image));
        let max = bounds.store(numbers, image.channels);
        let clamp = Clamp { max: UpperBound::PerChannel(&max), ..bounds.uniform };
        let mut out = vec![f32::NAN; blocked_len(image)];
        add_f32(&blocked_a, &blocked_b, clamp, &mut out).unwrap();
        let expected = reference::add_f32(&a, &b, image.channels, clamp);
        prop_assert_eq!(compare(&unblocked(&out, image), &expected), Ok(()));
        clamp_f32(&blocked_a, clamp, &mut out).unwrap();
        let expected = reference::add_f32(&a, &vec![0.0; a.len()], image.channels, clamp);
        prop_assert_eq!(compare(&unblocked(&out, image), &expected), Ok(()));

        let [za, zb, z] = grids;
        let requantization = AddRequantization::new((scale, za), (0.5, zb), (0.4, z), 8, 255).unwrap();
        let requantization = requantization.with_upper_bounds(&numbers.upper_levels(image.channels)).unwrap();
        let (a, b) = (numbers.bytes(image.len()), numbers.bytes(image.len()));
        let mut out = vec![0; blocked_len(image)];
        add_i8(&blocked(&a, image), &blocked(&b, image), &requantization, &mut out).unwrap();
        let expected = reference::add_i8(&a, &b, image.channels, &requantization);
        prop_assert_eq!(compare(&unblocked(&out, image), &expected), Ok(()));
    }

    #[test]
    fn grids_and_back(len in straddling(8), seed: u64, scale in 1e-4..10.0_f32, zero_point: u8) {
        let numbers = &mut Numbers::new(seed);
        let mut x: Vec<f32> = numbers.f32s(len).iter().map(|x| x * 300.0).collect();
        x[0] = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, 2.5 * scale, -3.5 * scale, 1e30][seed as usize % 7];
        let mut q = vec![0; len];
        quantize_i8(&x, scale, zero_point, &mut q).unwrap();
        prop_assert_eq!(compare(&q, &reference::quantize_i8(&x, scale, zero_point)), Ok(()));
        let mut back = vec![f32::NAN; len];
        dequantize_i8(&q, scale, zero_point, &mut back).unwrap();
        let expected: Vec<f32> =
            q.iter().map(|q| scale * (f32::from(*q) - f32::from(zero_point))).collect();
        prop_assert_eq!(compare(&back, &expected), Ok(()));
    }

    #[test]
    fn softmax_is_its_reference(len in straddling(8), seed: u64, spread in 0.0..80.0_f32) {
        let x: Vec<f32> = Numbers::new(seed).f32s(len).iter().map(|x| x * spread).collect();
        let mut out = vec![f32::NAN; len];
        softmax_f32(&x, &mut out).unwrap();
        prop_assert_eq!(compare_f32(&out, &reference::softmax_f32(&x), 1e-5), Ok(()));
        prop_assert!((out.iter().sum::<f32>() - 1.0).abs() < 1e-5);
    }

    /// One rounding in 64 bits against the same in double precision, whose error cannot reach a half here.
    #[test]
    fn requantization_rounds_the_real_product(real in 1e-9..1.5_f64, acc in -100_000_000..100_000_000, zero_point: u8) {
        let requantization = Requantization::new(&[real], zero_point, 0, 255).unwrap();
        let exact = f64::from(acc) * real + f64::from(zero_point);
        let level = f64::from(requantization.apply_one(acc, 0));
        let tolerance = 0.5 + f64::from(acc).abs() * f64::from(-34 + 4).exp2() + 1e-6;
        prop_assert!((level - exact.clamp(0.0, 255.0)).abs() <= tolerance, "{level} instead of {exact}");
    }
}

#[test]
fn the_worst_case_does_not_saturate() {
    let k = 4096;
    for (products, largest) in [(Products::best(), 255), (Products::Pairs, 255), (Products::Quads, 127)] {
        for (level, weight) in [(0, -127), (largest, 127), (largest, -127)] {
            let (a, weights) = (vec![level; k], vec![weight; k]);
            let packed = PackedWeightsI8::pack(&weights, 1, k, k, &[5], 0, products).unwrap();
            let mut out = [0.0; BLOCK];
            let mut scratch = IntegerScratch::new(linear_i8_scratch_len(k, products));
            linear_i8_f32(&a, &packed, &[1.0; BLOCK], &mut scratch, &mut out).unwrap();
            let exact = k as i32 * i32::from(level) * i32::from(weight) + 5;
            assert_eq!(out[0], exact as f32, "{products:?} {level} {weight}");
        }
        // The longest reduction and the largest bias, with and without a zero point whose part wraps on the way.
        let k = crate::integer::MAX_DEPTH;
        for (weight, zero_point, level, bias) in [
            (127, 0, largest, 1 << 30),
            (-127, 0, largest, -1 << 30),
            (127, 255, 0, -1 << 30),
            (-127, 255, 0, 1 << 30),
        ] {
            let packed =
                PackedWeightsI8::pack(&vec![weight; k], 1, k, k, &[bias], zero_point, products).unwrap();
            let mut out = [0.0; BLOCK];
            let mut scratch = IntegerScratch::new(linear_i8_scratch_len(k, products));
            linear_i8_f32(&vec![level; k], &packed, &[1.0; BLOCK], &mut scratch, &mut out).unwrap();
            let exact =
                k as i64 * (i64::from(level) - i64::from(zero_point)) * i64::from(weight) + i64::from(bias);
            assert!(i32::try_from(exact).is_ok());
            assert_eq!(out[0], exact as f32, "{products:?} {level} - {zero_point} {weight}");
        }
    }
    let deepest = crate::integer::MAX_DEPTH;
    let pack = |k: usize| PackedWeightsI8::pack(&vec![127; k], 1, k, k, &[0], 0, Products::Pairs);
    assert!(pack(deepest).is_ok());
    assert!(matches!(pack(deepest + 1).unwrap_err(), KernelError::Depth { .. }));
    assert!(deepest as i64 * 255 * 127 + (1 << 30) <= i64::from(i32::MAX));
}

#[test]
fn what_could_leave_int32_is_refused() {
    for products in [Products::Pairs, Products::Quads] {
        let pack = |weight, bias| PackedWeightsI8::pack(&[weight; 4], 1, 4, 4, &[bias], 0, products);
        assert!(pack(-127, 1 << 30).is_ok());
        assert_eq!(pack(-128, 0).unwrap_err().to_string(), "weight -128 is not finite and within -127..=127");
        assert!(matches!(pack(1, (1 << 30) + 1).unwrap_err(), KernelError::Number { what: "bias", .. }));
        assert!(pack(1, i32::MIN).is_err());
        let levels = StoredLevels { levels: &[-8; 4], bits: 4, groups: None };
        let pack = |bias| PackedWeightsI8::pack_stored(&levels, 1, 4, 4, &[bias], 0, products);
        assert!(pack(-1 << 30).is_ok());
        assert!(pack(i32::MAX).is_err());
    }
    let pack = |weight, bias| DepthwiseWeightsI8::pack(&[weight; 9], 1, [3, 3], &[bias], 0);
    assert!(pack(-127, 1 << 30).is_ok());
    assert!(pack(-128, 0).is_err());
    assert!(pack(1, i32::MIN).is_err());
}

/// All levels 255, all weights 127 of one sign: the sums of two products and of a whole window.
#[test]
fn the_worst_case_of_depthwise_filters_does_not_saturate() {
    for kernel in [[3, 3], [5, 5], [2, 3], [8, 8]] {
        let taps = kernel[0] * kernel[1];
        let image = ImageShape { height: kernel[0], width: kernel[1] + 3, channels: 3 };
        let window = Window { kernel, stride: [1, 1], padding: Padding::default() };
        let shape = output_shape(&window, image, 3);
        for weight in [127, -127] {
            let acc = 255 * i32::from(weight) * taps as i32;
            let requantization =
                Requantization::new(&[100.4 / f64::from(acc.abs()); 3], 128, 0, 255).unwrap();
            let packed = DepthwiseWeightsI8::pack(&vec![weight; 3 * taps], 3, kernel, &[0; 3], 0).unwrap();
            let mut scratch = vec![77; depthwise_i8_scratch_len(image, &window)];
            let mut output = vec![0; blocked_len(shape)];
            let input = vec![255; blocked_len(image)];
            depthwise_i8(&input, image, &window, 0, &packed, &requantization, &mut scratch, &mut output)
                .unwrap();
            let expected = if weight > 0 { 228 } else { 28 };
            assert!(unblocked(&output, shape).iter().all(|level| *level == expected), "{kernel:?} {weight}");
        }
    }
}

#[test]
fn multipliers_above_one_and_very_different_ones_are_exact() {
    let requantization = Requantization::new(&[3.0, 1e-6, 0.0], 129, 0, 255).unwrap();
    let apply =
        |acc: [i32; 3]| std::array::from_fn(|channel| requantization.apply_one(acc[channel], channel));
    assert_eq!(apply([7, 20_000_000, i32::MAX]), [150, 149, 129]);
    assert_eq!(apply([i32::MAX, -20_000_000, i32::MIN]), [255, 109, 129]);
    assert_eq!(apply([i32::MIN, i32::MAX, 0]), [0, 255, 129]);
    assert_eq!(apply([0, -128_400_000, 0]), [129, 1, 129]);
    for wrong in [-0.1, f64::NAN, f64::INFINITY, 1e6] {
        assert!(Requantization::new(&[wrong], 0, 0, 255).is_err(), "{wrong}");
    }
}

/// Where minimum and maximum are relaxed, what they make of NaN is left to the processor.
#[test]
fn clamping_keeps_nan_in_lanes_and_tail() {
    if FLAVOUR == "relaxed" {
        return;
    }
    let x = [f32::NAN; 5];
    let mut out = [0.0; 5];
    add_f32(&x, &x, Clamp::RELU6, &mut out).unwrap();
    assert!(out.iter().all(|x| x.is_nan()));
    clamp_f32(&x, Clamp::RELU6, &mut out).unwrap();
    assert!(out.iter().all(|x| x.is_nan()));
}

#[test]
fn wrong_lengths_are_named() {
    let packed = PackedWeightsF32::pack(&[0.0; 6], 2, 3, &[0.0; 2]).unwrap();
    let error = linear_f32(&[0.0; 2], &packed, Clamp::NONE, &mut [], &mut [0.0; 8]).unwrap_err();
    assert_eq!(error.to_string(), "a has 2 elements, expected 3");
    let error = linear_f32(&[0.0; 3], &packed, Clamp::NONE, &mut [], &mut [0.0; 2]).unwrap_err();
    assert_eq!(error.to_string(), "output has 2 elements, expected 8");
    assert!(PackedWeightsF32::pack(&[0.0; 5], 2, 3, &[0.0; 2]).is_err());
    assert!(PackedWeightsF32::pack(&[0.0; 6], 2, 3, &[0.0; 1]).is_err());
    let image = ImageShape { height: 2, width: 2, channels: 1 };
    let window = Window { kernel: [3, 3], stride: [1, 1], padding: Padding::default() };
    let packed = DepthwiseWeightsF32::pack(&[0.0; 9], 1, 9, &[0.0]).unwrap();
    let error =
        depthwise_f32(&[0.0; 32], image, &window, &packed, Clamp::NONE, &mut [], &mut []).unwrap_err();
    assert!(matches!(error, KernelError::Window { .. }));
    let window = Window { stride: [0, 1], kernel: [1, 1], ..window };
    assert!(window.output_size(2, 2).is_none());
    assert!(quantize_i8(&[1.0], 0.0, 0, &mut [0]).is_err());
    assert!(quantize_i8(&[1.0], f32::NAN, 0, &mut [0]).is_err());
    assert!(
        add_i8(
            &[1],
            &[1, 2],
            &AddRequantization::new((1.0, 0), (1.0, 0), (1.0, 0), 0, 255).unwrap(),
            &mut [0]
        )
        .is_err()
    );
}

#[test]
fn bounds_for_other_channels_are_refused() {
    let bounds = |max| Clamp { min: 0.0, max: UpperBound::PerChannel(max) };
    let packed = PackedWeightsF32::pack(&[0.0; 27], 9, 3, &[0.0; 9]).unwrap();
    let linear = |max| linear_f32(&[0.0; 3], &packed, bounds(max), &mut [], &mut [0.0; 16]);
    assert!(linear(&[1.0; 16]).is_ok());
    assert_eq!(linear(&[1.0; 9]).unwrap_err().to_string(), "upper bounds has 9 elements, expected 16");
    assert!(linear(&[1.0; 24]).is_err());
    let add = |max| add_f32(&[0.0; 32], &[0.0; 32], bounds(max), &mut [0.0; 32]);
    assert!(add(&[1.0; 16]).is_ok());
    assert!(add(&[1.0; 24]).is_err());
    assert!(add(&[1.0; 4]).is_err());
    assert!(add(&[]).is_err());
    let image = ImageShape { height: 2, width: 2, channels: 9 };
    let window = Window { kernel: [1, 1], stride: [1, 1], padding: Padding::default() };
    let packed = DepthwiseWeightsF32::pack(&[0.0; 9], 9, 1, &[0.0; 9]).unwrap();
    let depthwise =
        |max| depthwise_f32(&[0.0; 64], image, &window, &packed, bounds(max), &mut [0.0; 64], &mut [0.0; 64]);
    assert!(depthwise(&[1.0; 16]).is_ok());
    assert!(depthwise(&[1.0; 8]).is_err());
    let requantization = Requantization::new(&[0.5; 9], 0, 0, 255).unwrap();
    assert!(requantization.clone().with_upper_bounds(&[9; 9]).is_ok());
    assert!(requantization.with_upper_bounds(&[9; 8]).is_err());
    let add = |max: &[u8]| {
        let requantization = AddRequantization::new((1.0, 0), (1.0, 0), (1.0, 0), 0, 255).unwrap();
        add_i8(&[0; 32], &[0; 32], &requantization.with_upper_bounds(max).unwrap(), &mut [0; 32])
    };
    assert!(add(&[9; 16]).is_ok());
    assert!(add(&[9; 17]).is_err());
}

#[test]
fn nothing_in_nothing_out() {
    let packed = PackedWeightsF32::pack(&[], 0, 3, &[]).unwrap();
    linear_f32(&[0.0; 3], &packed, Clamp::NONE, &mut [], &mut []).unwrap();
    let packed = PackedWeightsI8::pack(&[], 0, 3, 3, &[], 0, Products::Pairs).unwrap();
    let requantization = Requantization::new(&[], 0, 0, 255).unwrap();
    let mut scratch = IntegerScratch::new(linear_i8_scratch_len(3, Products::Pairs));
    linear_i8(&[0; 3], &packed, &requantization, &mut scratch, &mut []).unwrap();
}

/// Weights of which about `zeros` are zero, alone or in columns of four rows, and some rows without any other.
fn pruned(numbers: &mut Numbers, n: usize, k: usize, zeros: f32, rows: usize) -> Vec<f32> {
    let chances = numbers.f32s(n.div_ceil(rows) * k);
    let empty = numbers.f32s(n);
    let keeps = |i: usize| chances[i / k / rows * k + i % k] >= 2.0 * zeros - 1.0 && empty[i / k] < 0.7;
    numbers.f32s(n * k).into_iter().enumerate().map(|(i, w)| if keeps(i) { w } else { 0.0 }).collect()
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn sparse_pointwise_layers_are_their_reference(
        pixels in prop_oneof![straddling(24), straddling(52)], k in straddling(8), n in straddling(16),
        zeros in prop_oneof![Just(0.0), 0.0..1.0_f32, Just(1.0)], rows in prop_oneof![Just(1_usize), Just(2), Just(4)],
        pattern in prop_oneof![Just(Pattern::Single), Just(Pattern::Pairs)], seed: u64, bounds in clamps(),
        with_residual: bool,
    ) {
        let numbers = &mut Numbers::new(seed);
        let image = ImageShape { height: 1, width: pixels, channels: k };
        let output_shape = ImageShape { channels: n, ..image };
        let weights = pruned(numbers, n, k, zeros, rows);
        let (input, bias) = (numbers.f32s(image.len()), numbers.f32s(n));
        let residual = with_residual.then(|| numbers.f32s(output_shape.len()));
        let blocked_residual = residual.as_ref().map(|residual| blocked(residual, output_shape));
        let packed = SparseWeightsF32::pack_as(pattern, &weights, n, k, &bias).unwrap();
        let mut scratch = vec![f32::NAN; pointwise_sparse_scratch_len(image)];
        let mut output = vec![f32::NAN; blocked_len(output_shape)];
        let mut blocked_input = blocked(&input, image);
        let last_block = (k - 1) / BLOCK * pixels * BLOCK;
        for pixel in blocked_input[last_block..].chunks_exact_mut(BLOCK) {
            pixel[(k - 1) % BLOCK + 1..].fill(f32::NAN);
        }
        let max = bounds.store(numbers, n);
        let clamp = bounds.clamp(&max);
        pointwise_sparse_f32(
            &blocked_input, image, &packed, blocked_residual.as_deref(), clamp, &mut scratch, &mut output,
        ).unwrap();
        let expected = reference::gemm_f32(&input, &weights, k, &bias, residual.as_deref(), clamp);
        prop_assert_eq!(compare_f32(&unblocked(&output, output_shape), &expected, bound(k, k as f32 + 2.0)), Ok(()));
    }
}

#[test]
fn packing_finds_the_pattern() {
    let numbers = &mut Numbers::new(1);
    let (n, k, bias) = (64, 64, vec![0.0; 64]);
    for (rows, expected) in [(1, Pattern::Single), (2, Pattern::Pairs), (4, Pattern::Pairs)] {
        let weights = pruned(numbers, n, k, 0.8, rows);
        let packed = SparseWeightsF32::pack(&weights, n, k, &bias).unwrap();
        assert_eq!(packed.pattern(), expected);
        assert!(packed.products() >= weights.iter().filter(|w| **w != 0.0).count());
    }
    let dense = SparseWeightsF32::pack(&numbers.f32s(n * k), n, k, &bias).unwrap();
    assert_eq!(dense.products(), n * k);
}

#[test]
fn wrong_sizes_of_sparse_layers_are_errors() {
    assert!(SparseWeightsF32::pack(&[1.0; 5], 2, 3, &[0.0; 2]).is_err());
    assert!(SparseWeightsF32::pack(&[1.0; 6], 2, 3, &[0.0; 3]).is_err());
    assert!(SparseWeightsF32::pack(&[], 2, 0, &[0.0; 2]).is_err());
    let packed = SparseWeightsF32::pack(&[1.0; 6], 2, 3, &[0.0; 2]).unwrap();
    let image = ImageShape { height: 1, width: 2, channels: 3 };
    let len = with_threads(1, || pointwise_sparse_scratch_len(image));
    let run = |image: ImageShape, input: usize, residual: usize, scratch: usize, output: usize| {
        let (input, residual) = (vec![0.0; input], vec![0.0; residual]);
        let (mut scratch, mut output) = (vec![0.0; scratch], vec![0.0; output]);
        pointwise_sparse_f32(&input, image, &packed, Some(&residual), Clamp::NONE, &mut scratch, &mut output)
    };
    assert!(run(image, 16, 16, len, 16).is_ok());
    assert!(run(image, 15, 16, len, 16).is_err());
    assert!(run(image, 16, 15, len, 16).is_err());
    assert!(run(image, 16, 16, len - 1, 16).is_err());
    assert!(run(image, 16, 16, len, 17).is_err());
    assert!(run(ImageShape { channels: 4, ..image }, 16, 16, len, 16).is_err());
}

#[test]
fn an_image_without_pixels_has_sparse_outputs_too() {
    let packed = SparseWeightsF32::pack(&[1.0], 1, 1, &[0.0]).unwrap();
    let image = ImageShape { height: 0, width: 4, channels: 1 };
    let mut scratch = vec![0.0; pointwise_sparse_scratch_len(image)];
    pointwise_sparse_f32(&[], image, &packed, None, Clamp::NONE, &mut scratch, &mut []).unwrap();
}
