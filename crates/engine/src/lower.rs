//! From blocks of a graph to kernel calls.

use std::collections::HashMap;

use graph::{
    ActivationQuantization, BatchNorm, Clip, Conv2d, Graph, Linear, Op, Shape, ValueId, Weight, WeightValues,
};
use kernels::{
    AddRequantization, Clamp, ImageShape, KernelError, PackedWeightsF32, PackedWeightsI8, Padding,
    Requantization, Window, conv2d_i8_scratch_len, conv2d_scratch_len, fold_zero_point, gemm_i8_scratch_len,
};

use crate::EngineError;
use crate::fuse::Block;
use crate::memory::{Lifetime, assign};
use crate::plan::{BufferSizes, Kernel, Number, Operand, Plan, Step};

/// Makes a plan of `blocks`, which belong to `graph`.
pub(crate) fn lower(graph: &Graph, blocks: &[Block<'_>]) -> Result<Plan, EngineError> {
    let mut lowering = Lowering {
        graph,
        steps: Vec::new(),
        activations: Vec::new(),
        homes: HashMap::new(),
        sizes: BufferSizes::default(),
    };
    let input = lowering.activation(Number::F32, graph.value(graph.input).shape.len());
    lowering.homes.insert((graph.input, Number::F32), input);
    for block in blocks {
        lowering.block(block)?;
    }
    let output = lowering.read(graph.output, Number::F32);
    Ok(lowering.finish(input, output))
}

/// What has been lowered so far. Until [`Lowering::finish`], an operand's `buffer` is the activation's number.
struct Lowering<'g> {
    graph: &'g Graph,
    steps: Vec<Step>,
    activations: Vec<(Number, Lifetime)>,
    /// Where a value is found in each number format it has been needed in.
    homes: HashMap<(ValueId, Number), Operand>,
    sizes: BufferSizes,
}

