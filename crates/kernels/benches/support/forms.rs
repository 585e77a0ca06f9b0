//! Weights in reduced storage and with zeros beside plain ones.

use half::{bf16, f16};
use kernels::{
    KernelError, LevelGroups, PackedWeightsF32, PackedWeightsI8, Products, StoredLevels, StoredWeights,
};

use super::layers::Layer;

/// How a layer's dense weights are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As they are multiplied.
    Plain,
    F16,
    Bf16,
    /// Positions in a codebook of so many values for each output channel.
    Codes(usize),
    /// Levels of so many bits, in groups of so many weights where there are any.
    Levels(u8, Option<usize>),
    /// So many hundredths are zeros, in columns of so many output channels, and only the rest is multiplied.
    Zeros(u8, usize),
    /// Two of four neighbours in the reduction are zeros, and only the others are multiplied.
    TwoOfFour,
}

/// The arithmetic of a layer, the form of its weights, and what both are called.
pub const FORMS: [(&str, &str, Form); 27] = [
    ("f32", "f32", Form::Plain),
    ("int8", "int8", Form::Plain),
    ("f32", "f32/f16", Form::F16),
    ("f32", "f32/bf16", Form::Bf16),
    ("f32", "f32/16 codes", Form::Codes(16)),
    ("f32", "f32/32 codes", Form::Codes(32)),
    ("f32", "f32/int8", Form::Levels(8, None)),
    ("f32", "f32/int4", Form::Levels(4, None)),
    ("f32", "f32/int4 g32", Form::Levels(4, Some(32))),
    ("f32", "f32/int2", Form::Levels(2, None)),
    ("int8", "int8/int4", Form::Levels(4, None)),
    ("int8", "int8/int4 g32", Form::Levels(4, Some(32))),
    ("int8", "int8/int2", Form::Levels(2, None)),
    ("f32", "f32/20% zeros", Form::Zeros(20, 1)),
    ("f32", "f32/30% zeros", Form::Zeros(30, 1)),
    ("f32", "f32/40% zeros", Form::Zeros(40, 1)),
    ("f32", "f32/50% zeros", Form::Zeros(50, 1)),
    ("f32", "f32/60% zeros", Form::Zeros(60, 1)),
    ("f32", "f32/70% zeros", Form::Zeros(70, 1)),
    ("f32", "f32/80% zeros", Form::Zeros(80, 1)),
    ("f32", "f32/90% zeros", Form::Zeros(90, 1)),
    ("f32", "f32/20% zeros 4x1", Form::Zeros(20, 4)),
    ("f32", "f32/30% zeros 4x1", Form::Zeros(30, 4)),
    ("f32", "f32/50% zeros 4x1", Form::Zeros(50, 4)),
    ("f32", "f32/80% zeros 4x1", Form::Zeros(80, 4)),
    ("f32", "f32/90% zeros 4x1", Form::Zeros(90, 4)),
    ("f32", "f32/2:4 zeros", Form::TwoOfFour),
];

/// Whether the layer is measured with weights of the form.
pub fn is_measured(layer: &Layer, form: Form) -> bool {
    match form {
        Form::Plain => true,
        Form::Zeros(..) | Form::TwoOfFour => layer.has_zeros(),
        Form::F16 | Form::Bf16 | Form::Codes(_) | Form::Levels(..) => layer.has_forms(),
    }
}

impl Form {
    /// Whether only what is not zero is multiplied.
    pub fn is_sparse(self) -> bool {
        matches!(self, Self::Zeros(..) | Self::TwoOfFour)
    }

