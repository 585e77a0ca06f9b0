//! From blocks of a graph to kernel calls.

mod expansions;
mod grids;
mod places;

use std::collections::HashMap;

use graph::{
    ActivationQuantization, Clip, Conv2d, Graph, IntegerWeights, Linear, Op, UpperBound, ValueId, Weight,
    WeightValues,
};
use kernels::{
    AddRequantization, BLOCK, DepthwiseWeightsF32, DepthwiseWeightsI8, ImageShape, KernelError, Layout,
    Padding, Products, Window, conv2d_i8_scratch_len, conv2d_scratch_len, depthwise_i8_scratch_len,
    depthwise_scratch_len, linear_i8_scratch_len, pointwise_sparse_scratch_len,
};

use crate::EngineError;
use crate::fuse::{Block, Fusion};
use crate::memory::Lifetime;
use crate::part::{image_of, number_of};
use crate::plan::{BufferSizes, Kernel, Number, Operand, Plan, Step};
use crate::sparsity::sparse_weights;
use crate::storage::{Source, packed_f32, packed_i8};
pub(crate) use grids::level;
use grids::{LevelBounds, accumulator_scales, quantized_bias, requantization};

/// What a plan reads and writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ports {
    /// A picture and scores, both `nhwc` in single precision.
    Plain,
    /// Activations as they lie between kernels.
    Activations,
}

/// Makes a plan of `blocks`, which belong to `graph`.
pub(crate) fn lower(
    graph: &Graph,
    blocks: &[Block<'_>],
    fusion: Fusion,
    ports: Ports,
) -> Result<Plan, EngineError> {
    let mut lowering = Lowering {
        graph,
        steps: Vec::new(),
        activations: Vec::new(),
        homes: HashMap::new(),
        sizes: BufferSizes::default(),
    };
    let picture = lowering.image(graph.input);
    let (number, layout) = match ports {
        Ports::Plain => (Number::F32, Layout::Interleaved),
        Ports::Activations => (number_of(graph.value(graph.input)), Layout::Blocked),
    };
    let input = lowering.activation(number, picture, layout);
    lowering.homes.insert((graph.input, number, layout), input);
    for block in blocks {
        lowering.block(block)?;
    }
    let output = match ports {
        Ports::Plain => lowering.read_plain(graph.output),
        Ports::Activations => lowering.read(graph.output, number_of(graph.value(graph.output))),
    };
    if fusion == Fusion::Full {
        lowering.fuse_expansions(output);
    }
    Ok(lowering.finish(input, output))
}

/// What has been lowered so far. Until [`Lowering::finish`], an operand's `buffer` is the activation's number.
struct Lowering<'g> {
    graph: &'g Graph,
    steps: Vec<Step>,
    activations: Vec<(Number, Lifetime)>,
    /// Where a value is found in each form that it has been needed in.
    homes: HashMap<(ValueId, Number, Layout), Operand>,
    sizes: BufferSizes,
}

