//! Products with weights in reduced storage against those with the numbers that they stand for: the same bits.

use half::{bf16, f16};

use super::*;
use crate::lanes::F32x4;

/// Weights in one form, and as the floats that they stand for.
struct Form {
    halves: Vec<u16>,
    codes: Vec<u8>,
    /// Codebooks or scales.
    side: Vec<f32>,
    n_clusters: usize,
    levels: Levels,
    kind: Kind,
    real: Vec<f32>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    F16,
    Bf16,
    Codes(usize),
    Levels(u8, Option<usize>),
}

struct Levels {
    levels: Vec<i8>,
    bits: u8,
    group: Option<(usize, Vec<u8>)>,
    effective: Vec<i8>,
}

impl Levels {
    fn new(numbers: &mut Numbers, n: usize, k: usize, bits: u8, group: Option<usize>) -> Self {
        let lowest = if bits == 8 { -127 } else { i8::MIN >> (8 - bits) };
        let levels: Vec<i8> =
            numbers.i8s(n * k).into_iter().map(|level| (level >> (8 - bits)).max(lowest)).collect();
        let group = group.map(|len| {
            let largest = 127 / i32::from(lowest.unsigned_abs());
            let multipliers = numbers.bytes(n * k.div_ceil(len)).into_iter();
            (len, multipliers.map(|m| (i32::from(m) % (largest + 1)) as u8).collect::<Vec<u8>>())
        });
        let multiplier = |i: usize| match &group {
            None => 1,
            Some((len, multipliers)) => multipliers[i / k * k.div_ceil(*len) + i % k / len] as i8,
        };
        let effective = levels.iter().enumerate().map(|(i, level)| level * multiplier(i)).collect();
        Self { levels, bits, group, effective }
    }

    fn stored(&self) -> StoredLevels<'_> {
        let groups = self.group.as_ref();
        let groups = groups.map(|(len, multipliers)| LevelGroups { len: *len, multipliers });
        StoredLevels { levels: &self.levels, bits: self.bits, groups }
    }
}

impl Form {
    fn new(numbers: &mut Numbers, n: usize, k: usize, kind: Kind, is_shared: bool) -> Self {
        let side_rows = if is_shared { 1 } else { n };
        let mut form = Self {
            halves: Vec::new(),
            codes: Vec::new(),
            side: Vec::new(),
            n_clusters: 0,
            levels: Levels { levels: Vec::new(), bits: 8, group: None, effective: Vec::new() },
            kind,
            real: Vec::new(),
        };
        let row = |i: usize| if is_shared { 0 } else { i / k };
        match kind {
            Kind::F16 => {
                // Small ones too, at times down to subnormal halves.
                let power = if is_shared { 7 } else { 1 };
                let values = numbers.f32s(n * k).into_iter();
                let halves: Vec<f16> = values.map(|x| f16::from_f32(x.powi(power))).collect();
                form.halves = halves.iter().map(|half| half.to_bits()).collect();
                form.real = halves.iter().map(|half| half.to_f32()).collect();
            }
            Kind::Bf16 => {
                let halves: Vec<bf16> = numbers.f32s(n * k).into_iter().map(bf16::from_f32).collect();
                form.halves = halves.iter().map(|half| half.to_bits()).collect();
                form.real = halves.iter().map(|half| half.to_f32()).collect();
            }
            Kind::Codes(n_clusters) => {
                form.n_clusters = n_clusters;
                form.side = numbers.f32s(side_rows * n_clusters);
                form.codes = (0..n * k).map(|_| (numbers.bits() as usize % n_clusters) as u8).collect();
                let value = |(i, code): (usize, &u8)| form.side[row(i) * n_clusters + usize::from(*code)];
                form.real = form.codes.iter().enumerate().map(value).collect();
            }
            Kind::Levels(bits, group) => {
                form.levels = Levels::new(numbers, n, k, bits, group);
                form.side = numbers.f32s(side_rows).into_iter().map(|x| x.abs() + 0.01).collect();
                let value = |(i, level): (usize, &i8)| form.side[row(i)] * f32::from(*level);
                form.real = form.levels.effective.iter().enumerate().map(value).collect();
            }
        }
        form
    }

    fn stored(&self) -> StoredWeights<'_> {
        match self.kind {
            Kind::F16 => StoredWeights::F16(&self.halves),
            Kind::Bf16 => StoredWeights::Bf16(&self.halves),
            Kind::Codes(n_clusters) => {
                StoredWeights::Codes { codes: &self.codes, codebooks: &self.side, n_clusters }
            }
            Kind::Levels(..) => StoredWeights::Levels { levels: self.levels.stored(), scales: &self.side },
        }
    }
}