    /// Sets those of `weights`, `[n, k]`, to zero that a sparse form has as zeros.
    pub fn prune(self, weights: &mut [f32], k: usize) {
        // Places that look random (Knuth's multiplicative hashing).
        let random =
            |place: usize, below: u64| ((place as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) % below;
        for (i, weight) in weights.iter_mut().enumerate() {
            let is_zero = match self {
                Self::Zeros(percent, rows) => random(i / k / rows * k + i % k, 100) < u64::from(percent),
                // The first of two neighbours is drawn for each four; six pairs would be no other work.
                Self::TwoOfFour => (i as u64 + random(i / 4, 4)) % 4 < 2,
                Self::Plain | Self::F16 | Self::Bf16 | Self::Codes(_) | Self::Levels(..) => false,
            };
            if is_zero {
                *weight = 0.0;
            }
        }
    }
}

/// The weights of a layer, `[n, k]`, in one form.
pub struct Stored {
    form: Form,
    n: usize,
    k: usize,
    halves: Vec<u16>,
    codes: Vec<u8>,
    levels: Vec<i8>,
    multipliers: Vec<u8>,
    /// Codebooks or scales.
    side: Vec<f32>,
}

impl Stored {
    /// Some weights of the size of `like`.
    pub fn new(form: Form, like: &[f32], n: usize, k: usize) -> Self {
        let mut stored = Self {
            form,
            n,
            k,
            halves: Vec::new(),
            codes: Vec::new(),
            levels: Vec::new(),
            multipliers: Vec::new(),
            side: Vec::new(),
        };
        let largest = like.iter().fold(0.0_f32, |largest, x| largest.max(x.abs()));
        match form {
            Form::Plain | Form::Zeros(..) | Form::TwoOfFour => {}
            Form::F16 => stored.halves = like.iter().map(|x| f16::from_f32(*x).to_bits()).collect(),
            Form::Bf16 => stored.halves = like.iter().map(|x| bf16::from_f32(*x).to_bits()).collect(),
            Form::Codes(n_clusters) => {
                stored.side = (0..n * n_clusters).map(|i| like[i * 7 % like.len()]).collect();
                stored.codes =
                    like.iter().map(|x| (x.to_bits() as usize >> 7) % n_clusters).map(|x| x as u8).collect();
            }
            Form::Levels(bits, group) => {
                let limit = f32::from(i8::MAX >> (8 - bits)).max(1.0);
                stored.levels = like.iter().map(|x| (x / largest * limit).round() as i8).collect();
                stored.side = vec![largest / limit / 4.0; n];
                let groups = group.map_or(0, |len| n * k.div_ceil(len));
                stored.multipliers = (0..groups).map(|i| (i % 15 + 1) as u8).collect();
            }
        }
        stored
    }

    fn row(&self, i: usize) -> usize {
        i / self.k
    }

    /// What the levels come to.
    pub fn effective(&self) -> Vec<i8> {
        let multiplier = |i: usize| match self.form {
            Form::Levels(_, Some(len)) => {
                self.multipliers[self.row(i) * self.k.div_ceil(len) + i % self.k / len].cast_signed()
            }
            _ => 1,
        };
        self.levels.iter().enumerate().map(|(i, level)| level * multiplier(i)).collect()
    }

    /// What the weights stand for.
    pub fn real(&self) -> Vec<f32> {
        match self.form {
            Form::Plain | Form::Zeros(..) | Form::TwoOfFour => Vec::new(),
            Form::F16 => self.halves.iter().map(|half| f16::from_bits(*half).to_f32()).collect(),
            Form::Bf16 => self.halves.iter().map(|half| bf16::from_bits(*half).to_f32()).collect(),
            Form::Codes(n_clusters) => {
                let value =
                    |(i, code): (usize, &u8)| self.side[self.row(i) * n_clusters + usize::from(*code)];
                self.codes.iter().enumerate().map(value).collect()
            }
            Form::Levels(..) => {
                let value = |(i, level): (usize, i8)| self.side[self.row(i)] * f32::from(level);
                self.effective().into_iter().enumerate().map(value).collect()
            }
        }
    }

    fn stored_levels(&self) -> StoredLevels<'_> {
        let (bits, group) = if let Form::Levels(bits, group) = self.form { (bits, group) } else { (8, None) };
        let groups = group.map(|len| LevelGroups { len, multipliers: &self.multipliers });
        StoredLevels { levels: &self.levels, bits, groups }
    }

    pub fn pack_f32(&self, plain: &[f32], bias: &[f32]) -> Result<PackedWeightsF32, KernelError> {
        let weights = match self.form {
            Form::Plain | Form::Zeros(..) | Form::TwoOfFour => {
                return PackedWeightsF32::pack(plain, self.n, self.k, bias);
            }
            Form::F16 => StoredWeights::F16(&self.halves),
            Form::Bf16 => StoredWeights::Bf16(&self.halves),
            Form::Codes(n_clusters) => {
                StoredWeights::Codes { codes: &self.codes, codebooks: &self.side, n_clusters }
            }
            Form::Levels(..) => StoredWeights::Levels { levels: self.stored_levels(), scales: &self.side },
        };
        PackedWeightsF32::pack_stored(&weights, self.n, self.k, bias)
    }

    pub fn pack_i8(
        &self,
        plain: &[i8],
        run: usize,
        bias: &[i32],
        zero_point: u8,
        products: Products,
    ) -> Result<PackedWeightsI8, KernelError> {
        let (n, k) = (self.n, self.k);
        match self.form {
            Form::Levels(..) => {
                PackedWeightsI8::pack_stored(&self.stored_levels(), n, k, run, bias, zero_point, products)
            }
            _ => PackedWeightsI8::pack(plain, n, k, run, bias, zero_point, products),
        }
    }
}