impl Lowering<'_> {
    fn block(&mut self, block: &Block<'_>) -> Result<(), EngineError> {
        let node = block.node;
        match &node.op {
            Op::Conv2d(conv) => self.conv(block, conv),
            Op::BatchNorm(norm) => {
                let conv = per_channel_conv(norm);
                self.conv(block, &conv)
            }
            Op::Clip(clip) => {
                let input = self.read(node.inputs[0], Number::F32);
                self.push(block, Kernel::ClampF32 { clamp: clamp(*clip) }, vec![input], Number::F32);
                Ok(())
            }
            Op::Add => self.add(block),
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
            (WeightValues::I8 { levels, scales }, (Some(input), Some(output)))
                if block.residual.is_none() =>
            {
                self.conv_i8(block, conv, geometry, levels, scales, input, output)
            }
            _ => self.conv_f32(block, conv, geometry),
        }
    }

    fn conv_f32(&mut self, block: &Block<'_>, conv: &Conv2d, geometry: Geometry) -> Result<(), EngineError> {
        let Geometry { image, window, out_channels, pixels } = geometry;
        let clamp = clamp(block.clip);
        let bias = conv.bias.clone().unwrap_or_else(|| vec![0.0; out_channels]);
        let weights = conv.weight.to_f32();
        let kernel = if conv.is_depthwise() {
            DepthwiseOrDense::Depthwise(taps_outermost(&weights, image.channels))
        } else {
            let k = conv.weight.channel_len();
            let ordered = channels_innermost(&weights, &conv.weight.shape);
            let packed = PackedWeightsF32::pack(&ordered, out_channels, k).map_err(kernel_error(block))?;
            DepthwiseOrDense::Dense(packed)
        };
        let kernel = match kernel {
            DepthwiseOrDense::Depthwise(weights) => {
                Kernel::DepthwiseF32 { image, window, weights, bias, clamp }
            }
            DepthwiseOrDense::Dense(weights) if geometry.is_pointwise() => {
                Kernel::GemmF32 { m: pixels, weights, bias, clamp }
            }
            DepthwiseOrDense::Dense(weights) => {
                let scratch = conv2d_scratch_len(&weights);
                self.sizes.scratch_f32 = self.sizes.scratch_f32.max(scratch);
                Kernel::ConvF32 { image, window, weights, bias, clamp }
            }
        };
        let mut inputs = vec![self.read(block.node.inputs[0], Number::F32)];
        if let Some(residual) = block.residual {
            inputs.push(self.read(residual, Number::F32));
        }
        self.push(block, kernel, inputs, Number::F32);
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "what a quantized convolution is made of")]
    fn conv_i8(
        &mut self,
        block: &Block<'_>,
        conv: &Conv2d,
        geometry: Geometry,
        levels: &[i8],
        scales: &[f32],
        input: ActivationQuantization,
        output: ActivationQuantization,
    ) -> Result<(), EngineError> {
        let Geometry { image, window, out_channels, pixels } = geometry;
        let zero_point = input.zero_point;
        let accumulator_scales = accumulator_scales(input, scales, out_channels);
        let mut bias = quantized_bias(block, conv.bias.as_deref(), &accumulator_scales)?;
        let requantization =
            requantization(&accumulator_scales, output, block.clip).map_err(kernel_error(block))?;
        let kernel = if conv.is_depthwise() {
            let weights = taps_outermost(levels, image.channels);
            Kernel::DepthwiseI8 { image, window, zero_point, weights, bias, requantization }
        } else {
            let k = conv.weight.channel_len();
            let ordered = channels_innermost(levels, &conv.weight.shape);
            let weights = PackedWeightsI8::pack(&ordered, out_channels, k).map_err(kernel_error(block))?;
            fold_zero_point(&mut bias, &weights, zero_point).map_err(kernel_error(block))?;
            self.sizes.scratch_i16 = self.sizes.scratch_i16.max(gemm_i8_scratch_len(&weights));
            if geometry.is_pointwise() {
                Kernel::GemmI8 { m: pixels, weights, bias, requantization }
            } else {
                self.sizes.scratch_i8 = self.sizes.scratch_i8.max(conv2d_i8_scratch_len(&weights));
                Kernel::ConvI8 { image, window, zero_point, weights, bias, requantization }
            }
        };
        let inputs = vec![self.read(block.node.inputs[0], Number::I8)];
        self.push(block, kernel, inputs, Number::I8);
        Ok(())
    }

    fn linear(&mut self, block: &Block<'_>, linear: &Linear) -> Result<(), EngineError> {
        let Weight { shape, values } = &linear.weight;
        let (n, k) = (shape[0], shape[1]);
        if let (WeightValues::I8 { levels, scales }, Some(input)) =
            (values, self.quantization(block.node.inputs[0]))
        {
            let accumulator_scales = accumulator_scales(input, scales, n);
            let mut bias = quantized_bias(block, linear.bias.as_deref(), &accumulator_scales)?;
            let weights = PackedWeightsI8::pack(levels, n, k).map_err(kernel_error(block))?;
            fold_zero_point(&mut bias, &weights, input.zero_point).map_err(kernel_error(block))?;
            self.sizes.scratch_i16 = self.sizes.scratch_i16.max(gemm_i8_scratch_len(&weights));
            let operand = self.read(block.node.inputs[0], Number::I8);
            let (kernel, number) = match self.quantization(block.output) {
                Some(output) => {
                    let requantization = requantization(&accumulator_scales, output, block.clip)
                        .map_err(kernel_error(block))?;
                    (Kernel::GemmI8 { m: 1, weights, bias, requantization }, Number::I8)
                }
                None => {
                    let scales = accumulator_scales.iter().map(|scale| *scale as f32).collect();
                    (Kernel::GemmI8F32 { weights, bias, scales }, Number::F32)
                }
            };
            self.push(block, kernel, vec![operand], number);
            return Ok(());
        }
        let weights = PackedWeightsF32::pack(&linear.weight.to_f32(), n, k).map_err(kernel_error(block))?;
        let bias = linear.bias.clone().unwrap_or_else(|| vec![0.0; n]);
        let operand = self.read(block.node.inputs[0], Number::F32);
        self.push(
            block,
            Kernel::GemmF32 { m: 1, weights, bias, clamp: Clamp::NONE },
            vec![operand],
            Number::F32,
        );
        Ok(())
    }

    fn add(&mut self, block: &Block<'_>) -> Result<(), EngineError> {
        let [a, b] = [block.node.inputs[0], block.node.inputs[1]];
        let quantized = (self.quantization(a), self.quantization(b), self.quantization(block.output));
        if let (Some(qa), Some(qb), Some(output)) = quantized {
            let (min, max) = quantized_bounds(block.clip, output);
            let requantization = AddRequantization::new(
                (f64::from(qa.scale), qa.zero_point),
                (f64::from(qb.scale), qb.zero_point),
                (f64::from(output.scale), output.zero_point),
                min,
                max,
            )
            .map_err(kernel_error(block))?;
            let inputs = vec![self.read(a, Number::I8), self.read(b, Number::I8)];
            self.push(block, Kernel::AddI8 { requantization }, inputs, Number::I8);
        } else {
            let inputs = vec![self.read(a, Number::F32), self.read(b, Number::F32)];
            self.push(block, Kernel::AddF32 { clamp: clamp(block.clip) }, inputs, Number::F32);
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
            let kernel = Kernel::PoolI8 { image, zero_point: input.zero_point, requantization };
            let operand = self.read(value, Number::I8);
            self.push(block, kernel, vec![operand], Number::I8);
        } else {
            let operand = self.read(value, Number::F32);
            self.push(block, Kernel::PoolF32 { image }, vec![operand], Number::F32);
        }
        Ok(())
    }

    fn image(&self, value: ValueId) -> ImageShape {
        match self.graph.value(value).shape {
            Shape::Image { height, width, channels } => ImageShape { height, width, channels },
            Shape::Vector { length } => ImageShape { height: 1, width: 1, channels: length },
        }
    }

    fn quantization(&self, value: ValueId) -> Option<ActivationQuantization> {
        self.graph.value(value).quantization
    }

    /// Where `value` is found as `number`, converting it first where it is not.
    fn read(&mut self, value: ValueId, number: Number) -> Operand {
        if let Some(operand) = self.homes.get(&(value, number)) {
            return *operand;
        }
        let (from, kernel) = match (number, self.quantization(value)) {
            (Number::I8, Some(ActivationQuantization { scale, zero_point })) => {
                (Number::F32, Kernel::Quantize { scale, zero_point })
            }
            (Number::F32, Some(ActivationQuantization { scale, zero_point })) => {
                (Number::I8, Kernel::Dequantize { scale, zero_point })
            }
            (_, None) => {
                unreachable!("a value without quantization is only ever read as f32, which it is written as")
            }
        };
        let source = self.homes[&(value, from)];
        let output = self.activation(number, source.len);
        self.homes.insert((value, number), output);
        let node = self.graph.value(value).name.clone();
        self.push_step(Step { node, kernel, inputs: vec![source], output, value: None });
        output
    }

    fn push(&mut self, block: &Block<'_>, kernel: Kernel, inputs: Vec<Operand>, number: Number) {
        let output = self.activation(number, self.graph.value(block.output).shape.len());
        self.homes.insert((block.output, number), output);
        let node = block.node.name.clone();
        self.push_step(Step { node, kernel, inputs, output, value: Some(block.output) });
    }

    fn push_step(&mut self, step: Step) {
        let number = self.steps.len() + 1;
        self.activations[step.output.buffer].1.written = number;
        self.activations[step.output.buffer].1.last_read = number;
        for input in &step.inputs {
            self.activations[input.buffer].1.last_read = number;
        }
        self.steps.push(step);
    }

    fn activation(&mut self, number: Number, len: usize) -> Operand {
        self.activations.push((number, Lifetime { len, written: 0, last_read: 0 }));
        Operand { number, buffer: self.activations.len() - 1, len }
    }

    /// Replaces activation numbers by buffers.
    fn finish(mut self, input: Operand, output: Operand) -> Plan {
        self.activations[output.buffer].1.last_read = self.steps.len() + 1;
        let mut buffers = vec![0; self.activations.len()];
        for number in [Number::F32, Number::I8] {
            let mut chosen: Vec<usize> =
                (0..self.activations.len()).filter(|&idx| self.activations[idx].0 == number).collect();
            chosen.sort_by_key(|&idx| self.activations[idx].1.written);
            let lifetimes: Vec<Lifetime> = chosen.iter().map(|&idx| self.activations[idx].1).collect();
            let assignment = assign(&lifetimes);
            for (idx, buffer) in chosen.into_iter().zip(assignment.buffers) {
                buffers[idx] = buffer;
            }
            match number {
                Number::F32 => self.sizes.f32 = assignment.sizes,
                Number::I8 => self.sizes.i8 = assignment.sizes,
            }
        }
        let place = |operand: Operand| Operand { buffer: buffers[operand.buffer], ..operand };
        for step in &mut self.steps {
            step.output = place(step.output);
            for input in &mut step.inputs {
                *input = place(*input);
            }
        }
        Plan {
            steps: self.steps,
            buffers: self.sizes,
            input: place(input),
            input_value: self.graph.input,
            output: place(output),
        }
    }
}

