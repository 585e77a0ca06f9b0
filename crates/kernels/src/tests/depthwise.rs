//! Depthwise layers against their references, and both layers in one pass against one after the other.

use proptest::prelude::*;

use super::*;

proptest! {
    #![proptest_config(cases())]

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
}

/// All that a window meets then lies in the padding.
#[test]
fn an_image_without_columns_has_outputs_in_its_padding() {
    let image = ImageShape { height: 2, width: 0, channels: 3 };
    let padding = Padding { top: 1, left: 2, bottom: 1, right: 2 };
    for kernel in [[3, 3], [2, 2]] {
        let window = Window { kernel, stride: [1, 1], padding };
        let (shape, taps) = (output_shape(&window, image, 3), kernel[0] * kernel[1]);
        let packed = DepthwiseWeightsF32::pack(&vec![1.0; 3 * taps], 3, taps, &[1.0, 2.0, 3.0]).unwrap();
        let mut scratch = vec![f32::NAN; depthwise_scratch_len(image, &window)];
        let mut output = vec![f32::NAN; blocked_len(shape)];
        depthwise_f32(&[], image, &window, &packed, Clamp::NONE, &mut scratch, &mut output).unwrap();
        assert!(unblocked(&output, shape).chunks_exact(3).all(|pixel| pixel == [1.0, 2.0, 3.0]));

        let requantization = Requantization::new(&[1.0; 3], 9, 0, 255).unwrap();
        let packed = DepthwiseWeightsI8::pack(&vec![1; 3 * taps], 3, kernel, &[1, 2, 3], 5).unwrap();
        let mut scratch = vec![77; depthwise_i8_scratch_len(image, &window)];
        let mut output = vec![0; blocked_len(shape)];
        depthwise_i8(&[], image, &window, 5, &packed, &requantization, &mut scratch, &mut output).unwrap();
        assert!(unblocked(&output, shape).chunks_exact(3).all(|pixel| pixel == [10, 11, 12]));

        // An expansion's outputs lie in the padding, too.
        let filters = DepthwiseWeightsF32::pack(&vec![1.0; 3 * taps], 3, taps, &[1.0, 2.0, 3.0]).unwrap();
        let expansion = PackedWeightsF32::pack(&[1.0; 24], 3, 8, &[4.0; 3]).unwrap();
        let mut scratch = vec![f32::NAN; expand_depthwise_scratch_len(image, &window)];
        let mut output = vec![f32::NAN; blocked_len(shape)];
        expand_depthwise_f32(
            &[],
            image,
            &expansion,
            Clamp::NONE,
            &window,
            &filters,
            Clamp::NONE,
            &mut scratch,
            &mut output,
        )
        .unwrap();
        assert!(unblocked(&output, shape).chunks_exact(3).all(|pixel| pixel == [1.0, 2.0, 3.0]));
        for products in PRODUCTS {
            let expansion = PackedWeightsI8::pack(&[1; 24], 3, 8, 8, &[4; 3], 5, products).unwrap();
            let expansion = Expansion { weights: &expansion, requantization: &requantization };
            let mut scratch = IntegerScratch::new(expand_depthwise_i8_scratch_len(image, &window, products));
            let mut output = vec![0; blocked_len(shape)];
            expand_depthwise_i8(
                &[],
                image,
                expansion,
                &window,
                5,
                &packed,
                &requantization,
                &mut scratch,
                &mut output,
            )
            .unwrap();
            assert!(unblocked(&output, shape).chunks_exact(3).all(|pixel| pixel == [10, 11, 12]));
        }
    }
}
