use proptest::prelude::*;

use super::*;

fn encoded(levels: &[i16], rows: Rows) -> Vec<u8> {
    let mut coder = LevelCoder::new(Encoder::default(), rows, levels);
    let mut levels = levels.to_vec();
    // In two calls, as a caller that works in pieces does.
    let half = levels.len() / rows.len.max(1) / 2 * rows.len;
    let (first, second) = levels.split_at_mut(half);
    coder.rows(first);
    coder.rows(second);
    finish(coder.coder)
}

/// What is read in the place of `known`, and whether the message ends there.
fn decoded(bytes: &[u8], mut known: Vec<i16>, rows: Rows) -> (Vec<i16>, bool) {
    let mut coder = LevelCoder::new(Decoder::new(bytes), rows, &[]);
    coder.rows(&mut known);
    (known, is_finished(coder.coder))
}

/// Numbers between 0 and 1, the same in every run.
fn uniform(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// A Laplacian number of mean 0 and mean magnitude `scale`, rounded.
fn laplacian(uniform: &mut impl FnMut() -> f64, scale: f64) -> i16 {
    let magnitude = -(1.0 - uniform()).ln() * scale;
    let sign = if uniform() < 0.5 { -1.0 } else { 1.0 };
    (sign * magnitude).round().clamp(-127.0, 127.0) as i16
}

fn order_0_bytes(levels: &[i16]) -> f64 {
    let mut counts = [0.0_f64; 256];
    for &level in levels {
        counts[(level + 128) as usize] += 1.0;
    }
    let n = levels.len() as f64;
    counts.iter().filter(|&&count| count > 0.0).map(|&count| -count * (count / n).log2() / 8.0).sum()
}

#[test]
fn a_laplacian_source_costs_its_entropy() {
    let mut uniform = uniform(1);
    for (scale, most) in [(0.3, 1.01), (2.0, 1.005), (25.0, 1.005)] {
        let levels: Vec<i16> = (0..400 * 256).map(|_| laplacian(&mut uniform, scale)).collect();
        let bytes = encoded(&levels, Rows::of_sizes(256)).len() as f64;
        let entropy = order_0_bytes(&levels);
        assert!(bytes < entropy * most && bytes > entropy * 0.99, "{scale}: {bytes} of {entropy}");
    }
}

#[test]
fn rows_and_columns_of_differing_size_cost_less_than_the_order_0_entropy() {
    let mut uniform = uniform(2);
    let sizes: Vec<f64> = (0..256).map(|_| (uniform() * 2.0 - 1.0).exp2()).collect();
    let mut levels = Vec::new();
    for _ in 0..400 {
        let row = (uniform() * 2.0 - 1.0).exp2() * 4.0;
        levels.extend(sizes.iter().map(|column| laplacian(&mut uniform, row * column)));
    }
    let (bytes, entropy) = (encoded(&levels, Rows::of_sizes(256)).len() as f64, order_0_bytes(&levels));
    assert!(bytes < entropy * 0.97, "{bytes} of {entropy}");
    let alike = Rows { sizes: Sizes::Alike, ..Rows::of_sizes(256) };
    let bytes = encoded(&levels, alike).len() as f64;
    assert!((0.995..1.01).contains(&(bytes / entropy)), "{bytes} of {entropy}");
}

#[test]
fn nothing_but_zeros_takes_next_to_nothing() {
    let zeros = vec![0; 1_000_000];
    let bytes = encoded(&zeros, Rows::of_sizes(1000));
    assert!(bytes.len() <= 6, "{bytes:?}");
    assert_eq!(decoded(&bytes, zeros.clone(), Rows::of_sizes(1000)), (zeros, true));
}

#[test]
fn rounded_numbers_take_fewer_bytes() {
    let mut uniform = uniform(3);
    let numbers: Vec<u32> = (0..1000).map(|_| (uniform() as f32 + 0.1).to_bits()).collect();
    let len = |mask: u32| {
        let mut coder = FloatCoder::new(Encoder::default(), FloatLayout::F32);
        coder.numbers(&mut numbers.iter().map(|bits| bits & mask).collect::<Vec<_>>());
        finish(coder.coder).len()
    };
    let (single, brain) = (len(!0), len(!0xffff));
    assert!(single < 3200 && brain < 1200 && single - brain >= 1990, "{single} {brain}");
}

fn rows() -> impl Strategy<Value = Rows> {
    let zeros = prop_oneof![Just(Zeros::Coded), Just(Zeros::Known)];
    let sizes = prop_oneof![Just(Sizes::Vary), Just(Sizes::Alike)];
    (1_usize..40, zeros, sizes).prop_map(|(len, zeros, sizes)| Rows { len, zeros, sizes })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn levels_come_back(
        levels in prop::collection::vec(prop_oneof![Just(0_i16), -3_i16..4, -255_i16..256], 0..600),
        rows in rows(),
    ) {
        let bytes = encoded(&levels, rows);
        let known = match rows.zeros {
            Zeros::Coded => vec![0; levels.len()],
            Zeros::Known => levels.iter().map(|&level| i16::from(level != 0)).collect(),
        };
        prop_assert_eq!(decoded(&bytes, known, rows), (levels, true));
    }

    #[test]
    fn numbers_come_back(
        single in prop::collection::vec(any::<u32>(), 0..100),
        half in prop::collection::vec(any::<u16>(), 0..100),
        n_zeros in 0_u32..32,
    ) {
        let single: Vec<u32> = single.into_iter().map(|bits| bits >> n_zeros << n_zeros).collect();
        let half: Vec<u32> = half.into_iter().map(u32::from).collect();
        for (layout, numbers) in
            [(FloatLayout::F32, &single), (FloatLayout::F16, &half), (FloatLayout::BF16, &half)]
        {
            let mut coder = FloatCoder::new(Encoder::default(), layout);
            coder.numbers(&mut numbers.clone());
            coder.numbers(&mut numbers.clone());
            let bytes = finish(coder.coder);
            let mut coder = FloatCoder::new(Decoder::new(&bytes), layout);
            for _ in 0..2 {
                let mut read = vec![0; numbers.len()];
                coder.numbers(&mut read);
                prop_assert_eq!(&read, numbers);
            }
            prop_assert!(is_finished(coder.coder));
        }
    }

    #[test]
    fn bits_of_any_probability_come_back(
        bits in prop::collection::vec((any::<bool>(), 0_usize..4, 0_u32..0x1_0000, 0_u32..17), 0..400),
    ) {
        let fresh = || [0.0, 0.3, 0.999, 1.0].map(|p| range::Probability::expected(p, 1000));
        let mut encoder = Encoder::default();
        let mut probabilities = fresh();
        for &(bit, which, value, n) in &bits {
            encoder.bit(bit, &mut probabilities[which]);
            encoder.raw(value & ((1 << n) - 1), n);
        }
        let bytes = finish(encoder);
        prop_assert_ne!(bytes.last(), Some(&0));
        let mut decoder = Decoder::new(&bytes);
        let mut probabilities = fresh();
        for &(bit, which, value, n) in &bits {
            prop_assert_eq!(decoder.bit(false, &mut probabilities[which]), bit);
            prop_assert_eq!(decoder.raw(0, n), value & ((1 << n) - 1));
        }
        prop_assert!(is_finished(decoder));
    }

    #[test]
    fn broken_messages_never_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        n in 0_usize..500,
        rows in rows(),
        known: u64,
    ) {
        let known = (0..n).map(|idx| i16::from(known >> (idx % 64) & 1 != 0)).collect();
        let (levels, _) = decoded(&bytes, known, rows);
        prop_assert!(levels.iter().all(|level| (-255..=255).contains(level)));
        for layout in [FloatLayout::F32, FloatLayout::F16, FloatLayout::BF16] {
            let mut coder = FloatCoder::new(Decoder::new(&bytes), layout);
            coder.numbers(&mut vec![0; n]);
            is_finished(coder.coder);
        }
    }
}