enum DepthwiseOrDense {
    Depthwise(Vec<f32>),
    Dense(PackedWeightsF32),
}

/// A convolution's sizes in the kernels' terms.
#[derive(Clone, Copy)]
struct Geometry {
    image: ImageShape,
    window: Window,
    out_channels: usize,
    /// Output pixels where the convolution is pointwise: those of the input.
    pixels: usize,
}

impl Geometry {
    fn new(image: ImageShape, conv: &Conv2d) -> Self {
        let graph::Padding { top, left, bottom, right } = conv.padding;
        let padding = Padding { top, left, bottom, right };
        let window = Window { kernel: conv.kernel(), stride: conv.stride, padding };
        Self { image, window, out_channels: conv.weight.out_channels(), pixels: image.height * image.width }
    }

    fn is_pointwise(&self) -> bool {
        let Window { kernel, stride, padding } = self.window;
        kernel == [1, 1] && stride == [1, 1] && padding == Padding::default()
    }
}

fn kernel_error(block: &Block<'_>) -> impl Fn(KernelError) -> EngineError {
    let node = block.node.name.clone();
    move |source| EngineError::Kernel { node: node.clone(), source }
}

fn clamp(clip: Clip) -> Clamp {
    Clamp { min: clip.min, max: clip.max }
}