fn groups() -> impl Strategy<Value = Option<usize>> {
    prop_oneof![Just(None), Just(Some(4)), Just(Some(8)), Just(Some(32)), Just(Some(64))]
}

fn bits() -> impl Strategy<Value = u8> {
    prop_oneof![Just(8), Just(4), Just(2)]
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![
        Just(Kind::F16),
        Just(Kind::Bf16),
        (1..=256_usize).prop_map(Kind::Codes),
        (1..=17_usize).prop_map(Kind::Codes),
        (bits(), groups()).prop_map(|(bits, group)| Kind::Levels(bits, group)),
    ]
}

const POINTWISE: Window =
    Window { kernel: [1, 1], stride: [1, 1], padding: Padding { top: 0, left: 0, bottom: 0, right: 0 } };

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn stored_weights_give_the_bits_of_their_floats(
        kind in kinds(), is_shared: bool, n in straddling(32), image in images(straddling(32)), seed: u64,
        bounds in clamps(),
    ) {
        let numbers = &mut Numbers::new(seed);
        let k = image.channels;
        let max = bounds.store(numbers, n);
        let clamp = bounds.clamp(&max);
        let form = Form::new(numbers, n, k, kind, is_shared);
        let bias = numbers.f32s(n);
        let filled = Layout::Blocked.reduction(image, &POINTWISE);
        let ordered = Layout::Blocked.order_weights(&form.real, n, image, &POINTWISE).unwrap();
        let plain = PackedWeightsF32::pack(&ordered, n, filled, &bias).unwrap();
        let stored = PackedWeightsF32::pack_stored(&form.stored(), n, filled, &bias).unwrap();
        let input = blocked(&numbers.f32s(image.len()), image);
        let shape = ImageShape { channels: n, ..image };
        let run = |weights: &PackedWeightsF32| {
            let len = conv2d_scratch_len(Layout::Blocked, image, &POINTWISE) + weights.unpacked_len();
            let (mut scratch, mut output) = (vec![f32::NAN; len], vec![f32::NAN; blocked_len(shape)]);
            conv2d_f32(
                &input, Layout::Blocked, image, &POINTWISE, weights, None, clamp, &mut scratch, &mut output,
            ).unwrap();
            output
        };
        prop_assert_eq!(compare(&run(&stored), &run(&plain)), Ok(()));

        let filters = DepthwiseWeightsF32::pack(&numbers.f32s(n * 9), n, 9, &bias).unwrap();
        let padding = Padding { top: 1, left: 1, bottom: 1, right: 1 };
        let window = Window { kernel: [3, 3], stride: [1, 1], padding };
        let run = |weights: &PackedWeightsF32| {
            let len = expand_depthwise_scratch_len(image, &window) + weights.unpacked_len();
            let (mut scratch, mut output) = (vec![f32::NAN; len], vec![f32::NAN; blocked_len(shape)]);
            expand_depthwise_f32(
                &input, image, weights, clamp, &window, &filters, Clamp::NONE, &mut scratch, &mut output,
            ).unwrap();
            output
        };
        prop_assert_eq!(compare(&run(&stored), &run(&plain)), Ok(()));

        let plain = PackedWeightsF32::pack(&form.real, n, k, &bias).unwrap();
        let stored = PackedWeightsF32::pack_stored(&form.stored(), n, k, &bias).unwrap();
        let vector = numbers.f32s(k);
        let run = |weights: &PackedWeightsF32| {
            let mut scratch = vec![f32::NAN; weights.unpacked_len()];
            let mut output = vec![f32::NAN; n.next_multiple_of(BLOCK)];
            linear_f32(&vector, weights, clamp, &mut scratch, &mut output).unwrap();
            output
        };
        prop_assert_eq!(compare(&run(&stored), &run(&plain)), Ok(()));
    }

    /// Windows with padding, for forms whose zero is all bits zero.
    #[test]
    fn stored_windows_give_the_bits_of_their_floats(
        (window, image) in fitting(straddling(8)), n in straddling(16), seed: u64, bits in bits(), layout in layouts(),
    ) {
        let numbers = &mut Numbers::new(seed);
        let k = window.taps() * image.channels;
        let shape = output_shape(&window, image, n);
        let (scales, bias) = (numbers.f32s(n), numbers.f32s(n));
        let levels = Levels::new(numbers, n, k, bits, None).levels;
        let levels = layout.order_weights(&levels, n, image, &window).unwrap();
        let reduction = layout.reduction(image, &window);
        let real: Vec<f32> =
            levels.iter().enumerate().map(|(i, level)| scales[i / reduction] * f32::from(*level)).collect();
        let plain = PackedWeightsF32::pack(&real, n, reduction, &bias).unwrap();
        let levels = StoredLevels { levels: &levels, bits, groups: None };
        let stored = StoredWeights::Levels { levels, scales: &scales };
        let stored = PackedWeightsF32::pack_stored(&stored, n, reduction, &bias).unwrap();
        let input = laid_out(&numbers.f32s(image.len()), image, layout);
        let run = |weights: &PackedWeightsF32| {
            let len = conv2d_scratch_len(layout, image, &window) + weights.unpacked_len();
            let (mut scratch, mut output) = (vec![f32::NAN; len], vec![f32::NAN; blocked_len(shape)]);
            conv2d_f32(
                &input, layout, image, &window, weights, None, Clamp::NONE, &mut scratch, &mut output,
            ).unwrap();
            output
        };
        prop_assert_eq!(compare(&run(&stored), &run(&plain)), Ok(()));
    }

    #[test]
    fn stored_levels_give_the_sums_of_int8(
        bits in bits(), group in groups(), n in straddling(16), image in images(straddling(32)), seed: u64,
        products in products(),
    ) {
        let numbers = &mut Numbers::new(seed);
        let k = image.channels;
        let levels = Levels::new(numbers, n, k, bits, group);
        let (bias, requantization) = (numbers.biases(n), numbers.requantization(n));
        let filled = Layout::Blocked.reduction(image, &POINTWISE);
        let ordered = Layout::Blocked.order_weights(&levels.effective, n, image, &POINTWISE).unwrap();
        let plain = PackedWeightsI8::pack(&ordered, n, filled, BLOCK, &bias, 7, products).unwrap();
        let stored = PackedWeightsI8::pack_stored(&levels.stored(), n, filled, BLOCK, &bias, 7, products).unwrap();
        let input = blocked(&numbers.levels(image.len(), products), image);
        let shape = ImageShape { channels: n, ..image };
        let run = |weights: &PackedWeightsI8| {
            let len = conv2d_i8_scratch_len(Layout::Blocked, image, &POINTWISE, products).with_weights(weights);
            let (mut scratch, mut output) = (IntegerScratch::new(len), vec![0; blocked_len(shape)]);
            conv2d_i8(
                &input, Layout::Blocked, image, &POINTWISE, 7, weights, &requantization, &mut scratch, &mut output,
            ).unwrap();
            output
        };
        prop_assert_eq!(compare(&run(&stored), &run(&plain)), Ok(()));

        let filters = DepthwiseWeightsI8::pack(&numbers.weights_i8(n * 9), n, [3, 3], &bias, 9).unwrap();
        let padding = Padding { top: 1, left: 1, bottom: 1, right: 1 };
        let window = Window { kernel: [3, 3], stride: [1, 1], padding };
        let run = |weights: &PackedWeightsI8| {
            let len = expand_depthwise_i8_scratch_len(image, &window, products).with_weights(weights);
            let (mut scratch, mut output) = (IntegerScratch::new(len), vec![0; blocked_len(shape)]);
            let expansion = Expansion { weights, requantization: &requantization };
            expand_depthwise_i8(
                &input, image, expansion, &window, 9, &filters, &requantization, &mut scratch, &mut output,
            ).unwrap();
            output
        };
        prop_assert_eq!(compare(&run(&stored), &run(&plain)), Ok(()));

        let plain = PackedWeightsI8::pack(&levels.effective, n, k, k, &bias, 7, products).unwrap();
        let stored = PackedWeightsI8::pack_stored(&levels.stored(), n, k, k, &bias, 7, products).unwrap();
        let vector = numbers.levels(k, products);
        let run = |weights: &PackedWeightsI8| {
            let mut scratch = IntegerScratch::new(linear_i8_scratch_len(k, products).with_weights(weights));
            let mut output = vec![0; n.next_multiple_of(BLOCK)];
            linear_i8(&vector, weights, &requantization, &mut scratch, &mut output).unwrap();
            output
        };
        prop_assert_eq!(compare(&run(&stored), &run(&plain)), Ok(()));
    }
}

