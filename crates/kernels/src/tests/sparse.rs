//! Sparse pointwise layers against the dense reference.

use proptest::prelude::*;

use super::*;

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn sparse_pointwise_layers_are_their_reference(
        pixels in prop_oneof![straddling(24), straddling(52)], k in straddling(8), n in straddling(16),
        zeros in prop_oneof![Just(0.0), 0.0..1.0_f32, Just(1.0)], rows in prop_oneof![Just(1_usize), Just(2), Just(4)],
        pattern in prop_oneof![Just(Pattern::Single), Just(Pattern::Pairs)], seed: u64, bounds in clamps(),
        with_residual: bool,
    ) {
        let numbers = &mut Numbers::new(seed);
        let image = ImageShape { height: 1, width: pixels, channels: k };
        let output_shape = ImageShape { channels: n, ..image };
        let weights = pruned(numbers, n, k, zeros, rows);
        let (input, bias) = (numbers.f32s(image.len()), numbers.f32s(n));
        let residual = with_residual.then(|| numbers.f32s(output_shape.len()));
        let blocked_residual = residual.as_ref().map(|residual| blocked(residual, output_shape));
        let packed = SparseWeightsF32::pack_as(pattern, &weights, n, k, &bias).unwrap();
        let mut scratch = vec![f32::NAN; pointwise_sparse_scratch_len(image)];
        let mut output = vec![f32::NAN; blocked_len(output_shape)];
        let mut blocked_input = blocked(&input, image);
        let last_block = (k - 1) / BLOCK * pixels * BLOCK;
        for pixel in blocked_input[last_block..].chunks_exact_mut(BLOCK) {
            pixel[(k - 1) % BLOCK + 1..].fill(f32::NAN);
        }
        let max = bounds.store(numbers, n);
        let clamp = bounds.clamp(&max);
        pointwise_sparse_f32(
            &blocked_input, image, &packed, blocked_residual.as_deref(), clamp, &mut scratch, &mut output,
        ).unwrap();
        let expected = reference::gemm_f32(&input, &weights, k, &bias, residual.as_deref(), clamp);
        prop_assert_eq!(compare_f32(&unblocked(&output, output_shape), &expected, bound(k, k as f32 + 2.0)), Ok(()));
    }
}

#[test]
fn packing_finds_the_pattern() {
    let numbers = &mut Numbers::new(1);
    let (n, k, bias) = (64, 64, vec![0.0; 64]);
    for (rows, expected) in [(1, Pattern::Single), (2, Pattern::Pairs), (4, Pattern::Pairs)] {
        let weights = pruned(numbers, n, k, 0.8, rows);
        let packed = SparseWeightsF32::pack(&weights, n, k, &bias).unwrap();
        assert_eq!(packed.pattern(), expected);
        assert!(packed.products() >= weights.iter().filter(|w| **w != 0.0).count());
    }
    let dense = SparseWeightsF32::pack(&numbers.f32s(n * k), n, k, &bias).unwrap();
    assert_eq!(dense.products(), n * k);
}

#[test]
fn wrong_sizes_of_sparse_layers_are_errors() {
    assert!(SparseWeightsF32::pack(&[1.0; 5], 2, 3, &[0.0; 2]).is_err());
    assert!(SparseWeightsF32::pack(&[1.0; 6], 2, 3, &[0.0; 3]).is_err());
    assert!(SparseWeightsF32::pack(&[], 2, 0, &[0.0; 2]).is_err());
    let packed = SparseWeightsF32::pack(&[1.0; 6], 2, 3, &[0.0; 2]).unwrap();
    let image = ImageShape { height: 1, width: 2, channels: 3 };
    let len = with_threads(1, || pointwise_sparse_scratch_len(image));
    let run = |image: ImageShape, input: usize, residual: usize, scratch: usize, output: usize| {
        let (input, residual) = (vec![0.0; input], vec![0.0; residual]);
        let (mut scratch, mut output) = (vec![0.0; scratch], vec![0.0; output]);
        pointwise_sparse_f32(&input, image, &packed, Some(&residual), Clamp::NONE, &mut scratch, &mut output)
    };
    assert!(run(image, 16, 16, len, 16).is_ok());
    assert!(run(image, 15, 16, len, 16).is_err());
    assert!(run(image, 16, 15, len, 16).is_err());
    assert!(run(image, 16, 16, len - 1, 16).is_err());
    assert!(run(image, 16, 16, len, 17).is_err());
    assert!(run(ImageShape { channels: 4, ..image }, 16, 16, len, 16).is_err());
}

#[test]
fn an_image_without_pixels_has_sparse_outputs_too() {
    let packed = SparseWeightsF32::pack(&[1.0], 1, 1, &[0.0]).unwrap();
    let image = ImageShape { height: 0, width: 4, channels: 1 };
    let mut scratch = vec![0.0; pointwise_sparse_scratch_len(image)];
    pointwise_sparse_f32(&[], image, &packed, None, Clamp::NONE, &mut scratch, &mut []).unwrap();
}
