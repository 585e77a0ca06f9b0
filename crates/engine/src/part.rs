//! Parts of a network, which hand on activations as they lie between kernels.

use graph::{ActivationQuantization, Graph, Shape, Value};
use kernels::{
    Aligned, ImageShape, KernelError, blocked_len, dequantize_i8, from_blocks, quantize_i8, to_blocks, zeros,
};

use crate::fuse::{Fusion, blocks};
use crate::lower::{Ports, level, lower};
use crate::plan::{Number, Operand};
use crate::{EngineError, Executor, Plan};

/// An activation as kernels hand it on: levels where its value has a grid, else single precision; in blocks of
/// channels.
#[derive(Clone, Debug)]
pub struct Activation {
    numbers: Numbers,
    image: ImageShape,
    grid: Option<ActivationQuantization>,
}

#[derive(Clone, Debug)]
pub(crate) enum Numbers {
    F32(Aligned<f32>),
    Levels(Aligned<u8>),
}

impl Activation {
    /// From `nhwc`, rounded to the grid of `value` where that has one.
    ///
    /// # Errors
    /// [`EngineError::Input`] for a wrong length, [`EngineError::Kernel`] for an unusable scale.
    pub fn new(value: &Value, nhwc: &[f32]) -> Result<Self, EngineError> {
        let (image, grid) = (image_of(value.shape), value.quantization);
        if nhwc.len() != image.len() {
            return Err(EngineError::Input { expected: image.len(), actual: nhwc.len() });
        }
        let mut laid = zeros(blocked_len(image));
        let numbers = to_blocks(nhwc, image, &mut laid).and_then(|()| match grid {
            None => Ok(Numbers::F32(laid)),
            Some(grid) => {
                let mut levels = zeros(laid.len());
                quantize_i8(&laid, grid.scale, level(grid.zero_point), &mut levels)?;
                Ok(Numbers::Levels(levels))
            }
        });
        let fail = |source| EngineError::Kernel { node: value.name.clone(), source };
        Ok(Self { numbers: numbers.map_err(fail)?, image, grid })
    }

    /// In `nhwc` and single precision.
    pub fn to_nhwc(&self) -> Vec<f32> {
        let mut nhwc = vec![0.0; self.image.len()];
        match self.write(&mut nhwc) {
            Ok(()) => nhwc,
            Err(_) => unreachable!("lengths and scale were right when it was made"),
        }
    }

    fn write(&self, nhwc: &mut [f32]) -> Result<(), KernelError> {
        match (&self.numbers, self.grid) {
            (Numbers::F32(numbers), _) => from_blocks(numbers, self.image, nhwc),
            (Numbers::Levels(levels), Some(grid)) => levels_to_nhwc(levels, grid, self.image, nhwc),
            (Numbers::Levels(_), None) => unreachable!("levels have a grid"),
        }
    }

    /// Bytes that it takes in memory where `value` is one like it.
    pub fn bytes_of(value: &Value) -> usize {
        let image = image_of(value.shape);
        let size = if value.quantization.is_some() { 1 } else { size_of::<f32>() };
        size * blocked_len(image)
    }

    pub(crate) fn numbers(&self) -> &Numbers {
        &self.numbers
    }
}

/// Blocked levels as real numbers, `nhwc`.
pub(crate) fn levels_to_nhwc(
    levels: &[u8],
    grid: ActivationQuantization,
    image: ImageShape,
    nhwc: &mut [f32],
) -> Result<(), KernelError> {
    let mut real = zeros(levels.len());
    dequantize_i8(levels, grid.scale, level(grid.zero_point), &mut real)?;
    from_blocks(&real, image, nhwc)
}

/// A part of a network, packed: from one activation to another.
#[derive(Debug)]
pub struct Part {
    executor: Executor,
    grid: Option<ActivationQuantization>,
}

impl Part {
    /// Packs `graph`, whose input and output may be any activations. Clips run with the layer before.
    ///
    /// # Errors
    /// As [`Plan::new`].
    pub fn new(graph: &Graph) -> Result<Self, EngineError> {
        graph.validate_part()?;
        let plan = lower(graph, &blocks(graph, Fusion::Observable), Fusion::Observable, Ports::Activations)?;
        Ok(Self {
            executor: Executor::new(plan.within_limit()?),
            grid: graph.value(graph.output).quantization,
        })
    }

    /// The part's output on `input`.
    ///
    /// # Errors
    /// [`EngineError::Input`] for another activation than the part reads; [`EngineError::Kernel`] would be a defect of the
    /// plan.
    pub fn run(&mut self, input: &Activation) -> Result<Activation, EngineError> {
        let Operand { image, .. } = self.executor.plan().output;
        let numbers = self.executor.run_activation(input.numbers())?;
        Ok(Activation { numbers, image, grid: self.grid })
    }

    /// What runs.
    pub fn plan(&self) -> &Plan {
        self.executor.plan()
    }
}

/// What a value's elements are between kernels.
pub(crate) fn number_of(value: &Value) -> Number {
    match value.quantization {
        Some(_) => Number::Level,
        None => Number::F32,
    }
}

/// A shape in the kernels' terms; a vector is an image of one pixel.
pub(crate) fn image_of(shape: Shape) -> ImageShape {
    match shape {
        Shape::Image { height, width, channels } => ImageShape { height, width, channels },
        Shape::Vector { length } => ImageShape { height: 1, width: 1, channels: length },
    }
}
