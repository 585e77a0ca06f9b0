//! What the engine runs: steps with packed weights over numbered buffers.

use graph::{Graph, ValueId, fold_batch_norms};
use kernels::{
    AddRequantization, Clamp, ImageShape, PackedWeightsF32, PackedWeightsI8, Requantization, Window,
};

use crate::EngineError;
use crate::fuse::{Residuals, blocks};
use crate::lower::lower;

/// A packed network, ready for an [`crate::Executor`].
#[derive(Clone, Debug)]
pub struct Plan {
    pub(crate) steps: Vec<Step>,
    pub(crate) buffers: BufferSizes,
    pub(crate) input: Operand,
    pub(crate) input_value: ValueId,
    pub(crate) output: Operand,
}

/// Elements of every buffer, and of the scratch areas that steps share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct BufferSizes {
    pub(crate) f32: Vec<usize>,
    pub(crate) i8: Vec<usize>,
    pub(crate) scratch_f32: usize,
    pub(crate) scratch_i8: usize,
    pub(crate) scratch_i16: usize,
}

/// Buffers beyond this are refused: a browser tab on a small device could not hold them beside the models.
const MAX_ARENA_BYTES: u64 = 512 << 20;

impl BufferSizes {
    /// Sizes may come from a hostile file and overflow the target's `usize` in bytes.
    fn bytes(&self) -> u64 {
        let sum = |sizes: &[usize]| sizes.iter().map(|size| *size as u64).sum::<u64>();
        let wide = sum(&self.f32) + self.scratch_f32 as u64;
        let narrow = sum(&self.i8) + self.scratch_i8 as u64;
        4 * wide + narrow + 2 * self.scratch_i16 as u64
    }
}

/// How an activation is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Number {
    F32,
    I8,
}

/// An activation's place: the first `len` elements of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Operand {
    pub(crate) number: Number,
    pub(crate) buffer: usize,
    pub(crate) len: usize,
}

/// One kernel call.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// The node it runs, for messages.
    pub(crate) node: String,
    pub(crate) kernel: Kernel,
    pub(crate) inputs: Vec<Operand>,
    pub(crate) output: Operand,
    /// The graph's value that is complete after this step; `None` for a conversion.
    pub(crate) value: Option<ValueId>,
}

/// The kernels with everything that they need besides activations.
#[derive(Clone, Debug)]
pub(crate) enum Kernel {
    Quantize {
        scale: f32,
        zero_point: i8,
    },
    Dequantize {
        scale: f32,
        zero_point: i8,
    },
    GemmF32 {
        m: usize,
        weights: PackedWeightsF32,
        bias: Vec<f32>,
        clamp: Clamp,
    },
    ConvF32 {
        image: ImageShape,
        window: Window,
        weights: PackedWeightsF32,
        bias: Vec<f32>,
        clamp: Clamp,
    },
    DepthwiseF32 {
        image: ImageShape,
        window: Window,
        weights: Vec<f32>,
        bias: Vec<f32>,
        clamp: Clamp,
    },
    AddF32 {
        clamp: Clamp,
    },
    ClampF32 {
        clamp: Clamp,
    },
    PoolF32 {
        image: ImageShape,
    },
    Softmax,
    GemmI8 {
        m: usize,
        weights: PackedWeightsI8,
        bias: Vec<i32>,
        requantization: Requantization,
    },
    GemmI8F32 {
        weights: PackedWeightsI8,
        bias: Vec<i32>,
        scales: Vec<f32>,
    },
    ConvI8 {
        image: ImageShape,
        window: Window,
        zero_point: i8,
        weights: PackedWeightsI8,
        bias: Vec<i32>,
        requantization: Requantization,
    },
    DepthwiseI8 {
        image: ImageShape,
        window: Window,
        zero_point: i8,
        weights: Vec<i8>,
        bias: Vec<i32>,
        requantization: Requantization,
    },
    AddI8 {
        requantization: AddRequantization,
    },
    PoolI8 {
        image: ImageShape,
        zero_point: i8,
        requantization: Requantization,
    },
}

impl Plan {
    /// Packs a graph.
    ///
    /// Layers whose weights and activations are int8 run on integers; others run in single precision, whatever
    /// format their weights are stored in.
    ///
    /// # Errors
    /// [`EngineError::Graph`] for an invalid graph, [`EngineError::Unsupported`] for what has no kernel,
    /// [`EngineError::BiasRange`] and [`EngineError::Kernel`] for numbers that a kernel cannot take.
    pub fn new(graph: &Graph, residuals: Residuals) -> Result<Self, EngineError> {
        graph.validate()?;
        let folded = fold_batch_norms(graph)?;
        let plan = lower(&folded, &blocks(&folded, residuals))?;
        match plan.buffers.bytes() {
            bytes if bytes <= MAX_ARENA_BYTES => Ok(plan),
            bytes => Err(EngineError::TooLarge { bytes, limit: MAX_ARENA_BYTES }),
        }
    }

    /// Elements of the network's input.
    pub fn input_len(&self) -> usize {
        self.input.len
    }

    /// Bytes of all activation and scratch buffers.
    pub fn arena_bytes(&self) -> u64 {
        self.buffers.bytes()
    }

    /// How many steps run on integers, and how many there are.
    pub fn integer_steps(&self) -> (usize, usize) {
        let integer = |step: &&Step| match step.kernel {
            Kernel::GemmI8 { .. }
            | Kernel::GemmI8F32 { .. }
            | Kernel::ConvI8 { .. }
            | Kernel::DepthwiseI8 { .. }
            | Kernel::AddI8 { .. }
            | Kernel::PoolI8 { .. } => true,
            Kernel::Quantize { .. }
            | Kernel::Dequantize { .. }
            | Kernel::GemmF32 { .. }
            | Kernel::ConvF32 { .. }
            | Kernel::DepthwiseF32 { .. }
            | Kernel::AddF32 { .. }
            | Kernel::ClampF32 { .. }
            | Kernel::PoolF32 { .. }
            | Kernel::Softmax => false,
        };
        (self.steps.iter().filter(integer).count(), self.steps.len())
    }
}
