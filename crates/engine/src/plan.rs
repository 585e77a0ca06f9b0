//! What the engine runs: steps with packed weights over numbered buffers.

use std::borrow::Cow;

use graph::{Clip, Graph, ValueId, with_folded_batch_norms};
use kernels::{
    AddRequantization, DepthwiseWeightsF32, DepthwiseWeightsI8, ImageShape, IntegerScratchLen, Layout,
    PackedWeightsF32, PackedWeightsI8, Requantization, SparseWeightsF32, Window,
};

use crate::EngineError;
use crate::fuse::{Fusion, blocks};
use crate::lower::{Ports, lower};

/// A packed network, ready for an [`crate::Executor`].
#[derive(Clone, Debug)]
pub struct Plan {
    pub(crate) steps: Vec<Step>,
    pub(crate) buffers: BufferSizes,
    pub(crate) input: Operand,
    pub(crate) input_value: ValueId,
    pub(crate) output: Operand,
}

/// One kernel call, for a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer<'p> {
    /// The node it runs, or the value that it converts.
    pub node: &'p str,
    /// What kind of kernel.
    pub kernel: &'static str,
    /// Whether it computes on integers.
    pub is_integer: bool,
    /// Multiply-adds.
    pub macs: MultiplyAdds,
    /// Bytes of the weights as the kernel holds them.
    pub weight_bytes: u64,
}

/// Multiply-adds of a kernel call, by what multiplies them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MultiplyAdds {
    /// In float32.
    pub f32: u64,
    /// On int8, in dense layers.
    pub dense_i8: u64,
    /// On int8, in depthwise layers.
    pub depthwise_i8: u64,
}

impl MultiplyAdds {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.f32 + self.dense_i8 + self.depthwise_i8
    }
}

/// Elements of every buffer, and of the scratch areas that steps share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct BufferSizes {
    pub(crate) f32: Vec<usize>,
    pub(crate) levels: Vec<usize>,
    pub(crate) scratch_f32: usize,
    pub(crate) scratch_levels: usize,
    pub(crate) scratch_integer: IntegerScratchLen,
}

/// Buffers beyond this are refused: a browser tab on a small device could not hold them beside the models.
const MAX_ARENA_BYTES: u64 = 512 << 20;

impl BufferSizes {
    /// Sizes may come from a hostile file and overflow the target's `usize` in bytes.
    fn bytes(&self) -> u64 {
        let sum = |sizes: &[usize]| sizes.iter().map(|size| *size as u64).sum::<u64>();
        let wide = sum(&self.f32) + self.scratch_f32 as u64;
        let narrow = sum(&self.levels) + self.scratch_levels as u64;
        (4 * wide + narrow).saturating_add(self.scratch_integer.total_bytes())
    }
}

/// How an activation's elements are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Number {
    F32,
    /// One unsigned byte: a graph's int8 level plus 128.
    Level,
}

/// An activation's place: the first elements of a buffer. A vector is an image of one pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Operand {
    pub(crate) number: Number,
    pub(crate) buffer: usize,
    pub(crate) image: ImageShape,
    pub(crate) layout: Layout,
}

impl Operand {
    /// Elements in the buffer, filled up as the layout asks.
    pub(crate) fn stored_len(&self) -> usize {
        self.layout.len(self.image)
    }
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

impl Step {
    fn is_integer(&self) -> bool {
        self.kernel.is_integer(self.output.number)
    }

