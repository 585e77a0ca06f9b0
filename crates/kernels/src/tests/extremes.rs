//! The largest sums, and multipliers of any size.

use proptest::prelude::*;

use super::*;

proptest! {
    #![proptest_config(cases())]

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
    // A bias that takes the exact sum back to this, which float32 holds to the last bit.
    const REST: i64 = 5;
    for products in PRODUCTS {
        let [smallest, largest] = [0, 255].map(|level| exact_level(level, products));
        let check = |k: usize, level: u8, weight: i8, zero_point: u8, bias: i64, expected: i64| {
            let bias = i32::try_from(bias).unwrap();
            let packed =
                PackedWeightsI8::pack(&vec![weight; k], 1, k, k, &[bias], zero_point, products).unwrap();
            let mut out = [0.0; BLOCK];
            let mut scratch = IntegerScratch::new(linear_i8_scratch_len(k, products));
            linear_i8_f32(&vec![level; k], &packed, &[1.0; BLOCK], &mut scratch, &mut out).unwrap();
            assert_eq!(out[0], expected as f32, "{products:?} {k} times {level} - {zero_point} and {weight}");
        };
        let sum = |k: usize, level: u8, weight: i8, zero_point: u8| {
            k as i64 * (i64::from(level) - i64::from(zero_point)) * i64::from(weight)
        };
        for (level, weight) in [(smallest, 127), (smallest, -127), (largest, 127), (largest, -127)] {
            check(4096, level, weight, 0, REST - sum(4096, level, weight, 0), REST);
        }
        // The longest reduction and the largest bias, with and without a zero point whose part wraps on the way.
        let k = crate::integer::MAX_DEPTH;
        for (weight, zero_point, level, bias) in [
            (127, 0, largest, 1 << 30),
            (-127, 0, largest, -1 << 30),
            (127, 255, smallest, -1 << 30),
            (-127, 255, smallest, 1 << 30),
        ] {
            let exact = sum(k, level, weight, zero_point) + bias;
            assert!(i32::try_from(exact).is_ok());
            check(k, level, weight, zero_point, bias, exact);
            check(k, level, weight, zero_point, REST - sum(k, level, weight, zero_point), REST);
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
    for products in PRODUCTS {
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
