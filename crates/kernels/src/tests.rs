//! Fast kernels against their references, over shapes that straddle the tiles.

use proptest::prelude::*;

use crate::*;

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

    /// Weights never hold -128.
    fn weights_i8(&mut self, len: usize) -> Vec<i8> {
        self.i8s(len).into_iter().map(|w| w.max(-127)).collect()
    }

    fn biases(&mut self, len: usize) -> Vec<i32> {
        (0..len).map(|_| (self.bits() as i32) >> 14).collect()
    }

    fn requantization(&mut self, channels: usize) -> Requantization {
        // Mostly small as in real layers, at times above a half, where lanes cannot shift, with zeros in between.
        let scale = [0.002, 0.002, 1.9][self.bits() as usize % 3];
        let real = |x: &f32| if *x > 0.9 { 0.0 } else { scale * f64::from(1.1 + x) };
        let multipliers: Vec<f64> = self.f32s(channels).iter().map(real).collect();
        Requantization::new(&multipliers, self.bits() as i8, -120, 125).unwrap()
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

fn clamps() -> impl Strategy<Value = Clamp> {
    prop_oneof![Just(Clamp::NONE), Just(Clamp::RELU), Just(Clamp::RELU6), Just(Clamp { min: -0.3, max: 0.4 })]
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

fn cases() -> ProptestConfig {
    ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn gemm_f32_is_its_reference(
        m in straddling(4), n in straddling(8), k in straddling(16), seed: u64, clamp in clamps(), with_residual: bool,
    ) {
        let numbers = &mut Numbers::new(seed);
        let (a, weights, bias) = (numbers.f32s(m * k), numbers.f32s(n * k), numbers.f32s(n));
        let residual = with_residual.then(|| numbers.f32s(m * n));
        let packed = PackedWeightsF32::pack(&weights, n, k).unwrap();
        let mut c = vec![f32::NAN; m * n];
        gemm_f32(m, &a, &packed, &bias, residual.as_deref(), clamp, &mut c).unwrap();
        let expected = reference::gemm_f32(&a, &weights, k, &bias, residual.as_deref(), clamp);
        prop_assert_eq!(compare_f32(&c, &expected, bound(k, k as f32 + 2.0)), Ok(()));
    }

    #[test]
    fn conv2d_f32_is_its_reference(
        (window, image) in fitting(1..=9_usize), n in straddling(8), seed: u64, clamp in clamps(), with_residual: bool,
    ) {
        let numbers = &mut Numbers::new(seed);
        let k = window.taps() * image.channels;
        let [height, width] = window.output_size(image.height, image.width).unwrap();
        let (input, weights, bias) = (numbers.f32s(image.len()), numbers.f32s(n * k), numbers.f32s(n));
        let residual = with_residual.then(|| numbers.f32s(height * width * n));
        let packed = PackedWeightsF32::pack(&weights, n, k).unwrap();
        let mut scratch = vec![f32::NAN; conv2d_scratch_len(&packed)];
        let mut output = vec![f32::NAN; height * width * n];
        let residual = residual.as_deref();
        conv2d_f32(&input, image, &window, &packed, &bias, residual, clamp, &mut scratch, &mut output).unwrap();
        let expected = reference::conv2d_f32(&input, image, &window, &weights, &bias, residual, clamp);
        prop_assert_eq!(compare_f32(&output, &expected, bound(k, k as f32 + 2.0)), Ok(()));
    }

    #[test]
    fn depthwise_f32_is_its_reference(
        (window, image) in fitting(straddling(8)), seed: u64, clamp in clamps(),
    ) {
        let numbers = &mut Numbers::new(seed);
        let input = numbers.f32s(image.len());
        let (weights, bias) = (numbers.f32s(window.taps() * image.channels), numbers.f32s(image.channels));
        let [height, width] = window.output_size(image.height, image.width).unwrap();
        let mut output = vec![f32::NAN; height * width * image.channels];
        depthwise_f32(&input, image, &window, &weights, &bias, clamp, &mut output).unwrap();
        let expected = reference::depthwise_f32(&input, image, &window, &weights, &bias, clamp);
        let magnitude = window.taps() as f32 + 1.0;
        prop_assert_eq!(compare_f32(&output, &expected, bound(window.taps(), magnitude)), Ok(()));
    }

    #[test]
    fn gemm_i8_is_its_reference(
        m in prop_oneof![straddling(4), straddling(16)], n in straddling(8), k in straddling(16), seed: u64,
        zero_point: i8,
    ) {
        let numbers = &mut Numbers::new(seed);
        let (a, weights, bias) = (numbers.i8s(m * k), numbers.weights_i8(n * k), numbers.biases(n));
        let requantization = numbers.requantization(n);
        let packed = PackedWeightsI8::pack(&weights, n, k).unwrap();
        let mut folded = bias.clone();
        fold_zero_point(&mut folded, &packed, zero_point).unwrap();
        let mut scratch = vec![77; gemm_i8_scratch_len(&packed)];
        let accumulators = reference::gemm_i8_accumulators(&a, zero_point, &weights, k, &bias);

        let mut c = vec![0; m * n];
        gemm_i8(m, &a, &packed, &folded, &requantization, &mut scratch, &mut c).unwrap();
        prop_assert_eq!(compare(&c, &reference::requantize(&accumulators, n, &requantization)), Ok(()));

        let scales: Vec<f32> = numbers.f32s(n);
        let mut real = vec![f32::NAN; m * n];
        gemm_i8_f32(m, &a, &packed, &folded, &scales, &mut scratch, &mut real).unwrap();
        let expected: Vec<f32> =
            accumulators.iter().enumerate().map(|(i, acc)| *acc as f32 * scales[i % n]).collect();
        prop_assert_eq!(compare(&real, &expected), Ok(()));
    }

    #[test]
    fn conv2d_i8_is_its_reference(
        (window, image) in fitting(1..=9_usize), n in straddling(8), seed: u64, zero_point: i8,
    ) {
        let numbers = &mut Numbers::new(seed);
        let k = window.taps() * image.channels;
        let [height, width] = window.output_size(image.height, image.width).unwrap();
        let (input, weights, bias) = (numbers.i8s(image.len()), numbers.weights_i8(n * k), numbers.biases(n));
        let requantization = numbers.requantization(n);
        let packed = PackedWeightsI8::pack(&weights, n, k).unwrap();
        let mut folded = bias.clone();
        fold_zero_point(&mut folded, &packed, zero_point).unwrap();
        let mut columns = vec![77; conv2d_i8_scratch_len(&packed)];
        let mut scratch = vec![77; gemm_i8_scratch_len(&packed)];
        let mut output = vec![0; height * width * n];
        conv2d_i8(
            &input, image, &window, zero_point, &packed, &folded, &requantization, &mut columns, &mut scratch,
            &mut output,
        ).unwrap();
        let accumulators =
            reference::conv2d_i8_accumulators(&input, image, &window, zero_point, &weights, &bias);
        prop_assert_eq!(compare(&output, &reference::requantize(&accumulators, n, &requantization)), Ok(()));
    }

    #[test]
    fn depthwise_i8_is_its_reference((window, image) in fitting(straddling(8)), seed: u64, zero_point: i8) {
        let numbers = &mut Numbers::new(seed);
        let channels = image.channels;
        let [height, width] = window.output_size(image.height, image.width).unwrap();
        let (input, weights) = (numbers.i8s(image.len()), numbers.weights_i8(window.taps() * channels));
        let (bias, requantization) = (numbers.biases(channels), numbers.requantization(channels));
        let mut output = vec![0; height * width * channels];
        depthwise_i8(&input, image, &window, zero_point, &weights, &bias, &requantization, &mut output).unwrap();
        let accumulators =
            reference::depthwise_i8_accumulators(&input, image, &window, zero_point, &weights, &bias);
        prop_assert_eq!(compare(&output, &reference::requantize(&accumulators, channels, &requantization)), Ok(()));
    }

    #[test]
    fn pools_are_their_references(image in images(straddling(8)), seed: u64, zero_point: i8) {
        let numbers = &mut Numbers::new(seed);
        let (real, levels) = (numbers.f32s(image.len()), numbers.i8s(image.len()));
        let mut means = vec![f32::NAN; image.channels];
        global_average_pool_f32(&real, image, &mut means).unwrap();
        let pixels = image.height * image.width;
        let expected = reference::global_average_pool_f32(&real, image);
        prop_assert_eq!(compare_f32(&means, &expected, bound(pixels, 1.0)), Ok(()));

        let requantization = numbers.requantization(image.channels);
        let mut pooled = vec![0; image.channels];
        global_average_pool_i8(&levels, image, zero_point, &requantization, &mut pooled).unwrap();
        let sums = reference::global_sum_i8(&levels, image, zero_point);
        prop_assert_eq!(compare(&pooled, &reference::requantize(&sums, image.channels, &requantization)), Ok(()));
    }

    #[test]
    fn sums_are_their_references(
        len in straddling(8), seed: u64, clamp in clamps(), za: i8, zb: i8, z: i8,
        sa in 1e-4..1.0_f64, sb in 1e-4..1.0_f64, s in 1e-4..1.0_f64,
    ) {
        let numbers = &mut Numbers::new(seed);
        let (a, b) = (numbers.f32s(len), numbers.f32s(len));
        let mut out = vec![f32::NAN; len];
        add_f32(&a, &b, clamp, &mut out).unwrap();
        prop_assert_eq!(compare(&out, &reference::add_f32(&a, &b, clamp)), Ok(()));

        let requantization = AddRequantization::new((sa, za), (sb, zb), (s, z), -128, 127).unwrap();
        let (a, b) = (numbers.i8s(len), numbers.i8s(len));
        let mut out = vec![0; len];
        add_i8(&a, &b, &requantization, &mut out).unwrap();
        prop_assert_eq!(compare(&out, &reference::add_i8(&a, &b, &requantization)), Ok(()));
        for ((q, a), b) in out.iter().zip(&a).zip(&b) {
            let real = |q: i8, scale: f64, zero: i8| scale * (f64::from(q) - f64::from(zero));
            let exact = (real(*a, sa, za) + real(*b, sb, zb)) / s + f64::from(z);
            let bounded = exact.clamp(-128.0, 127.0);
            prop_assert!((f64::from(*q) - bounded).abs() <= 0.51, "{q} instead of {exact}");
        }
    }

    #[test]
    fn grids_and_back(len in straddling(8), seed: u64, scale in 1e-4..10.0_f32, zero_point: i8) {
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
    fn requantization_rounds_the_real_product(real in 1e-9..1.5_f64, acc in -100_000_000..100_000_000, zero_point: i8) {
        let requantization = Requantization::new(&[real], zero_point, -128, 127).unwrap();
        let exact = f64::from(acc) * real + f64::from(zero_point);
        let level = f64::from(requantization.apply_one(acc, 0));
        let tolerance = 0.5 + 1e-9 * (f64::from(acc) * real).abs() + 1e-6;
        prop_assert!((level - exact.clamp(-128.0, 127.0)).abs() <= tolerance, "{level} instead of {exact}");
    }
}

#[test]
fn the_worst_case_does_not_saturate() {
    let k = 4096;
    for (level, weight) in [(-128, -127), (-128, 127), (127, 127), (127, -127)] {
        let (a, weights) = (vec![level; k], vec![weight; k]);
        let packed = PackedWeightsI8::pack(&weights, 1, k).unwrap();
        let mut out = [0.0];
        let mut scratch = vec![0; gemm_i8_scratch_len(&packed)];
        gemm_i8_f32(1, &a, &packed, &[5], &[1.0], &mut scratch, &mut out).unwrap();
        let exact = k as i32 * i32::from(level) * i32::from(weight) + 5;
        assert_eq!(out[0], exact as f32);
    }
    let deepest = crate::integer::MAX_DEPTH;
    assert!(PackedWeightsI8::pack(&vec![127; deepest], 1, deepest).is_ok());
    let error = PackedWeightsI8::pack(&vec![127; deepest + 1], 1, deepest + 1).unwrap_err();
    assert!(matches!(error, KernelError::Depth { .. }));
    assert!(deepest as i64 * 255 * 127 + (1 << 30) <= i64::from(i32::MAX));
}

#[test]
fn multipliers_above_one_and_very_different_ones_are_exact() {
    let requantization = Requantization::new(&[3.0, 1e-7, 0.0], 1, -128, 127).unwrap();
    let mut out = [0; 3];
    requantization.apply(&[7, 20_000_000, i32::MAX, 0, 0, 0, 0, 0], 0, &mut out);
    assert_eq!(out, [22, 3, 1]);
    requantization.apply(&[i32::MAX, i32::MIN, i32::MIN, 0, 0, 0, 0, 0], 0, &mut out);
    assert_eq!(out, [127, -128, 1]);
    for wrong in [-0.1, f64::NAN, f64::INFINITY, 1e6] {
        assert!(Requantization::new(&[wrong], 0, -128, 127).is_err(), "{wrong}");
    }
}

#[test]
fn clamping_keeps_nan_in_lanes_and_tail() {
    let x = [f32::NAN; 5];
    let mut out = [0.0; 5];
    add_f32(&x, &x, Clamp::RELU6, &mut out).unwrap();
    assert!(out.iter().all(|x| x.is_nan()));
    clamp_f32(&x, Clamp::RELU6, &mut out).unwrap();
    assert!(out.iter().all(|x| x.is_nan()));
}

#[test]
fn wrong_lengths_are_named() {
    let packed = PackedWeightsF32::pack(&[0.0; 6], 2, 3).unwrap();
    let error = gemm_f32(2, &[0.0; 5], &packed, &[0.0; 2], None, Clamp::NONE, &mut [0.0; 4]).unwrap_err();
    assert_eq!(error.to_string(), "a has 5 elements, expected 6");
    let error =
        gemm_f32(2, &[0.0; 6], &packed, &[0.0; 2], Some(&[0.0; 3]), Clamp::NONE, &mut [0.0; 4]).unwrap_err();
    assert_eq!(error.to_string(), "residual has 3 elements, expected 4");
    assert!(PackedWeightsF32::pack(&[0.0; 5], 2, 3).is_err());
    let image = ImageShape { height: 2, width: 2, channels: 1 };
    let window = Window { kernel: [3, 3], stride: [1, 1], padding: Padding::default() };
    let error =
        depthwise_f32(&[0.0; 4], image, &window, &[0.0; 9], &[0.0], Clamp::NONE, &mut []).unwrap_err();
    assert!(matches!(error, KernelError::Window { .. }));
    let window = Window { stride: [0, 1], kernel: [1, 1], ..window };
    assert!(window.output_size(2, 2).is_none());
    assert!(quantize_i8(&[1.0], 0.0, 0, &mut [0]).is_err());
    assert!(quantize_i8(&[1.0], f32::NAN, 0, &mut [0]).is_err());
    assert!(
        add_i8(
            &[1],
            &[1, 2],
            &AddRequantization::new((1.0, 0), (1.0, 0), (1.0, 0), -128, 127).unwrap(),
            &mut [0]
        )
        .is_err()
    );
}

#[test]
fn nothing_in_nothing_out() {
    let packed = PackedWeightsF32::pack(&[], 0, 3).unwrap();
    gemm_f32(0, &[], &packed, &[], None, Clamp::NONE, &mut []).unwrap();
    gemm_f32(2, &[0.0; 6], &packed, &[], None, Clamp::NONE, &mut []).unwrap();
    let packed = PackedWeightsI8::pack(&[0; 6], 2, 3).unwrap();
    let requantization = Requantization::new(&[0.5; 2], 0, -128, 127).unwrap();
    let mut scratch = vec![0; gemm_i8_scratch_len(&packed)];
    gemm_i8(0, &[], &packed, &[0; 2], &requantization, &mut scratch, &mut []).unwrap();
}