#[test]
fn every_half_becomes_its_float() {
    let halves: Vec<u16> = (0..=u16::MAX).collect();
    for halves in halves.as_chunks::<8>().0 {
        let floats = |[low, high]: [F32x4; 2]| {
            let mut floats = [[0.0; 4]; 2];
            low.store(&mut floats[0]);
            high.store(&mut floats[1]);
            floats.concat()
        };
        let same = |actual: f32, expected: f32| {
            actual.to_bits() == expected.to_bits() || actual.is_nan() && expected.is_nan()
        };
        for (i, actual) in floats(F32x4::from_f16(halves)).into_iter().enumerate() {
            let expected = f16::from_bits(halves[i]).to_f32();
            assert!(same(actual, expected), "{:#x}: {actual} instead of {expected}", halves[i]);
        }
        for (i, actual) in floats(F32x4::from_normal_f16(halves)).into_iter().enumerate() {
            let expected = f16::from_bits(halves[i]);
            assert!(!expected.is_finite() || same(actual, expected.to_f32()), "{:#x}: {actual}", halves[i]);
        }
        for (i, actual) in floats(F32x4::from_bf16(halves)).into_iter().enumerate() {
            assert!(same(actual, bf16::from_bits(halves[i]).to_f32()), "{:#x}", halves[i]);
        }
    }
}