impl Lowering<'_> {
    fn block(&mut self, block: &Block<'_>) -> Result<(), EngineError> {
        let node = block.node;
        match &node.op {
            Op::Conv2d(conv) => self.conv(block, conv),
            Op::BatchNorm(norm) => {
                let conv = norm.to_conv();
                self.conv(block, &conv)
            }
            Op::Clip(clip) => {
                let input = self.read(node.inputs[0], Number::F32);
                self.push(block, Kernel::ClampF32 { clamp: in_blocks(clip) }, vec![input], Number::F32);
                Ok(())
            }
            Op::Add => self.add(block),
            Op::Concat => {
                let number = self.number_of_kept(block);
                let inputs = node.inputs.iter().map(|input| self.read(*input, number)).collect();
                self.push(block, Kernel::Concat, inputs, number);
                Ok(())
            }
            Op::MaxPool(pool) => {
                let number = self.number_of_kept(block);
                let input = self.read(node.inputs[0], number);
                let graph::MaxPool { kernel, stride, padding } = *pool;
                let window = Window { kernel, stride, padding: padding_of(padding) };
                self.push(block, Kernel::MaxPool { window }, vec![input], number);
                Ok(())
            }
            Op::GlobalAveragePool => self.pool(block),
            Op::Linear(linear) => self.linear(block, linear),
            Op::Softmax => {
                let input = self.read(node.inputs[0], Number::F32);
                self.push(block, Kernel::Softmax, vec![input], Number::F32);
                Ok(())
            }
        }
    }

    fn conv(&mut self, block: &Block<'_>, conv: &Conv2d) -> Result<(), EngineError> {
        let geometry = Geometry::new(self.image(block.node.inputs[0]), conv);
        if conv.groups != 1 && !conv.is_depthwise() {
            let feature = format!("a convolution in {} groups that is not depthwise", conv.groups);
            return Err(EngineError::Unsupported {
                op: block.node.op.name(),
                node: block.node.name.clone(),
                feature,
            });
        }
        let quantized = (self.quantization(block.node.inputs[0]), self.quantization(block.output));
        match (&conv.weight.values, quantized) {
            (WeightValues::Integer(weights), (Some(input), Some(output))) if block.residual.is_none() => {
                self.conv_i8(block, conv, geometry, weights, input, output)
            }
            _ => self.conv_f32(block, conv, geometry),
        }
    }

    fn conv_f32(&mut self, block: &Block<'_>, conv: &Conv2d, geometry: Geometry) -> Result<(), EngineError> {
        let Geometry { image, window, out_channels } = geometry;
        let clamp = in_blocks(block.clip);
        let bias = conv.bias.clone().unwrap_or_else(|| vec![0.0; out_channels]);
        let weights = conv.weight.to_f32();
        let fail = kernel_error(block);
        let value = block.node.inputs[0];
        if conv.is_depthwise() {
            let taps = window.kernel[0] * window.kernel[1];
            let weights = DepthwiseWeightsF32::pack(&weights, out_channels, taps, &bias).map_err(fail)?;
            let scratch = depthwise_scratch_len(image, &window);
            self.sizes.scratch_f32 = self.sizes.scratch_f32.max(scratch);
            let inputs = vec![self.read(value, Number::F32)];
            self.push(block, Kernel::DepthwiseF32 { window, weights, clamp }, inputs, Number::F32);
            return Ok(());
        }
        let input = self.read_any_layout(value, Number::F32);
        let is_pointwise = window == POINTWISE && input.layout == Layout::Blocked;
        let sparse = match is_pointwise {
            true => sparse_weights(&weights, out_channels, image, &bias).map_err(&fail)?,
            false => None,
        };
        let (kernel, scratch) = match sparse {
            Some(weights) => (Kernel::SparseConvF32 { weights, clamp }, pointwise_sparse_scratch_len(image)),
            None => {
                let source = Source { layout: input.layout, image, window };
                let weights = packed_f32(&conv.weight, &source, &bias).map_err(fail)?;
                let scratch = conv2d_scratch_len(input.layout, image, &window);
                let scratch = scratch.saturating_add(weights.unpacked_len());
                (Kernel::ConvF32 { window, weights, clamp }, scratch)
            }
        };
        self.sizes.scratch_f32 = self.sizes.scratch_f32.max(scratch);
        let mut inputs = vec![input];
        if let Some(residual) = block.residual {
            inputs.push(self.read(residual, Number::F32));
        }
        self.push(block, kernel, inputs, Number::F32);
        Ok(())
    }

    fn conv_i8(
        &mut self,
        block: &Block<'_>,
        conv: &Conv2d,
        geometry: Geometry,
        weights: &IntegerWeights,
        input: ActivationQuantization,
        output: ActivationQuantization,
    ) -> Result<(), EngineError> {
        let Geometry { image, window, out_channels } = geometry;
        let zero_point = level(input.zero_point);
        let channel_len = conv.weight.channel_len();
        let accumulator_scales = accumulator_scales(input, &weights.scales, out_channels);
        let bias = quantized_bias(block, conv.bias.as_deref(), &accumulator_scales)?;
        let fail = kernel_error(block);
        let requantization = requantization(&accumulator_scales, output, block.clip).map_err(&fail)?;
        let value = block.node.inputs[0];
        let (kernel, operand) = if conv.is_depthwise() {
            let levels = weights.effective_levels(channel_len);
            let weights = DepthwiseWeightsI8::pack(&levels, out_channels, window.kernel, &bias, zero_point)
                .map_err(fail)?;
            self.sizes.scratch_levels =
                self.sizes.scratch_levels.max(depthwise_i8_scratch_len(image, &window));
            let operand = self.read(value, Number::Level);
            (Kernel::DepthwiseI8 { window, zero_point, weights, requantization }, operand)
        } else {
            let operand = self.read_any_layout(value, Number::Level);
            let (layout, products) = (operand.layout, Products::best());
            let source = Source { layout, image, window };
            let weights =
                packed_i8(weights, channel_len, &source, &bias, zero_point, products).map_err(fail)?;
            let scratch = conv2d_i8_scratch_len(layout, image, &window, products).with_weights(&weights);
            self.sizes.scratch_integer = self.sizes.scratch_integer.max(scratch);
            (Kernel::ConvI8 { window, zero_point, weights, requantization }, operand)
        };
        self.push(block, kernel, vec![operand], Number::Level);
        Ok(())
    }

    fn linear(&mut self, block: &Block<'_>, linear: &Linear) -> Result<(), EngineError> {
        let Weight { shape, values } = &linear.weight;
        let (n, k) = (shape[0], shape[1]);
        let value = block.node.inputs[0];
        let fail = kernel_error(block);
        if let (WeightValues::Integer(weights), Some(input)) = (values, self.quantization(value)) {
            let accumulator_scales = accumulator_scales(input, &weights.scales, n);
            let bias = quantized_bias(block, linear.bias.as_deref(), &accumulator_scales)?;
            let (zero_point, products) = (level(input.zero_point), Products::best());
            let weights =
                packed_i8(weights, k, &Source::vector(k), &bias, zero_point, products).map_err(&fail)?;
            let scratch = linear_i8_scratch_len(k, products).with_weights(&weights);
            self.sizes.scratch_integer = self.sizes.scratch_integer.max(scratch);
            let operand = self.read(value, Number::Level);
            let (kernel, number) = match self.quantization(block.output) {
                Some(output) => {
                    let requantization =
                        requantization(&accumulator_scales, output, block.clip).map_err(fail)?;
                    (Kernel::LinearI8 { weights, requantization }, Number::Level)
                }
                None => {
                    let mut scales: Vec<f32> = accumulator_scales.iter().map(|scale| *scale as f32).collect();
                    scales.resize(n.next_multiple_of(BLOCK), 0.0);
                    (Kernel::LinearI8F32 { weights, scales }, Number::F32)
                }
            };
            self.push(block, kernel, vec![operand], number);
            return Ok(());
        }
        let bias = linear.bias.clone().unwrap_or_else(|| vec![0.0; n]);
        let weights = packed_f32(&linear.weight, &Source::vector(k), &bias).map_err(fail)?;
        self.sizes.scratch_f32 = self.sizes.scratch_f32.max(weights.unpacked_len());
        let operand = self.read(value, Number::F32);
        self.push(block, Kernel::LinearF32 { weights }, vec![operand], Number::F32);
        Ok(())
    }

    fn add(&mut self, block: &Block<'_>) -> Result<(), EngineError> {
        let [a, b] = [block.node.inputs[0], block.node.inputs[1]];
        let quantized = (self.quantization(a), self.quantization(b), self.quantization(block.output));
        if let (Some(qa), Some(qb), Some(output)) = quantized {
            let grid = |grid: ActivationQuantization| (f64::from(grid.scale), level(grid.zero_point));
            let bounds = LevelBounds::new(block.clip, output);
            let requantization =
                AddRequantization::new(grid(qa), grid(qb), grid(output), bounds.min, bounds.max)
                    .and_then(|requantization| match &bounds.per_channel {
                        Some(max) => requantization.with_upper_bounds(max),
                        None => Ok(requantization),
                    })
                    .map_err(kernel_error(block))?;
            let inputs = vec![self.read(a, Number::Level), self.read(b, Number::Level)];
            self.push(block, Kernel::AddI8 { requantization }, inputs, Number::Level);
        } else {
            let inputs = vec![self.read(a, Number::F32), self.read(b, Number::F32)];
            self.push(block, Kernel::AddF32 { clamp: in_blocks(block.clip) }, inputs, Number::F32);
        }
        Ok(())
    }

    fn pool(&mut self, block: &Block<'_>) -> Result<(), EngineError> {
        let value = block.node.inputs[0];
        let image = self.image(value);
        if let (Some(input), Some(output)) = (self.quantization(value), self.quantization(block.output)) {
            let scale = f64::from(input.scale) / (image.height * image.width) as f64;
            let scales = vec![scale; image.channels];
            let requantization = requantization(&scales, output, block.clip).map_err(kernel_error(block))?;
            let kernel = Kernel::PoolI8 { zero_point: level(input.zero_point), requantization };
            let operand = self.read(value, Number::Level);
            self.push(block, kernel, vec![operand], Number::Level);
        } else {
            let operand = self.read(value, Number::F32);
            self.push(block, Kernel::PoolF32, vec![operand], Number::F32);
        }
        Ok(())
    }

    /// How an operator that hands on elements runs: on levels where all that it reads and writes has one grid.
    fn number_of_kept(&self, block: &Block<'_>) -> Number {
        let output = self.quantization(block.output);
        let is_one_grid = block.node.inputs.iter().all(|input| self.quantization(*input) == output);
        if output.is_some() && is_one_grid { Number::Level } else { Number::F32 }
    }

    fn image(&self, value: ValueId) -> ImageShape {
        image_of(self.graph.value(value).shape)
    }

    fn quantization(&self, value: ValueId) -> Option<ActivationQuantization> {
        self.graph.value(value).quantization
    }

    /// Where `value` is found as `number`, in blocks, converting it first where it is not.
    fn read(&mut self, value: ValueId, number: Number) -> Operand {
        if let Some(operand) = self.homes.get(&(value, number, Layout::Blocked)) {
            return *operand;
        }
        // A picture is blocked before it changes its number, everything else is blocked already.
        match self.homes.get(&(value, number, Layout::Interleaved)).copied() {
            Some(picture) => self.convert(value, picture, Kernel::ToBlocks, number, Layout::Blocked),
            None => self.change_number(value, number, Layout::Blocked),
        }
    }

    /// As [`Self::read`], but a picture is taken as it is.
    fn read_any_layout(&mut self, value: ValueId, number: Number) -> Operand {
        let picture = |number: Number| (value, number, Layout::Interleaved);
        if let Some(operand) = self.homes.get(&picture(number)) {
            return *operand;
        }
        match self.homes.contains_key(&picture(Number::F32)) {
            true => self.change_number(value, number, Layout::Interleaved),
            false => self.read(value, number),
        }
    }

    /// Where `value` is found as float32 in its natural order.
    fn read_plain(&mut self, value: ValueId) -> Operand {
        let operand = self.read_any_layout(value, Number::F32);
        // The blocks of a single pixel are its channels in order.
        match operand.layout == Layout::Interleaved || operand.image.height * operand.image.width == 1 {
            true => operand,
            false => self.convert(value, operand, Kernel::FromBlocks, Number::F32, Layout::Interleaved),
        }
    }

    fn change_number(&mut self, value: ValueId, number: Number, layout: Layout) -> Operand {
        let Some(ActivationQuantization { scale, zero_point }) = self.quantization(value) else {
            unreachable!("a value without quantization is only ever read as f32, which it is written as")
        };
        let zero_point = level(zero_point);
        let (from, kernel) = match number {
            Number::Level => (Number::F32, Kernel::Quantize { scale, zero_point }),
            Number::F32 => (Number::Level, Kernel::Dequantize { scale, zero_point }),
        };
        let source = match layout {
            Layout::Interleaved => self.homes[&(value, from, layout)],
            Layout::Blocked => self.read(value, from),
        };
        self.convert(value, source, kernel, number, layout)
    }

    fn convert(
        &mut self,
        value: ValueId,
        source: Operand,
        kernel: Kernel,
        number: Number,
        layout: Layout,
    ) -> Operand {
        let output = self.activation(number, source.image, layout);
        self.homes.insert((value, number, layout), output);
        let node = self.graph.value(value).name.clone();
        self.steps.push(Step { node, kernel, inputs: vec![source], output, value: None });
        output
    }

    fn push(&mut self, block: &Block<'_>, kernel: Kernel, inputs: Vec<Operand>, number: Number) {
        let output = self.activation(number, self.image(block.output), Layout::Blocked);
        self.homes.insert((block.output, number, Layout::Blocked), output);
        let node = block.node.name.clone();
        self.steps.push(Step { node, kernel, inputs, output, value: Some(block.output) });
    }

    fn activation(&mut self, number: Number, image: ImageShape, layout: Layout) -> Operand {
        let len = layout.len(image);
        self.activations.push((number, Lifetime { len, written: 0, last_read: 0, over: None }));
        Operand { number, buffer: self.activations.len() - 1, image, layout }
    }
}

