//! What becomes of NaN, and what the filling of the last block may hold.

use proptest::prelude::*;

use super::*;

/// Where minimum and maximum are relaxed, what they make of NaN is left to the processor.
#[test]
fn clamping_keeps_nan_in_lanes_and_tail() {
    if FLAVOUR == "relaxed" {
        return;
    }
    let (mut sum, mut clamped) = ([f32::NAN; 13], [f32::NAN; 13]);
    add_f32(&mut sum, &[1.0; 13], Clamp::RELU6).unwrap();
    assert!(sum.iter().all(|x| x.is_nan()));
    clamp_f32(&mut clamped, Clamp::RELU6).unwrap();
    assert!(clamped.iter().all(|x| x.is_nan()));
}

/// `value` in every place of the last block that no channel has.
fn with_filling<T: Copy>(mut blocked: Vec<T>, image: ImageShape, value: T) -> Vec<T> {
    let live = image.channels % BLOCK;
    if live > 0 {
        let plane = image.height * image.width * BLOCK;
        let last = blocked.len() - plane;
        blocked[last..].chunks_exact_mut(BLOCK).for_each(|pixel| pixel[live..].fill(value));
    }
    blocked
}

/// Bits, so that NaN is NaN.
fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|x| x.to_bits()).collect()
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn nan_reaches_what_its_reference_reaches(
        (window, image) in fitting(straddling(8)), n in straddling(16), seed: u64, bounds in clamps(), layout in layouts(),
    ) {
        if FLAVOUR == "relaxed" {
            return Ok(());
        }
        let numbers = &mut Numbers::new(seed);
        let (taps, channels) = (window.taps(), image.channels);
        let k = taps * channels;
        let mut input = numbers.f32s(image.len());
        let place = seed as usize % input.len();
        input[place] = f32::NAN;
        let (weights, bias) = (numbers.f32s(n * k), numbers.f32s(n));
        let max = bounds.store(numbers, n.max(channels));
        let of = |channels: usize| bounds.clamp(&max[..channels.next_multiple_of(BLOCK)]);

        let shape = output_shape(&window, image, n);
        let ordered = layout.order_weights(&weights, n, image, &window).unwrap();
        let packed = PackedWeightsF32::pack(&ordered, n, layout.reduction(image, &window), &bias).unwrap();
        let mut scratch = vec![0.0; conv2d_scratch_len(layout, image, &window)];
        let mut output = vec![0.0; blocked_len(shape)];
        conv2d_f32(
            &laid_out(&input, image, layout), layout, image, &window, &packed, None, of(n), &mut scratch, &mut output,
        ).unwrap();
        let expected = reference::conv2d_f32(&input, image, &window, &weights, &bias, None, of(n));
        prop_assert_eq!(compare_f32(&unblocked(&output, shape), &expected, bound(k, k as f32 + 2.0)), Ok(()));

        let (filters, bias) = (numbers.f32s(taps * channels), numbers.f32s(channels));
        let shape = output_shape(&window, image, channels);
        let packed = DepthwiseWeightsF32::pack(&filters, channels, taps, &bias).unwrap();
        let mut scratch = vec![0.0; depthwise_scratch_len(image, &window)];
        let mut output = vec![0.0; blocked_len(shape)];
        let clamp = of(channels);
        depthwise_f32(&blocked(&input, image), image, &window, &packed, clamp, &mut scratch, &mut output).unwrap();
        let expected = reference::depthwise_f32(&input, image, &window, &filters, &bias, clamp);
        prop_assert_eq!(compare_f32(&unblocked(&output, shape), &expected, bound(taps, taps as f32 + 1.0)), Ok(()));

        let other = numbers.f32s(image.len());
        let mut output = blocked(&other, image);
        add_f32(&mut output, &blocked(&input, image), clamp).unwrap();
        let expected = reference::add_f32(&other, &input, channels, clamp);
        prop_assert_eq!(compare_f32(&unblocked(&output, image), &expected, 0.0), Ok(()));
    }

    /// The layers that keep channels apart.
    #[test]
    fn any_filling_will_do_where_channels_stay_apart(
        (window, image) in fitting(straddling(8)), seed: u64, bounds in clamps(),
    ) {
        let numbers = &mut Numbers::new(seed);
        let (taps, channels) = (window.taps(), image.channels);
        let (input, other) = (blocked(&numbers.f32s(image.len()), image), blocked(&numbers.f32s(image.len()), image));
        let packed =
            DepthwiseWeightsF32::pack(&numbers.f32s(taps * channels), channels, taps, &numbers.f32s(channels)).unwrap();
        let shape = output_shape(&window, image, channels);
        let max = bounds.store(numbers, channels);
        let clamp = bounds.clamp(&max);
        let run = |filling: f32| {
            let (input, other) = (
                with_filling(input.clone(), image, filling), with_filling(other.clone(), image, filling),
            );
            let mut scratch = vec![f32::NAN; depthwise_scratch_len(image, &window)];
            let (mut filtered, mut sums) = (vec![7.0; blocked_len(shape)], input.clone());
            let mut means = vec![7.0; channels.next_multiple_of(BLOCK)];
            depthwise_f32(&input, image, &window, &packed, clamp, &mut scratch, &mut filtered).unwrap();
            add_f32(&mut sums, &other, clamp).unwrap();
            global_average_pool_f32(&input, image, &mut means).unwrap();
            [bits(&unblocked(&filtered, shape)), bits(&unblocked(&sums, image)), bits(&means[..channels])].concat()
        };
        prop_assert_eq!(compare(&run(f32::NAN), &run(0.0)), Ok(()));
        prop_assert_eq!(compare(&run(f32::INFINITY), &run(0.0)), Ok(()));
    }

    /// Of a finite filling nothing is seen, and the one that is written is finite.
    #[test]
    fn a_finite_filling_stays_finite(
        (window, image) in fitting(straddling(8)), n in straddling(16), seed: u64, bounds in clamps(),
    ) {
        let numbers = &mut Numbers::new(seed);
        let (taps, channels) = (window.taps(), image.channels);
        let input = blocked(&numbers.f32s(image.len()), image);
        let weights = numbers.f32s(n * taps * channels);
        let ordered = Layout::Blocked.order_weights(&weights, n, image, &window).unwrap();
        let bias = numbers.f32s(n);
        let packed = PackedWeightsF32::pack(&ordered, n, Layout::Blocked.reduction(image, &window), &bias).unwrap();
        let shape = output_shape(&window, image, n);
        let max = bounds.store(numbers, n);
        let clamp = bounds.clamp(&max);
        let run = |filling: f32| {
            let input = with_filling(input.clone(), image, filling);
            let mut scratch = vec![f32::NAN; conv2d_scratch_len(Layout::Blocked, image, &window)];
            let mut output = vec![f32::NAN; blocked_len(shape)];
            conv2d_f32(
                &input, Layout::Blocked, image, &window, &packed, None, clamp, &mut scratch, &mut output,
            ).unwrap();
            output
        };
        let output = run(0.0);
        prop_assert!(output.iter().all(|x| x.is_finite()));
        prop_assert_eq!(compare(&unblocked(&run(f32::MAX), shape), &unblocked(&output, shape)), Ok(()));
    }

    #[test]
    fn integers_take_any_filling(
        (window, image) in fitting(straddling(8)), n in straddling(8), seed: u64, products in products(),
    ) {
        let numbers = &mut Numbers::new(seed);
        let (taps, channels) = (window.taps(), image.channels);
        let input = blocked(&numbers.levels(image.len(), products), image);
        let weights = numbers.weights_i8(n * taps * channels);
        let ordered = Layout::Blocked.order_weights(&weights, n, image, &window).unwrap();
        let (k, row) = (Layout::Blocked.reduction(image, &window), Layout::Blocked.run(image, &window));
        let packed = PackedWeightsI8::pack(&ordered, n, k, row, &numbers.biases(n), 3, products).unwrap();
        let (shape, requantization) = (output_shape(&window, image, n), numbers.requantization(n));
        let run = |filling: u8| {
            let input = with_filling(input.clone(), image, filling);
            let len = conv2d_i8_scratch_len(Layout::Blocked, image, &window, products);
            let (mut scratch, mut output) = (IntegerScratch::new(len), vec![0; blocked_len(shape)]);
            conv2d_i8(
                &input, Layout::Blocked, image, &window, 3, &packed, &requantization, &mut scratch, &mut output,
            ).unwrap();
            unblocked(&output, shape)
        };
        prop_assert_eq!(compare(&run(127), &run(0)), Ok(()));
    }
}