#[test]
fn stored_weights_keep_to_their_bits() {
    let (n, k) = (64, 256);
    let numbers = &mut Numbers::new(3);
    let plain = PackedWeightsF32::pack(&vec![0.0; n * k], n, k, &vec![0.0; n]).unwrap().bytes();
    let mut bytes = |kind, is_shared| {
        let form = Form::new(numbers, n, k, kind, is_shared);
        PackedWeightsF32::pack_stored(&form.stored(), n, k, &vec![0.0; n]).unwrap().bytes()
    };
    let bias = 4 * n;
    assert_eq!(plain, 4 * n * k + bias);
    assert_eq!(bytes(Kind::F16, true), 2 * n * k + n / 8 + bias);
    assert_eq!(bytes(Kind::Bf16, true), 2 * n * k + bias);
    assert_eq!(bytes(Kind::Codes(16), false), n * k / 2 + 64 * n + bias);
    assert_eq!(bytes(Kind::Codes(32), true), n * k + 128 + bias);
    assert_eq!(bytes(Kind::Levels(8, None), true), n * k + 4 * n + bias);
    assert_eq!(bytes(Kind::Levels(4, Some(32)), true), n * k / 2 + n * k / 32 + 4 * n + bias);
    assert_eq!(bytes(Kind::Levels(2, None), true), n * k / 4 + 4 * n + bias);
    let levels = Levels::new(numbers, n, k, 4, None);
    for products in PRODUCTS {
        let weights =
            PackedWeightsI8::pack_stored(&levels.stored(), n, k, k, &vec![0; n], 0, products).unwrap();
        assert_eq!(weights.bytes(), n * k / 2 + bias);
    }
}

#[test]
fn stored_weights_out_of_range_are_refused() {
    let float = |weights: StoredWeights<'_>| PackedWeightsF32::pack_stored(&weights, 2, 4, &[0.0; 2]);
    let levels = |levels, bits, groups| StoredLevels { levels, bits, groups };
    let plain = levels(&[7; 8], 4, None);
    assert!(float(StoredWeights::Levels { levels: plain, scales: &[1.0] }).is_ok());
    assert!(float(StoredWeights::Levels { levels: plain, scales: &[1.0; 3] }).is_err());
    for wrong in [
        levels(&[8; 8], 4, None),
        levels(&[0; 8], 3, None),
        levels(&[0; 7], 4, None),
        levels(&[7; 8], 4, Some(LevelGroups { len: 3, multipliers: &[1; 4] })),
        levels(&[7; 8], 4, Some(LevelGroups { len: 0, multipliers: &[1; 4] })),
        levels(&[7; 8], 4, Some(LevelGroups { len: 4, multipliers: &[1; 3] })),
        levels(&[7; 8], 4, Some(LevelGroups { len: 4, multipliers: &[18, 19] })),
    ] {
        assert!(float(StoredWeights::Levels { levels: wrong, scales: &[1.0] }).is_err(), "{wrong:?}");
        let integer = PackedWeightsI8::pack_stored(&wrong, 2, 4, 4, &[0; 2], 0, Products::Pairs);
        assert!(integer.is_err(), "{wrong:?}");
    }
    let codes = |codes, n_clusters| StoredWeights::Codes { codes, codebooks: &[0.0; 6], n_clusters };
    assert!(float(codes(&[2; 8], 3)).is_ok());
    assert!(float(codes(&[3; 8], 3)).is_err());
    assert!(float(codes(&[2; 8], 4)).is_err());
    assert!(float(codes(&[0; 8], 0)).is_err());
    assert!(float(StoredWeights::F16(&[0; 9])).is_err());
    let packed = float(StoredWeights::F16(&[0; 8])).unwrap();
    assert!(linear_f32(&[0.0; 4], &packed, Clamp::NONE, &mut [], &mut [0.0; 8]).is_err());
}
