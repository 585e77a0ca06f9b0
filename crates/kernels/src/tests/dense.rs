//! Dense layers against their references.

use proptest::prelude::*;

use super::*;

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

    /// Rows in tiles, which no other window has.
    #[test]
    fn pointwise_layers_are_their_references(
        pixels in straddling(12), channels in straddling(8), n in straddling(32), seed: u64, bounds in clamps(),
        with_residual: bool, zero_point: u8, products in products(),
    ) {
        let numbers = &mut Numbers::new(seed);
        let (layout, window) = (Layout::Blocked, Window { kernel: [1, 1], stride: [1, 1], padding: Padding::default() });
        let image = ImageShape { height: 1, width: pixels, channels };
        let (shape, k) = (output_shape(&window, image, n), channels);
        let (reduction, run) = (layout.reduction(image, &window), layout.run(image, &window));

        let (input, weights, bias) = (numbers.f32s(image.len()), numbers.f32s(n * k), numbers.f32s(n));
        let residual = with_residual.then(|| numbers.f32s(shape.len()));
        let max = bounds.store(numbers, n);
        let clamp = bounds.clamp(&max);
        let ordered = layout.order_weights(&weights, n, image, &window).unwrap();
        let packed = PackedWeightsF32::pack(&ordered, n, reduction, &bias).unwrap();
        let mut scratch = vec![f32::NAN; conv2d_scratch_len(layout, image, &window)];
        let mut output = vec![f32::NAN; blocked_len(shape)];
        let blocked_residual = residual.as_deref().map(|residual| blocked(residual, shape));
        conv2d_f32(
            &blocked(&input, image), layout, image, &window, &packed, blocked_residual.as_deref(), clamp, &mut scratch,
            &mut output,
        ).unwrap();
        let expected = reference::conv2d_f32(&input, image, &window, &weights, &bias, residual.as_deref(), clamp);
        prop_assert_eq!(compare_f32(&unblocked(&output, shape), &expected, bound(k, k as f32 + 2.0)), Ok(()));

        let (levels, weights) = (numbers.levels(image.len(), products), numbers.weights_i8(n * k));
        let (bias, requantization) = (numbers.biases(n), numbers.requantization(n));
        let ordered = layout.order_weights(&weights, n, image, &window).unwrap();
        let packed = PackedWeightsI8::pack(&ordered, n, reduction, run, &bias, zero_point, products).unwrap();
        let mut scratch = IntegerScratch::new(conv2d_i8_scratch_len(layout, image, &window, products));
        let mut output = vec![0; blocked_len(shape)];
        conv2d_i8(
            &blocked(&levels, image), layout, image, &window, zero_point, &packed, &requantization, &mut scratch,
            &mut output,
        ).unwrap();
        let accumulators = reference::conv2d_i8_accumulators(&levels, image, &window, zero_point, &weights, &bias);
        let expected = reference::requantize(&accumulators, n, &requantization);
        prop_assert_eq!(compare(&unblocked(&output, shape), &expected), Ok(()));
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
    fn conv2d_i8_is_its_reference(
        (window, image) in fitting(prop_oneof![1..=9_usize, straddling(8)]), n in straddling(8), seed: u64,
        zero_point: u8, layout in layouts(), products in products(),
    ) {
        let numbers = &mut Numbers::new(seed);
        let zero_point = exact_level(zero_point, products);
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
}
