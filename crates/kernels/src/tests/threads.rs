//! Several threads against one: the same numbers, bit by bit.

use proptest::prelude::*;

use super::*;

/// What `kernel` writes with one thread, if it is the same with two and three; it gets the room that it asked for under
/// each number.
fn same_with_any_threads<T: PartialEq + std::fmt::Debug>(kernel: impl Fn() -> Vec<T>) -> Result<(), String> {
    start_threads(3).map_err(|error| error.to_string())?;
    let alone = with_threads(1, &kernel);
    (2..=3).try_for_each(|n| {
        compare(&with_threads(n, &kernel), &alone).map_err(|error| format!("{n} threads: {error}"))
    })
}

/// Bits, so that NaN is NaN.
fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|x| x.to_bits()).collect()
}

#[test]
fn a_difference_between_threads_is_noticed() {
    assert!(same_with_any_threads(|| vec![threads()]).is_err());
    assert!(same_with_any_threads(|| vec![0]).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn dense_layers_do_not_depend_on_threads(
        (window, image) in fitting(1..=40_usize), n in 1..=70_usize, with_residual: bool, seed: u64,
    ) {
        let numbers = &mut Numbers::new(seed);
        let [height, width] = window.output_size(image.height, image.width).unwrap();
        let out = blocked_len(ImageShape { height, width, channels: n });
        let residual = with_residual.then(|| numbers.f32s(out));
        for layout in [Layout::Interleaved, Layout::Blocked] {
            let (k, run) = (layout.reduction(image, &window), layout.run(image, &window));
            let (input, bias) = (numbers.f32s(layout.len(image)), numbers.f32s(n));
            let packed = PackedWeightsF32::pack(&numbers.f32s(n * k), n, k, &bias).unwrap();
            prop_assert_eq!(same_with_any_threads(|| {
                let mut scratch = vec![f32::NAN; conv2d_scratch_len(layout, image, &window)];
                let mut output = vec![f32::NAN; out];
                conv2d_f32(
                    &input, layout, image, &window, &packed, residual.as_deref(), Clamp::RELU6, &mut scratch, &mut output,
                ).unwrap();
                bits(&output)
            }), Ok(()));
            for products in PRODUCTS {
                let input = numbers.levels(layout.len(image), products);
                let (weights, biases) = (numbers.weights_i8(n * k), numbers.biases(n));
                let packed = PackedWeightsI8::pack(&weights, n, k, run, &biases, 3, products).unwrap();
                let requantization = numbers.requantization(n);
                prop_assert_eq!(same_with_any_threads(|| {
                    let len = conv2d_i8_scratch_len(layout, image, &window, products);
                    let (mut scratch, mut output) = (IntegerScratch::new(len), vec![7; out]);
                    conv2d_i8(
                        &input, layout, image, &window, 3, &packed, &requantization, &mut scratch, &mut output,
                    ).unwrap();
                    output
                }), Ok(()));
            }
        }
    }

    #[test]
    fn pointwise_and_linear_layers_do_not_depend_on_threads(
        pixels in straddling(60), k in 1..=90_usize, n in 1..=90_usize, seed: u64,
    ) {
        let numbers = &mut Numbers::new(seed);
        let window = Window { kernel: [1, 1], stride: [1, 1], padding: Padding::default() };
        let image = ImageShape { height: 1, width: pixels, channels: k };
        let (depth, out) = (Layout::Blocked.reduction(image, &window), pixels * n.next_multiple_of(BLOCK));
        let input = numbers.f32s(blocked_len(image));
        let weights = pruned(numbers, n, depth, 0.5, 2);
        let bias = numbers.f32s(n);
        let packed = PackedWeightsF32::pack(&weights, n, depth, &bias).unwrap();
        prop_assert_eq!(same_with_any_threads(|| {
            let mut scratch = vec![f32::NAN; conv2d_scratch_len(Layout::Blocked, image, &window)];
            let mut output = vec![f32::NAN; out];
            conv2d_f32(
                &input, Layout::Blocked, image, &window, &packed, None, Clamp::NONE, &mut scratch, &mut output,
            ).unwrap();
            bits(&output)
        }), Ok(()));
        prop_assert_eq!(same_with_any_threads(|| {
            let mut output = vec![f32::NAN; n.next_multiple_of(BLOCK)];
            linear_f32(&input[..depth], &packed, Clamp::NONE, &mut [], &mut output).unwrap();
            bits(&output)
        }), Ok(()));
        let halves: Vec<u16> = weights.iter().map(|w| half::bf16::from_f32(*w).to_bits()).collect();
        let stored = PackedWeightsF32::pack_stored(&StoredWeights::Bf16(&halves), n, depth, &bias).unwrap();
        prop_assert_eq!(same_with_any_threads(|| {
            let len = conv2d_scratch_len(Layout::Blocked, image, &window) + stored.unpacked_len();
            let (mut scratch, mut output) = (vec![f32::NAN; len], vec![f32::NAN; out]);
            conv2d_f32(
                &input, Layout::Blocked, image, &window, &stored, None, Clamp::NONE, &mut scratch, &mut output,
            ).unwrap();
            let mut classes = vec![f32::NAN; n.next_multiple_of(BLOCK)];
            linear_f32(&input[..depth], &stored, Clamp::NONE, &mut scratch, &mut classes).unwrap();
            [bits(&output), bits(&classes)].concat()
        }), Ok(()));
        // Scratch that was made for one thread is enough for any number of them.
        let len = with_threads(1, || conv2d_scratch_len(Layout::Blocked, image, &window) + stored.unpacked_len());
        let [alone, shared] = [1, 3].map(|n| with_threads(n, || {
            let (mut scratch, mut output) = (vec![f32::NAN; len], vec![f32::NAN; out]);
            conv2d_f32(
                &input, Layout::Blocked, image, &window, &stored, None, Clamp::NONE, &mut scratch, &mut output,
            ).map(|()| bits(&output))
        }));
        prop_assert_eq!(alone.unwrap(), shared.unwrap());
        for products in PRODUCTS {
            let (plain, levels) = (numbers.weights_i8(n * depth), numbers.i8s(n * depth));
            let levels: Vec<i8> = levels.into_iter().map(|level| level >> 4).collect();
            let stored = StoredLevels { levels: &levels, bits: 4, groups: None };
            let biases = numbers.biases(n);
            let input = numbers.levels(blocked_len(image), products);
            let (requantization, scales) = (numbers.requantization(n), numbers.f32s(n.next_multiple_of(BLOCK)));
            for weights in [
                PackedWeightsI8::pack(&plain, n, depth, depth, &biases, 3, products).unwrap(),
                PackedWeightsI8::pack_stored(&stored, n, depth, depth, &biases, 3, products).unwrap(),
            ] {
                prop_assert_eq!(same_with_any_threads(|| {
                    let len = conv2d_i8_scratch_len(Layout::Blocked, image, &window, products);
                    let len = len.max(linear_i8_scratch_len(depth, products)).with_weights(&weights);
                    let (mut scratch, mut output) = (IntegerScratch::new(len), vec![7; out]);
                    conv2d_i8(
                        &input, Layout::Blocked, image, &window, 3, &weights, &requantization, &mut scratch, &mut output,
                    ).unwrap();
                    let mut classes = vec![7; n.next_multiple_of(BLOCK)];
                    linear_i8(&input[..depth], &weights, &requantization, &mut scratch, &mut classes).unwrap();
                    let mut logits = vec![f32::NAN; n.next_multiple_of(BLOCK)];
                    linear_i8_f32(&input[..depth], &weights, &scales, &mut scratch, &mut logits).unwrap();
                    let wide = |levels: Vec<u8>| levels.into_iter().map(u32::from).collect();
                    [wide(output), wide(classes), bits(&logits)].concat()
                }), Ok(()));
            }
        }
        let image = ImageShape { channels: depth, ..image };
        for pattern in [Pattern::Single, Pattern::Pairs] {
            let packed = SparseWeightsF32::pack_as(pattern, &weights, n, depth, &bias).unwrap();
            prop_assert_eq!(same_with_any_threads(|| {
                let mut scratch = vec![f32::NAN; pointwise_sparse_scratch_len(image)];
                let mut output = vec![f32::NAN; out];
                pointwise_sparse_f32(&input, image, &packed, None, Clamp::RELU, &mut scratch, &mut output).unwrap();
                bits(&output)
            }), Ok(()));
        }
        prop_assert_eq!(same_with_any_threads(|| {
            let mut output = vec![f32::NAN; depth];
            global_average_pool_f32(&input, image, &mut output).unwrap();
            bits(&output)
        }), Ok(()));
        prop_assert_eq!(same_with_any_threads(|| {
            let mut output = vec![7; input.len()];
            quantize_i8(&input, 0.01, 100, &mut output).unwrap();
            output
        }), Ok(()));
        let (levels, requantization) = (numbers.bytes(input.len()), numbers.requantization(depth));
        prop_assert_eq!(same_with_any_threads(|| {
            let mut output = vec![7; depth];
            global_average_pool_i8(&levels, image, 3, &requantization, &mut output).unwrap();
            output
        }), Ok(()));
    }

    #[test]
    fn depthwise_layers_do_not_depend_on_threads(
        (window, image) in fitting(1..=40_usize), in_channels in 1..=20_usize, seed: u64,
    ) {
        let numbers = &mut Numbers::new(seed);
        let [height, width] = window.output_size(image.height, image.width).unwrap();
        let (channels, taps) = (image.channels, window.kernel[0] * window.kernel[1]);
        let out = blocked_len(ImageShape { height, width, channels });
        let (input, weights) = (numbers.f32s(blocked_len(image)), numbers.f32s(channels * taps));
        let filters = DepthwiseWeightsF32::pack(&weights, channels, taps, &numbers.f32s(channels)).unwrap();
        prop_assert_eq!(same_with_any_threads(|| {
            let mut scratch = vec![f32::NAN; depthwise_scratch_len(image, &window)];
            let mut output = vec![f32::NAN; out];
            depthwise_f32(&input, image, &window, &filters, Clamp::RELU6, &mut scratch, &mut output).unwrap();
            bits(&output)
        }), Ok(()));

        let narrow = ImageShape { channels: in_channels, ..image };
        let k = in_channels.next_multiple_of(BLOCK);
        let input = numbers.f32s(blocked_len(narrow));
        let bias = numbers.f32s(channels);
        let expansion = PackedWeightsF32::pack(&numbers.f32s(channels * k), channels, k, &bias).unwrap();
        prop_assert_eq!(same_with_any_threads(|| {
            let mut scratch = vec![f32::NAN; expand_depthwise_scratch_len(narrow, &window)];
            let mut output = vec![f32::NAN; out];
            expand_depthwise_f32(
                &input, narrow, &expansion, Clamp::RELU6, &window, &filters, Clamp::NONE, &mut scratch, &mut output,
            ).unwrap();
            bits(&output)
        }), Ok(()));

        let halves: Vec<u16> = numbers.bytes(channels * k).into_iter().map(|byte| u16::from(byte) << 6).collect();
        let stored = PackedWeightsF32::pack_stored(&StoredWeights::F16(&halves), channels, k, &bias).unwrap();
        prop_assert_eq!(same_with_any_threads(|| {
            let len = expand_depthwise_scratch_len(narrow, &window) + stored.unpacked_len();
            let (mut scratch, mut output) = (vec![f32::NAN; len], vec![f32::NAN; out]);
            expand_depthwise_f32(
                &input, narrow, &stored, Clamp::RELU6, &window, &filters, Clamp::NONE, &mut scratch, &mut output,
            ).unwrap();
            bits(&output)
        }), Ok(()));

        let (weights, biases) = (numbers.weights_i8(channels * taps), numbers.biases(channels));
        let filters = DepthwiseWeightsI8::pack(&weights, channels, window.kernel, &biases, 3).unwrap();
        let (levels, requantization) = (numbers.bytes(blocked_len(image)), numbers.requantization(channels));
        prop_assert_eq!(same_with_any_threads(|| {
            let mut scratch = vec![9; depthwise_i8_scratch_len(image, &window)];
            let mut output = vec![7; out];
            depthwise_i8(
                &levels, image, &window, 3, &filters, &requantization, &mut scratch, &mut output,
            ).unwrap();
            output
        }), Ok(()));

        let to_expanded = numbers.requantization(channels);
        for products in PRODUCTS {
            let levels = numbers.levels(blocked_len(narrow), products);
            let (plain, biases) = (numbers.weights_i8(channels * k), numbers.biases(channels));
            let fine: Vec<i8> = plain.iter().map(|level| level >> 4).collect();
            let stored = StoredLevels { levels: &fine, bits: 4, groups: None };
            for weights in [
                PackedWeightsI8::pack(&plain, channels, k, k, &biases, 3, products).unwrap(),
                PackedWeightsI8::pack_stored(&stored, channels, k, k, &biases, 3, products).unwrap(),
            ] {
                let expansion = Expansion { weights: &weights, requantization: &to_expanded };
                prop_assert_eq!(same_with_any_threads(|| {
                    let len = expand_depthwise_i8_scratch_len(narrow, &window, products).with_weights(&weights);
                    let (mut scratch, mut output) = (IntegerScratch::new(len), vec![7; out]);
                    expand_depthwise_i8(
                        &levels, narrow, expansion, &window, 3, &filters, &requantization, &mut scratch, &mut output,
                    ).unwrap();
                    output
                }), Ok(()));
            }
        }
    }
}
