//! Pools, sums and grids against their references.

use proptest::prelude::*;

use super::*;

proptest! {
    #![proptest_config(cases())]

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
        let mut out = a.clone();
        add_f32(&mut out, &b, bounds.uniform).unwrap();
        prop_assert_eq!(compare(&out, &reference::add_f32(&a, &b, len, bounds.uniform)), Ok(()));

        let requantization = AddRequantization::new((sa, za), (sb, zb), (s, z), 0, 255).unwrap();
        let (a, b) = (numbers.bytes(len), numbers.bytes(len));
        let mut out = a.clone();
        add_i8(&mut out, &b, &requantization).unwrap();
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
        let mut out = blocked_a.clone();
        add_f32(&mut out, &blocked_b, clamp).unwrap();
        let expected = reference::add_f32(&a, &b, image.channels, clamp);
        prop_assert_eq!(compare(&unblocked(&out, image), &expected), Ok(()));
        out.copy_from_slice(&blocked_a);
        clamp_f32(&mut out, clamp).unwrap();
        let expected = reference::add_f32(&a, &vec![0.0; a.len()], image.channels, clamp);
        prop_assert_eq!(compare(&unblocked(&out, image), &expected), Ok(()));

        let [za, zb, z] = grids;
        let requantization = AddRequantization::new((scale, za), (0.5, zb), (0.4, z), 8, 255).unwrap();
        let requantization = requantization.with_upper_bounds(&numbers.upper_levels(image.channels)).unwrap();
        let (a, b) = (numbers.bytes(image.len()), numbers.bytes(image.len()));
        let mut out = blocked(&a, image);
        add_i8(&mut out, &blocked(&b, image), &requantization).unwrap();
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
        let mut out = x.clone();
        softmax_f32(&mut out);
        prop_assert_eq!(compare_f32(&out, &reference::softmax_f32(&x), 1e-5), Ok(()));
        prop_assert!((out.iter().sum::<f32>() - 1.0).abs() < 1e-5);
    }

    #[test]
    fn largest_of_windows_are_their_references((window, image) in fitting(straddling(8)), seed: u64) {
        prop_assume!(window.always_touches_image());
        let numbers = &mut Numbers::new(seed);
        let (real, levels) = (numbers.f32s(image.len()), numbers.bytes(image.len()));
        let shape = output_shape(&window, image, image.channels);
        let mut out = vec![f32::NAN; blocked_len(shape)];
        max_pool_f32(&blocked(&real, image), image, &window, &mut out).unwrap();
        prop_assert_eq!(compare(&unblocked(&out, shape), &reference::max_pool(&real, image, &window)), Ok(()));
        prop_assert!(out.iter().all(|x| x.is_finite()), "the filling too");
        let mut out = vec![0; blocked_len(shape)];
        max_pool_i8(&blocked(&levels, image), image, &window, &mut out).unwrap();
        prop_assert_eq!(compare(&unblocked(&out, shape), &reference::max_pool(&levels, image, &window)), Ok(()));
    }

    #[test]
    fn joined_channels_are_their_reference(
        image in images(straddling(8)), others in [straddling(8), straddling(8)], seed: u64,
    ) {
        let numbers = &mut Numbers::new(seed);
        let channels = [image.channels, others[0], others[1]];
        let shapes = channels.map(|channels| ImageShape { channels, ..image });
        let images = shapes.map(|shape| numbers.f32s(shape.len()));
        let joined = ImageShape { channels: channels.iter().sum(), ..image };
        let mut out = vec![f32::NAN; blocked_len(joined)];
        let mut first = 0;
        for (image, shape) in images.iter().zip(shapes) {
            concat(&blocked(image, shape), shape, first, joined, &mut out).unwrap();
            first += shape.channels;
        }
        let parts: Vec<(&[f32], usize)> = images.iter().map(Vec::as_slice).zip(channels).collect();
        prop_assert_eq!(compare(&unblocked(&out, joined), &reference::concat(&parts)), Ok(()));
        prop_assert!(out.iter().all(|x| x.is_finite()), "the filling too");
    }
}

#[test]
fn the_largest_of_numbers_and_nan_is_nan() {
    if FLAVOUR == "relaxed" {
        return;
    }
    let image = ImageShape { height: 1, width: 3, channels: 1 };
    let window = Window { kernel: [1, 2], stride: [1, 1], padding: Padding::default() };
    for nan_at in 0..3 {
        let mut row = [1.0, 2.0, 3.0];
        row[nan_at] = f32::NAN;
        let mut out = vec![0.0; 2 * BLOCK];
        max_pool_f32(&blocked(&row, image), image, &window, &mut out).unwrap();
        let seen = [out[0].is_nan(), out[BLOCK].is_nan()];
        assert_eq!(seen, [nan_at < 2, nan_at > 0], "{nan_at}");
    }
}

#[test]
fn windows_on_padding_alone_are_refused() {
    let image = ImageShape { height: 4, width: 4, channels: 1 };
    let mut out = vec![0_u8; 100 * BLOCK];
    for padding in [Padding { bottom: 2, ..Padding::default() }, Padding { left: 2, ..Padding::default() }] {
        let window = Window { kernel: [2, 2], stride: [1, 1], padding };
        let refused = max_pool_i8(&[0_u8; 16 * BLOCK], image, &window, &mut out);
        assert!(matches!(refused, Err(KernelError::Window { .. })), "{refused:?}");
    }
}

#[test]
fn channels_that_do_not_fit_are_refused() {
    let image = ImageShape { height: 1, width: 1, channels: 8 };
    let joined = ImageShape { channels: 16, ..image };
    let mut out = [0_u8; 16];
    assert!(concat(&[1; 8], image, 8, joined, &mut out).is_ok());
    assert!(concat(&[1; 8], image, 9, joined, &mut out).is_err());
    assert!(concat(&[1; 8], image, usize::MAX, joined, &mut out).is_err());
    assert!(concat(&[1; 8], ImageShape { width: 2, ..image }, 0, joined, &mut out).is_err());
}