#[test]
fn damage_is_noticed() {
    let mut uniform = uniform(4);
    let levels: Vec<i16> = (0..32 * 32).map(|_| laplacian(&mut uniform, 3.0)).collect();
    let bytes = encoded(&levels, Rows::of_sizes(32));
    let is_noticed = |bytes: &[u8]| !decoded(bytes, vec![0; levels.len()], Rows::of_sizes(32)).1;
    assert!(!is_noticed(&bytes));
    let flips = (0..bytes.len() * 8).step_by(3);
    let n_flips = flips.clone().count();
    let n_noticed = flips
        .filter(|&bit| {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            is_noticed(&damaged)
        })
        .count();
    assert!(n_noticed + 2 >= n_flips, "{n_noticed} of {n_flips}");
    assert!((0..bytes.len()).all(|len| is_noticed(&bytes[..len])));
}

#[test]
fn files_written_before_stay_readable() {
    let levels: Vec<i16> = (0..48).map(|idx| (idx * 29 % 13 - 6) * (idx % 3)).collect();
    let bytes = encoded(&levels, Rows::of_sizes(8));
    let expected = [
        64, 78, 12, 237, 110, 69, 131, 235, 240, 14, 228, 80, 252, 74, 207, 88, 198, 249, 18, 194, 182, 169,
        237, 237, 51, 135, 160, 5, 31, 226, 53,
    ];
    assert_eq!(bytes, expected);
    let mut coder = FloatCoder::new(Encoder::default(), FloatLayout::F32);
    coder.numbers(&mut [1.0_f32, -0.75, 3.0e-5, 0.0].map(f32::to_bits));
    let expected = [14, 0, 0, 0, 1, 31, 234, 227, 165, 227, 44, 141, 183, 38, 247, 246, 55, 110];
    assert_eq!(finish(coder.coder), expected);
}
