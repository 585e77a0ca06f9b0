//! What does not fit is refused by name.

use super::*;

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
        add_i8(&mut [1], &[1, 2], &AddRequantization::new((1.0, 0), (1.0, 0), (1.0, 0), 0, 255).unwrap(),)
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
    let add = |max| add_f32(&mut [0.0; 32], &[0.0; 32], bounds(max));
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
        add_i8(&mut [0; 32], &[0; 32], &requantization.with_upper_bounds(max).unwrap())
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

/// Every product of sizes, on machines of 32 bits and of 64.
#[test]
fn sizes_beyond_memory_are_errors() {
    const HUGE: usize = usize::MAX / 4;
    let window = Window { kernel: [1, 1], stride: [1, 1], padding: Padding::default() };
    let padded = Window { padding: Padding { top: HUGE, left: HUGE, bottom: 1, right: 1 }, ..window };
    let filters = DepthwiseWeightsF32::pack(&[0.0], 1, 1, &[0.0]).unwrap();
    let levels = DepthwiseWeightsI8::pack(&[0], 1, [1, 1], &[0], 0).unwrap();
    let requantization = Requantization::new(&[0.5], 0, 0, 255).unwrap();
    let dense = PackedWeightsF32::pack(&[0.0; 8], 1, 8, &[0.0]).unwrap();
    let integer = PackedWeightsI8::pack(&[0; 8], 1, 8, 8, &[0], 0, Products::Pairs).unwrap();
    let sparse = SparseWeightsF32::pack(&[1.0], 1, 1, &[0.0]).unwrap();
    for (image, window) in [
        (ImageShape { height: HUGE, width: 8, channels: 1 }, window),
        (ImageShape { height: HUGE, width: HUGE, channels: 1 }, window),
        (ImageShape { height: 0, width: HUGE, channels: HUGE }, window),
        (ImageShape { height: HUGE, width: HUGE, channels: 0 }, window),
        (ImageShape { height: 1, width: 1, channels: usize::MAX }, window),
        (ImageShape { height: 1, width: 1, channels: 1 }, padded),
        (ImageShape { height: 0, width: 0, channels: 1 }, padded),
    ] {
        let mut scratch =
            IntegerScratch::new(IntegerScratchLen { bytes: 64, signed: 64, words: 64, weights: 64 });
        for layout in [Layout::Blocked, Layout::Interleaved] {
            let result =
                conv2d_f32(&[], layout, image, &window, &dense, None, Clamp::NONE, &mut [0.0; 64], &mut []);
            assert!(result.is_err(), "{image:?}");
            let result =
                conv2d_i8(&[], layout, image, &window, 0, &integer, &requantization, &mut scratch, &mut []);
            assert!(result.is_err(), "{image:?}");
            assert!(image.channels == 1 || layout.order_weights(&[1.0_f32], 1, image, &window).is_err());
            conv2d_scratch_len(layout, image, &window);
            conv2d_i8_scratch_len(layout, image, &window, Products::Pairs);
        }
        let result = depthwise_f32(&[], image, &window, &filters, Clamp::NONE, &mut [0.0; 64], &mut []);
        assert!(result.is_err(), "{image:?}");
        let result = depthwise_i8(&[], image, &window, 0, &levels, &requantization, &mut [0; 64], &mut []);
        assert!(result.is_err(), "{image:?}");
        let (first, second) = (Clamp::NONE, Clamp::RELU);
        let result = expand_depthwise_f32(
            &[],
            image,
            &dense,
            first,
            &window,
            &filters,
            second,
            &mut [0.0; 64],
            &mut [],
        );
        assert!(result.is_err(), "{image:?}");
        let expansion = Expansion { weights: &integer, requantization: &requantization };
        let result = expand_depthwise_i8(
            &[],
            image,
            expansion,
            &window,
            0,
            &levels,
            &requantization,
            &mut scratch,
            &mut [],
        );
        assert!(result.is_err(), "{image:?}");
        depthwise_scratch_len(image, &window);
        depthwise_i8_scratch_len(image, &window);
        expand_depthwise_scratch_len(image, &window);
        expand_depthwise_i8_scratch_len(image, &window, Products::Quads);
        if window.padding == Padding::default() {
            assert!(
                pointwise_sparse_f32(&[], image, &sparse, None, Clamp::NONE, &mut [0.0; 64], &mut [])
                    .is_err()
            );
            assert!(global_average_pool_f32(&[], image, &mut []).is_err(), "{image:?}");
            assert!(global_average_pool_i8(&[], image, 0, &requantization, &mut []).is_err());
            assert!(to_blocks::<u8>(&[], image, &mut []).is_err());
            assert!(from_blocks::<u8>(&[], image, &mut []).is_err());
            pointwise_sparse_scratch_len(image);
        }
    }
    for (n, k) in [(HUGE, HUGE), (HUGE, 8), (1 << (usize::BITS / 2), 1 << (usize::BITS / 2)), (0, usize::MAX)]
    {
        let size_or_length =
            |error: KernelError| matches!(error, KernelError::Size { .. } | KernelError::Length { .. });
        assert!(PackedWeightsF32::pack(&[], n, k, &[]).is_err_and(size_or_length), "{n} {k}");
        let stored = PackedWeightsF32::pack_stored(&StoredWeights::Bf16(&[]), n, k, &[]);
        assert!(stored.is_err_and(size_or_length), "{n} {k}");
        assert!(PackedWeightsI8::pack(&[], n, k, k, &[], 0, Products::Quads).is_err());
        assert!(SparseWeightsF32::pack(&[], n, k, &[]).is_err_and(size_or_length), "{n} {k}");
        assert!(DepthwiseWeightsF32::pack(&[], n, k, &[]).is_err() || n == 0);
        assert!(DepthwiseWeightsI8::pack(&[], n, [8, k], &[], 0).is_err());
    }
}