/// A convolution's sizes in the kernels' terms.
#[derive(Clone, Copy)]
struct Geometry {
    image: ImageShape,
    window: Window,
    out_channels: usize,
}

impl Geometry {
    fn new(image: ImageShape, conv: &Conv2d) -> Self {
        let window = Window { kernel: conv.kernel(), stride: conv.stride, padding: padding_of(conv.padding) };
        Self { image, window, out_channels: conv.weight.out_channels() }
    }
}

fn padding_of(graph::Padding { top, left, bottom, right }: graph::Padding) -> Padding {
    Padding { top, left, bottom, right }
}

/// The window of a pointwise convolution.
pub(crate) const POINTWISE: Window =
    Window { kernel: [1, 1], stride: [1, 1], padding: Padding { top: 0, left: 0, bottom: 0, right: 0 } };

fn kernel_error(block: &Block<'_>) -> impl Fn(KernelError) -> EngineError {
    let node = block.node.name.clone();
    move |source| EngineError::Kernel { node: node.clone(), source }
}

/// A clip with its bounds filled up to whole blocks of channels.
fn in_blocks(clip: &Clip) -> Clip {
    let mut clip = clip.clone();
    if let UpperBound::PerChannel(max) = &mut clip.max {
        max.resize(max.len().next_multiple_of(BLOCK), f32::INFINITY);
    }
    clip
}