    /// Makes the second summand the first.
    pub(crate) fn swap_summands(&mut self) {
        self.inputs.reverse();
        if let Kernel::AddI8 { requantization } = &mut self.kernel {
            requantization.swap();
        }
    }
}

/// The kernels with everything that they need besides activations. Clips have bounds in whole blocks of channels.
#[derive(Clone, Debug)]
pub(crate) enum Kernel {
    /// From a picture's layout into blocks.
    ToBlocks,
    /// From blocks into a picture's layout.
    FromBlocks,
    Quantize {
        scale: f32,
        zero_point: u8,
    },
    Dequantize {
        scale: f32,
        zero_point: u8,
    },
    LinearF32 {
        weights: PackedWeightsF32,
    },
    ConvF32 {
        window: Window,
        weights: PackedWeightsF32,
        clamp: Clip,
    },
    /// A pointwise convolution by its non-zero weights.
    SparseConvF32 {
        weights: SparseWeightsF32,
        clamp: Clip,
    },
    DepthwiseF32 {
        window: Window,
        weights: DepthwiseWeightsF32,
        clamp: Clip,
    },
    /// A pointwise convolution and the depthwise one on its output.
    ExpandDepthwiseF32 {
        expansion: PackedWeightsF32,
        expansion_clamp: Clip,
        window: Window,
        weights: DepthwiseWeightsF32,
        clamp: Clip,
    },
    AddF32 {
        clamp: Clip,
    },
    ClampF32 {
        clamp: Clip,
    },
    /// On either kind of numbers, as the output is.
    Concat,
    /// On either kind of numbers, as the output is.
    MaxPool {
        window: Window,
    },
    PoolF32,
    Softmax,
    LinearI8 {
        weights: PackedWeightsI8,
        requantization: Requantization,
    },
    /// `scales` are filled up to whole blocks.
    LinearI8F32 {
        weights: PackedWeightsI8,
        scales: Vec<f32>,
    },
    ConvI8 {
        window: Window,
        zero_point: u8,
        weights: PackedWeightsI8,
        requantization: Requantization,
    },
    DepthwiseI8 {
        window: Window,
        zero_point: u8,
        weights: DepthwiseWeightsI8,
        requantization: Requantization,
    },
    /// A pointwise convolution and the depthwise one on its output, whose zero point is `zero_point`.
    ExpandDepthwiseI8 {
        expansion: PackedWeightsI8,
        expansion_requantization: Requantization,
        window: Window,
        zero_point: u8,
        weights: DepthwiseWeightsI8,
        requantization: Requantization,
    },
    AddI8 {
        requantization: AddRequantization,
    },
    PoolI8 {
        zero_point: u8,
        requantization: Requantization,
    },
}

impl Kernel {
    /// Whether it computes on integers, where its output is `number`s.
    fn is_integer(&self, number: Number) -> bool {
        match self {
            Self::Concat | Self::MaxPool { .. } => number == Number::Level,
            Self::LinearI8 { .. }
            | Self::LinearI8F32 { .. }
            | Self::ConvI8 { .. }
            | Self::DepthwiseI8 { .. }
            | Self::ExpandDepthwiseI8 { .. }
            | Self::AddI8 { .. }
            | Self::PoolI8 { .. } => true,
            Self::ToBlocks
            | Self::FromBlocks
            | Self::Quantize { .. }
            | Self::Dequantize { .. }
            | Self::LinearF32 { .. }
            | Self::ConvF32 { .. }
            | Self::SparseConvF32 { .. }
            | Self::DepthwiseF32 { .. }
            | Self::ExpandDepthwiseF32 { .. }
            | Self::AddF32 { .. }
            | Self::ClampF32 { .. }
            | Self::PoolF32
            | Self::Softmax => false,
        }
    }

    /// Whether it changes its first input into its output, element by element; a kernel that is not named here gets an output
    /// of its own.
    pub(crate) fn works_in_place(&self) -> bool {
        matches!(self, Self::AddF32 { .. } | Self::ClampF32 { .. } | Self::Softmax | Self::AddI8 { .. })
    }

    /// What it is called in a profile.
    fn name(&self) -> &'static str {
        match self {
            Self::ToBlocks | Self::FromBlocks => "layout",
            Self::Quantize { .. } => "quantize",
            Self::Dequantize { .. } => "dequantize",
            Self::LinearF32 { .. } | Self::LinearI8 { .. } | Self::LinearI8F32 { .. } => "linear",
            Self::ConvF32 { window, .. } | Self::ConvI8 { window, .. } if window.kernel == [1, 1] => {
                "pointwise"
            }
            Self::ConvF32 { .. } | Self::ConvI8 { .. } => "conv",
            Self::SparseConvF32 { .. } => "sparse pointwise",
            Self::DepthwiseF32 { .. } | Self::DepthwiseI8 { .. } => "depthwise",
            Self::ExpandDepthwiseF32 { .. } | Self::ExpandDepthwiseI8 { .. } => "pointwise + depthwise",
            Self::AddF32 { .. } | Self::AddI8 { .. } => "add",
            Self::ClampF32 { .. } => "clip",
            Self::Concat => "concat",
            Self::MaxPool { .. } | Self::PoolF32 | Self::PoolI8 { .. } => "pool",
            Self::Softmax => "softmax",
        }
    }