/// One element less than the kernel asks for is an error, whatever the kernel stages.
#[test]
fn short_scratch_is_an_error() {
    let image = ImageShape { height: 5, width: 4, channels: 3 };
    let padding = Padding { top: 1, left: 1, bottom: 1, right: 1 };
    let window = Window { kernel: [3, 3], stride: [1, 1], padding };
    let requantization = Requantization::new(&[0.5; 2], 0, 0, 255).unwrap();
    for (layout, products) in [
        (Layout::Interleaved, Products::Pairs),
        (Layout::Interleaved, Products::Quads),
        (Layout::Interleaved, Products::SignedQuads),
        (Layout::Blocked, Products::Pairs),
        (Layout::Blocked, Products::Quads),
        (Layout::Blocked, Products::SignedQuads),
    ] {
        let (k, row) = (layout.reduction(image, &window), layout.run(image, &window));
        let packed = PackedWeightsI8::pack(&vec![1; 2 * k], 2, k, row, &[0; 2], 0, products).unwrap();
        let len = with_threads(1, || conv2d_i8_scratch_len(layout, image, &window, products));
        let run = |len: IntegerScratchLen| {
            let (input, mut output) = (vec![1; layout.len(image)], vec![0; 5 * 4 * BLOCK]);
            let mut scratch = IntegerScratch::new(len);
            conv2d_i8(&input, layout, image, &window, 0, &packed, &requantization, &mut scratch, &mut output)
        };
        assert!(run(len).is_ok());
        for less in [1, BLOCK, BLOCK + 1] {
            let less = |len: usize| len.saturating_sub(less);
            let short = IntegerScratchLen {
                bytes: less(len.bytes),
                signed: less(len.signed),
                words: less(len.words),
                weights: 0,
            };
            assert!(matches!(run(short), Err(KernelError::Length { .. })), "{layout:?} {products:?}");
        }
        let linear = PackedWeightsI8::pack(&[1; 18], 2, 9, 9, &[0; 2], 0, products).unwrap();
        let len = with_threads(1, || linear_i8_scratch_len(9, products));
        let short = IntegerScratchLen {
            bytes: len.bytes.saturating_sub(1),
            signed: len.signed.saturating_sub(1),
            words: len.words.saturating_sub(1),
            weights: 0,
        };
        let run =
            |len| linear_i8(&[1; 9], &linear, &requantization, &mut IntegerScratch::new(len), &mut [0; 8]);
        assert!(run(len).is_ok());
        assert!(run(short).is_err());
    }
}

#[test]
fn every_part_of_scratch_counts() {
    let one = IntegerScratchLen { bytes: 1, signed: 10, words: 50, weights: 1000 };
    assert_eq!(one.total_bytes(), 1 + 10 + 2 * 50 + 1000);
    let image = ImageShape { height: 5, width: 5, channels: 16 };
    let window = Window { kernel: [3, 3], stride: [1, 1], padding: Padding::default() };
    let bytes = |products| expand_depthwise_i8_scratch_len(image, &window, products).total_bytes();
    assert!(bytes(Products::SignedQuads) >= bytes(Products::Quads));
    assert!(bytes(Products::Pairs) > bytes(Products::SignedQuads));
}

#[test]
fn an_expansion_in_runs_that_are_filled_up_is_refused() {
    let image = ImageShape { height: 2, width: 2, channels: 8 };
    let window = Window { kernel: [1, 1], stride: [1, 1], padding: Padding::default() };
    let filters = DepthwiseWeightsI8::pack(&[1], 1, [1, 1], &[0], 0).unwrap();
    let requantization = Requantization::new(&[0.5], 0, 0, 255).unwrap();
    for (products, row, fits) in [
        (Products::Quads, 2, false),
        (Products::Quads, 4, true),
        (Products::Pairs, 2, true),
        (Products::Pairs, 1, false),
    ] {
        let weights = PackedWeightsI8::pack(&[1; 8], 1, 8, row, &[0], 0, products).unwrap();
        let expansion = Expansion { weights: &weights, requantization: &requantization };
        let mut scratch = IntegerScratch::new(expand_depthwise_i8_scratch_len(image, &window, products));
        let result = expand_depthwise_i8(
            &[1; 32],
            image,
            expansion,
            &window,
            0,
            &filters,
            &requantization,
            &mut scratch,
            &mut [0; 32],
        );
        assert_eq!(result.is_ok(), fits, "{products:?} in runs of {row}");
    }
}
