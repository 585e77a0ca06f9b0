//! Fast kernels against their references, over shapes that straddle the tiles.

mod dense;
mod depthwise;
mod elementwise;
mod extremes;
mod not_a_number;
mod sizes;
mod sparse;
mod storage;
#[cfg(not(target_family = "wasm"))]
mod threads;

use proptest::prelude::*;

use crate::*;

/// Numbers in -1..1 that look random and are the same everywhere (xorshift).
struct Numbers(u64);

impl Numbers {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn bits(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 11
    }

    fn f32s(&mut self, len: usize) -> Vec<f32> {
        (0..len).map(|_| (self.bits() & 0xFF_FFFF) as f32 / (1 << 23) as f32 - 1.0).collect()
    }

    fn i8s(&mut self, len: usize) -> Vec<i8> {
        (0..len).map(|_| self.bits() as i8).collect()
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.bits() as u8).collect()
    }

    /// Levels for which the products are exact on this machine.
    fn levels(&mut self, len: usize, products: Products) -> Vec<u8> {
        self.bytes(len).into_iter().map(|level| exact_level(level, products)).collect()
    }

    /// Weights never hold -128.
    fn weights_i8(&mut self, len: usize) -> Vec<i8> {
        self.i8s(len).into_iter().map(|w| w.max(-127)).collect()
    }

    fn biases(&mut self, len: usize) -> Vec<i32> {
        (0..len).map(|_| (self.bits() as i32) >> 14).collect()
    }

    /// Upper bounds of levels, 8 and more.
    fn upper_levels(&mut self, channels: usize) -> Vec<u8> {
        self.bytes(channels).into_iter().map(|max| max.max(8)).collect()
    }

    fn requantization(&mut self, channels: usize) -> Requantization {
        // Mostly small as in real layers, at times above a quarter, where accumulators are doubled, with zeros in between.
        let scale = [0.002, 0.002, 1.9][self.bits() as usize % 3];
        let real = |x: &f32| if *x > 0.9 { 0.0 } else { scale * f64::from(1.1 + x) };
        let multipliers: Vec<f64> = self.f32s(channels).iter().map(real).collect();
        let requantization = Requantization::new(&multipliers, self.bits() as u8, 8, 253).unwrap();
        match self.bits() % 2 {
            0 => requantization,
            _ => requantization.with_upper_bounds(&self.upper_levels(channels)).unwrap(),
        }
    }
}

/// The bound on two sums of `k` products in different orders or with fused steps: `2 * gamma_k * sum(|a * b|)`.
fn bound(k: usize, magnitude: f32) -> f32 {
    let unit = f32::EPSILON / 2.0;
    let steps = (k + 2) as f32 * unit;
    2.0 * steps / (1.0 - steps) * magnitude + f32::MIN_POSITIVE
}

fn compare_f32(actual: &[f32], expected: &[f32], bound: f32) -> Result<(), String> {
    if actual.len() != expected.len() {
        return Err(format!("{} values, expected {}", actual.len(), expected.len()));
    }
    let wrong = |(a, e): (&f32, &f32)| (a - e).abs() > bound || a.is_nan() != e.is_nan();
    let mismatches: Vec<String> = actual
        .iter()
        .zip(expected)
        .enumerate()
        .filter(|(_, pair)| wrong(*pair))
        .take(4)
        .map(|(i, (a, e))| format!("[{i}] {a} instead of {e}"))
        .collect();
    if mismatches.is_empty() { Ok(()) } else { Err(format!("bound {bound:e}: {}", mismatches.join(", "))) }
}

fn compare<T: PartialEq + std::fmt::Debug>(actual: &[T], expected: &[T]) -> Result<(), String> {
    if actual.len() != expected.len() {
        return Err(format!("{} values, expected {}", actual.len(), expected.len()));
    }
    match actual.iter().zip(expected).position(|(a, e)| a != e) {
        None => Ok(()),
        Some(i) => Err(format!("[{i}] {:?} instead of {:?}", actual[i], expected[i])),
    }
}

#[test]
fn comparisons_can_fail() {
    assert!(compare_f32(&[1.0, 2.0], &[1.0, 2.1], 1e-3).is_err());
    assert!(compare_f32(&[f32::NAN], &[1.0], 1e9).is_err());
    assert!(compare_f32(&[1.0], &[1.0, 1.0], 1.0).is_err());
    assert!(compare(&[1, 2], &[1, 3]).is_err());
    assert!(compare(&[1], &[1, 1]).is_err());
    assert!(compare_f32(&[1.0], &[1.0], 0.0).is_ok());
}

/// 1 and around one, two and three tiles.
fn straddling(tile: usize) -> impl Strategy<Value = usize> {
    prop_oneof![Just(1), 1..=3 * tile + 1, Just(tile - 1), Just(tile), Just(tile + 1)]
}