    /// Multiply-adds for an input and an output, those of the filling of blocks and those left out not counted.
    fn macs(&self, input: ImageShape, output: ImageShape) -> MultiplyAdds {
        let taps = |window: &Window| (window.kernel[0] * window.kernel[1]) as u64;
        let linear = input.len() as u64 * output.len() as u64;
        let conv = |window| output.len() as u64 * taps(window) * input.channels as u64;
        let filtered = |window| output.len() as u64 * taps(window);
        let expanded = input.len() as u64 * output.channels as u64;
        let none = MultiplyAdds::default();
        match self {
            Self::LinearF32 { .. } => MultiplyAdds { f32: linear, ..none },
            Self::LinearI8 { .. } | Self::LinearI8F32 { .. } => MultiplyAdds { dense_i8: linear, ..none },
            Self::ConvF32 { window, .. } => MultiplyAdds { f32: conv(window), ..none },
            Self::ConvI8 { window, .. } => MultiplyAdds { dense_i8: conv(window), ..none },
            Self::SparseConvF32 { weights, .. } => {
                let pixels = input.height * input.width;
                MultiplyAdds { f32: (pixels * weights.products()) as u64, ..none }
            }
            Self::DepthwiseF32 { window, .. } => MultiplyAdds { f32: filtered(window), ..none },
            Self::DepthwiseI8 { window, .. } => MultiplyAdds { depthwise_i8: filtered(window), ..none },
            Self::ExpandDepthwiseF32 { window, .. } => {
                MultiplyAdds { f32: expanded + filtered(window), ..none }
            }
            Self::ExpandDepthwiseI8 { window, .. } => {
                MultiplyAdds { dense_i8: expanded, depthwise_i8: filtered(window), ..none }
            }
            Self::ToBlocks
            | Self::FromBlocks
            | Self::Quantize { .. }
            | Self::Dequantize { .. }
            | Self::AddF32 { .. }
            | Self::ClampF32 { .. }
            | Self::Concat
            | Self::MaxPool { .. }
            | Self::PoolF32
            | Self::Softmax
            | Self::AddI8 { .. }
            | Self::PoolI8 { .. } => none,
        }
    }

    /// Bytes of its weights as it holds them.
    fn weight_bytes(&self) -> usize {
        match self {
            Self::LinearF32 { weights } | Self::ConvF32 { weights, .. } => weights.bytes(),
            Self::SparseConvF32 { weights, .. } => weights.bytes(),
            Self::DepthwiseF32 { weights, .. } => weights.bytes(),
            Self::LinearI8 { weights, .. }
            | Self::LinearI8F32 { weights, .. }
            | Self::ConvI8 { weights, .. } => weights.bytes(),
            Self::DepthwiseI8 { weights, .. } => weights.bytes(),
            Self::ExpandDepthwiseF32 { expansion, weights, .. } => expansion.bytes() + weights.bytes(),
            Self::ExpandDepthwiseI8 { expansion, weights, .. } => expansion.bytes() + weights.bytes(),
            Self::ToBlocks
            | Self::FromBlocks
            | Self::Quantize { .. }
            | Self::Dequantize { .. }
            | Self::AddF32 { .. }
            | Self::ClampF32 { .. }
            | Self::Concat
            | Self::MaxPool { .. }
            | Self::PoolF32
            | Self::Softmax
            | Self::AddI8 { .. }
            | Self::PoolI8 { .. } => 0,
        }
    }
}

impl Plan {
    /// Packs a graph.
    ///
    /// Layers whose weights and activations are quantized run on integers; others run in single precision. Weights stay
    /// in the form of the graph, as far as `storage.rs` says.
    ///
    /// # Errors
    /// [`EngineError::Graph`] for an invalid graph, [`EngineError::Unsupported`] for what has no kernel,
    /// [`EngineError::BiasRange`] and [`EngineError::Kernel`] for numbers that a kernel cannot take.
    pub fn new(graph: &Graph, fusion: Fusion) -> Result<Self, EngineError> {
        graph.validate()?;
        let graph = match fusion {
            Fusion::Full | Fusion::Observable => with_folded_batch_norms(graph)?,
            Fusion::Separate => Cow::Borrowed(graph),
        };
        lower(&graph, &blocks(&graph, fusion), fusion, Ports::Plain)?.within_limit()
    }

    /// Itself, where a browser tab may be asked for its buffers.
    ///
    /// # Errors
    /// [`EngineError::TooLarge`].
    pub(crate) fn within_limit(self) -> Result<Self, EngineError> {
        match self.buffers.bytes() {
            bytes if bytes <= MAX_ARENA_BYTES => Ok(self),
            bytes => Err(EngineError::TooLarge { bytes, limit: MAX_ARENA_BYTES }),
        }
    }

    /// Elements of the network's input.
    pub fn input_len(&self) -> usize {
        self.input.image.len()
    }

    /// Bytes of all activation and scratch buffers.
    pub fn arena_bytes(&self) -> u64 {
        self.buffers.bytes()
    }

    /// Bytes of the weights as the kernels hold them.
    pub fn weight_bytes(&self) -> u64 {
        self.steps.iter().map(|step| step.kernel.weight_bytes() as u64).sum()
    }

    /// What runs, in order.
    pub fn layers(&self) -> impl Iterator<Item = Layer<'_>> {
        self.steps.iter().map(|step| Layer {
            node: &step.node,
            kernel: step.kernel.name(),
            is_integer: step.is_integer(),
            macs: step.kernel.macs(step.inputs[0].image, step.output.image),
            weight_bytes: step.kernel.weight_bytes() as u64,
        })
    }

    /// How many steps run on integers, and how many there are.
    ///
    /// A pointwise and a depthwise convolution that run as one step count as one.
    pub fn integer_steps(&self) -> (usize, usize) {
        (self.steps.iter().filter(|step| step.is_integer()).count(), self.steps.len())
    }
}