/// A batch norm that could not be folded, as a depthwise 1x1 convolution.
fn per_channel_conv(norm: &BatchNorm) -> Conv2d {
    let BatchNorm { gamma, beta, mean, variance, epsilon } = norm;
    let gains: Vec<f32> =
        gamma.iter().zip(variance).map(|(gamma, variance)| gamma / (variance + epsilon).sqrt()).collect();
    let bias = beta.iter().zip(mean).zip(&gains).map(|((beta, mean), gain)| beta - mean * gain).collect();
    Conv2d {
        weight: Weight::f32(vec![gains.len(), 1, 1, 1], gains),
        bias: Some(bias),
        stride: [1, 1],
        padding: graph::Padding::default(),
        groups: gamma.len(),
    }
}

/// `oihw` to `ohwi`.
fn channels_innermost<T: Copy>(weights: &[T], shape: &[usize]) -> Vec<T> {
    let (in_channels, taps) = (shape[1], shape[2] * shape[3]);
    let channel =
        |filter: &[T], tap: usize| (0..in_channels).map(|c| filter[c * taps + tap]).collect::<Vec<_>>();
    weights
        .chunks_exact(in_channels * taps)
        .flat_map(|filter| (0..taps).flat_map(move |tap| channel(filter, tap)))
        .collect()
}

/// `[channels, 1, h, w]` to `[h * w, channels]`.
fn taps_outermost<T: Copy>(weights: &[T], channels: usize) -> Vec<T> {
    let taps = weights.len() / channels;
    (0..taps).flat_map(|tap| (0..channels).map(move |channel| weights[channel * taps + tap])).collect()
}

/// `s_x * s_w` for each output channel: what one step of its accumulator is worth.
fn accumulator_scales(input: ActivationQuantization, scales: &[f32], out_channels: usize) -> Vec<f64> {
    (0..out_channels).map(|o| f64::from(input.scale) * f64::from(scales[o % scales.len()])).collect()
}

fn quantized_bias(block: &Block<'_>, bias: Option<&[f32]>, scales: &[f64]) -> Result<Vec<i32>, EngineError> {
    let Some(bias) = bias else { return Ok(vec![0; scales.len()]) };
    bias.iter()
        .zip(scales)
        .map(|(&bias, &scale)| {
            let level = (f64::from(bias) / scale).round_ties_even();
            let fits = level.abs() <= f64::from(i32::MAX / 2);
            fits.then_some(level as i32).ok_or_else(|| EngineError::BiasRange {
                node: block.node.name.clone(),
                bias,
                scale,
            })
        })
        .collect()
}

fn requantization(
    accumulator_scales: &[f64],
    output: ActivationQuantization,
    clip: Clip,
) -> Result<Requantization, KernelError> {
    let multipliers: Vec<f64> =
        accumulator_scales.iter().map(|scale| scale / f64::from(output.scale)).collect();
    let (min, max) = quantized_bounds(clip, output);
    Requantization::new(&multipliers, output.zero_point, min, max)
}

/// The clip's bounds as levels of `output`.
fn quantized_bounds(clip: Clip, output: ActivationQuantization) -> (i8, i8) {
    let level = |real: f32| {
        let level =
            (f64::from(real) / f64::from(output.scale)).round_ties_even() + f64::from(output.zero_point);
        level.clamp(-128.0, 127.0) as i8
    };
    (level(clip.min), level(clip.max))
}