/// An activation function's bounds, and whether the upper one is to differ from channel to channel.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    uniform: Clamp<'static>,
    per_channel: bool,
}

fn clamps() -> impl Strategy<Value = Bounds> {
    let tight = Clamp { min: -0.3, max: UpperBound::Uniform(0.4) };
    let uniform = prop_oneof![Just(Clamp::NONE), Just(Clamp::RELU), Just(Clamp::RELU6), Just(tight)];
    (uniform, any::<bool>()).prop_map(|(uniform, per_channel)| Bounds { uniform, per_channel })
}

impl Bounds {
    /// Room for the bounds of channels, in whole blocks; most of them are met, the filling's are not.
    fn store(self, numbers: &mut Numbers, channels: usize) -> Vec<f32> {
        let mut max: Vec<f32> = numbers.f32s(channels).iter().map(|x| 0.5 + 0.5 * x).collect();
        max.resize(channels.next_multiple_of(BLOCK), f32::INFINITY);
        max
    }

    fn clamp(self, max: &[f32]) -> Clamp<'_> {
        match self.per_channel {
            true => Clamp { max: UpperBound::PerChannel(max), ..self.uniform },
            false => self.uniform,
        }
    }
}

fn windows() -> impl Strategy<Value = Window> {
    let kernel = prop_oneof![Just([1, 1]), Just([3, 3]), Just([5, 5]), Just([2, 3]), Just([7, 7])];
    (kernel, 1..=3_usize, 1..=3_usize, 0..=2_usize, 0..=2_usize, 0..=2_usize, 0..=2_usize).prop_map(
        |(kernel, vertical, horizontal, top, left, bottom, right)| Window {
            kernel,
            stride: [vertical, horizontal],
            padding: Padding { top, left, bottom, right },
        },
    )
}

fn images(channels: impl Strategy<Value = usize>) -> impl Strategy<Value = ImageShape> {
    (1..=11_usize, 1..=11_usize, channels).prop_map(|(height, width, channels)| ImageShape {
        height,
        width,
        channels,
    })
}

/// A window and an image that it fits.
fn fitting(channels: impl Strategy<Value = usize>) -> impl Strategy<Value = (Window, ImageShape)> {
    (windows(), images(channels)).prop_filter("the window fits", |(window, image)| {
        window.output_size(image.height, image.width).is_some()
    })
}

fn layouts() -> impl Strategy<Value = Layout> {
    prop_oneof![Just(Layout::Interleaved), Just(Layout::Blocked)]
}

/// All there are.
const PRODUCTS: [Products; 3] = [Products::Pairs, Products::Quads, Products::SignedQuads];

/// The level, or one near it for which the products are exact on this machine.
fn exact_level(level: u8, products: Products) -> u8 {
    match products {
        _ if products.is_exact() => level,
        Products::Pairs | Products::Quads => level & 127,
        Products::SignedQuads => level | 128,
    }
}

fn products() -> impl Strategy<Value = Products> {
    proptest::sample::select(&PRODUCTS[..])
}

fn output_shape(window: &Window, image: ImageShape, channels: usize) -> ImageShape {
    let [height, width] = window.output_size(image.height, image.width).unwrap();
    ImageShape { height, width, channels }
}

fn blocked<T: Copy + Default>(nhwc: &[T], image: ImageShape) -> Vec<T> {
    let mut blocked = vec![T::default(); blocked_len(image)];
    to_blocks(nhwc, image, &mut blocked).unwrap();
    blocked
}

fn unblocked<T: Copy + Default>(blocked: &[T], image: ImageShape) -> Vec<T> {
    let mut nhwc = vec![T::default(); image.len()];
    from_blocks(blocked, image, &mut nhwc).unwrap();
    nhwc
}

fn laid_out<T: Copy + Default>(nhwc: &[T], image: ImageShape, layout: Layout) -> Vec<T> {
    match layout {
        Layout::Interleaved => nhwc.to_vec(),
        Layout::Blocked => blocked(nhwc, image),
    }
}

fn cases() -> ProptestConfig {
    ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() }
}

/// Weights of which about `zeros` are zero, alone or in columns of four rows, and some rows without any other.
fn pruned(numbers: &mut Numbers, n: usize, k: usize, zeros: f32, rows: usize) -> Vec<f32> {
    let chances = numbers.f32s(n.div_ceil(rows) * k);
    let empty = numbers.f32s(n);
    let keeps = |i: usize| chances[i / k / rows * k + i % k] >= 2.0 * zeros - 1.0 && empty[i / k] < 0.7;
    numbers.f32s(n * k).into_iter().enumerate().map(|(i, w)| if keeps(i) { w } else { 0.0 }).collect()
}
