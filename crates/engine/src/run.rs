//! Runs a plan.

use std::mem;

use graph::{ActivationQuantization, Clip, ValueId};
use kernels::{
    Aligned, Clamp, Expansion, IntegerScratch, KernelError, UpperBound, add_f32, add_i8, clamp_f32, concat,
    conv2d_f32, conv2d_i8, depthwise_f32, depthwise_i8, dequantize_i8, expand_depthwise_f32,
    expand_depthwise_i8, from_blocks, global_average_pool_f32, global_average_pool_i8, linear_f32, linear_i8,
    linear_i8_f32, max_pool_f32, max_pool_i8, pointwise_sparse_f32, quantize_i8, softmax_f32, to_blocks,
    zeros,
};

use crate::EngineError;
use crate::part::{Numbers, levels_to_nhwc};
use crate::plan::{Kernel, Number, Operand, Plan, Step};

/// A plan with its buffers. One picture at a time; no allocation after construction.
#[derive(Debug)]
pub struct Executor {
    plan: Plan,
    f32: Vec<Aligned<f32>>,
    levels: Vec<Aligned<u8>>,
    scratch: Scratch,
}

/// All activations between two steps.
#[derive(Clone, Copy)]
struct Buffers<'a> {
    f32: &'a [Aligned<f32>],
    levels: &'a [Aligned<u8>],
}

#[derive(Debug)]
struct Scratch {
    f32: Aligned<f32>,
    levels: Aligned<u8>,
    integer: IntegerScratch,
}

impl Executor {
    /// Allocates the plan's buffers.
    pub fn new(plan: Plan) -> Self {
        let sizes = &plan.buffers;
        Self {
            f32: sizes.f32.iter().map(|&len| zeros(len)).collect(),
            levels: sizes.levels.iter().map(|&len| zeros(len)).collect(),
            scratch: Scratch {
                f32: zeros(sizes.scratch_f32),
                levels: zeros(sizes.scratch_levels),
                integer: IntegerScratch::new(sizes.scratch_integer),
            },
            plan,
        }
    }

    /// The plan that runs.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Runs one picture (`nhwc`, normalised) and gives the network's output.
    ///
    /// # Errors
    /// [`EngineError::Input`] for a wrong length; [`EngineError::Kernel`] would be a defect of the plan.
    pub fn run(&mut self, input: &[f32]) -> Result<&[f32], EngineError> {
        self.run_steps(input, |_, _, _| Ok(()))
    }

    /// Like [`Executor::run`], and shows every float32 activation (`nhwc`) as it is complete, the input first. The ids
    /// are those of the graph with folded batch norms, unless the plan keeps every node separate. Levels are not shown.
    ///
    /// # Errors
    /// As [`Executor::run`].
    pub fn run_observed(
        &mut self,
        input: &[f32],
        observe: &mut dyn FnMut(ValueId, &[f32]),
    ) -> Result<&[f32], EngineError> {
        if input.len() == self.plan.input_len() {
            observe(self.plan.input_value, input);
        }
        let mut plain = Vec::new();
        self.run_steps(input, |_, step, buffers| {
            if let (Some(value), Number::F32) = (step.value, step.output.number) {
                plain.resize(step.output.image.len(), 0.0);
                from_blocks(read(buffers.f32, step.output), step.output.image, &mut plain)?;
                observe(value, &plain);
            }
            Ok(())
        })
    }

    /// Like [`Executor::run`], and shows some activations (`nhwc`) as real numbers, each as soon as it is complete, levels
    /// too. What the plan never stores, as between layers that run as one, is not shown.
    ///
    /// - `wanted`: ids in the graph with folded batch norms, and the quantization that the graph gives each.
    ///
    /// # Errors
    /// As [`Executor::run`].
    pub fn run_showing(
        &mut self,
        input: &[f32],
        wanted: &[(ValueId, Option<ActivationQuantization>)],
        observe: &mut dyn FnMut(ValueId, &[f32]),
    ) -> Result<&[f32], EngineError> {
        let mut plain = Vec::new();
        self.run_steps(input, |_, step, buffers| {
            let Some((value, grid)) = wanted.iter().find(|(value, _)| step.value == Some(*value)) else {
                return Ok(());
            };
            let output = step.output;
            plain.resize(output.image.len(), 0.0);
            match (output.number, grid) {
                (Number::F32, _) => from_blocks(read(buffers.f32, output), output.image, &mut plain)?,
                (Number::Level, Some(grid)) => {
                    levels_to_nhwc(read(buffers.levels, output), *grid, output.image, &mut plain)?;
                }
                (Number::Level, None) => return Ok(()),
            }
            observe(*value, &plain);
            Ok(())
        })
    }

    /// Like [`Executor::run`], and adds the time of each step to `millis`, one entry for each of the plan's
    /// [`Plan::layers`]; `now` is a clock in milliseconds.
    ///
    /// # Errors
    /// As [`Executor::run`].
    pub fn run_timed(
        &mut self,
        input: &[f32],
        now: &dyn Fn() -> f64,
        millis: &mut [f64],
    ) -> Result<&[f32], EngineError> {
        let mut last = now();
        self.run_steps(input, |index, _, _| {
            let end = now();
            if let Some(sum) = millis.get_mut(index) {
                *sum += end - last;
            }
            last = end;
            Ok(())
        })
    }

    /// Runs a plan that reads and writes activations.
    ///
    /// # Errors
    /// As [`Executor::run`].
    pub(crate) fn run_activation(&mut self, input: &Numbers) -> Result<Numbers, EngineError> {
        let Operand { number, buffer, .. } = self.plan.input;
        let expected = self.plan.input.stored_len();
        match (number, input) {
            (Number::F32, Numbers::F32(input)) if input.len() == expected => {
                self.f32[buffer][..expected].copy_from_slice(input);
            }
            (Number::Level, Numbers::Levels(input)) if input.len() == expected => {
                self.levels[buffer][..expected].copy_from_slice(input);
            }
            (_, Numbers::F32(input)) => return Err(EngineError::Input { expected, actual: input.len() }),
            (_, Numbers::Levels(input)) => return Err(EngineError::Input { expected, actual: input.len() }),
        }
        self.steps(|_, _, _| Ok(()))?;
        let output = self.plan.output;
        Ok(match output.number {
            Number::F32 => Numbers::F32(Aligned::from_slice(64, read(&self.f32, output))),
            Number::Level => Numbers::Levels(Aligned::from_slice(64, read(&self.levels, output))),
        })
    }

    /// Runs all steps; `after` sees each with its number and the buffers.
    fn run_steps(
        &mut self,
        input: &[f32],
        after: impl FnMut(usize, &Step, Buffers<'_>) -> Result<(), KernelError>,
    ) -> Result<&[f32], EngineError> {
        let expected = self.plan.input_len();
        if input.len() != expected {
            return Err(EngineError::Input { expected, actual: input.len() });
        }
        self.f32[self.plan.input.buffer][..expected].copy_from_slice(input);
        self.steps(after)?;
        let output = self.plan.output;
        Ok(&read(&self.f32, output)[..output.image.len()])
    }

    fn steps(
        &mut self,
        mut after: impl FnMut(usize, &Step, Buffers<'_>) -> Result<(), KernelError>,
    ) -> Result<(), EngineError> {
        for (index, step) in self.plan.steps.iter().enumerate() {
            run_step(step, &mut self.f32, &mut self.levels, &mut self.scratch)
                .and_then(|()| after(index, step, Buffers { f32: &self.f32, levels: &self.levels }))
                .map_err(|source| EngineError::Kernel { node: step.node.clone(), source })?;
        }
        Ok(())
    }
}

/// The output's buffer is taken out while the step runs, so that inputs can be read beside it. The memory plan gives an
/// input the output's buffer only where [`Kernel::works_in_place`], and only the first.
fn run_step(
    step: &Step,
    f32: &mut [Aligned<f32>],
    levels: &mut [Aligned<u8>],
    scratch: &mut Scratch,
) -> Result<(), KernelError> {
    let Operand { number, buffer, .. } = step.output;
    let len = step.output.stored_len();
    match number {
        Number::F32 => {
            let mut output = mem::replace(&mut f32[buffer], Aligned::new(0));
            let result = run_to_f32(step, f32, levels, scratch, &mut output[..len]);
            f32[buffer] = output;
            result
        }
        Number::Level => {
            let mut output = mem::replace(&mut levels[buffer], Aligned::new(0));
            let result = run_to_levels(step, f32, levels, scratch, &mut output[..len]);
            levels[buffer] = output;
            result
        }
    }
}

fn run_to_f32(
    step: &Step,
    f32: &[Aligned<f32>],
    levels: &[Aligned<u8>],
    scratch: &mut Scratch,
    output: &mut [f32],
) -> Result<(), KernelError> {
    let input = step.inputs[0];
    let image = input.image;
    let second = step.inputs.get(1).map(|operand| read(f32, *operand));
    match &step.kernel {
        Kernel::ToBlocks => to_blocks(read(f32, input), image, output),
        Kernel::FromBlocks => from_blocks(read(f32, input), image, output),
        Kernel::Dequantize { scale, zero_point } => {
            dequantize_i8(read(levels, input), *scale, *zero_point, output)
        }
        Kernel::LinearF32 { weights } => {
            let input = &read(f32, input)[..image.len()];
            linear_f32(input, weights, Clamp::NONE, &mut scratch.f32, output)
        }
        Kernel::ConvF32 { window, weights, clamp } => {
            let scratch = &mut scratch.f32;
            conv2d_f32(
                read(f32, input),
                input.layout,
                image,
                window,
                weights,
                second,
                clamp_of(clamp),
                scratch,
                output,
            )
        }
        Kernel::SparseConvF32 { weights, clamp } => {
            let scratch = &mut scratch.f32;
            pointwise_sparse_f32(read(f32, input), image, weights, second, clamp_of(clamp), scratch, output)
        }
        Kernel::DepthwiseF32 { window, weights, clamp } => {
            depthwise_f32(read(f32, input), image, window, weights, clamp_of(clamp), &mut scratch.f32, output)
        }
        Kernel::ExpandDepthwiseF32 { expansion, expansion_clamp, window, weights, clamp } => {
            expand_depthwise_f32(
                read(f32, input),
                image,
                expansion,
                clamp_of(expansion_clamp),
                window,
                weights,
                clamp_of(clamp),
                &mut scratch.f32,
                output,
            )
        }
        Kernel::AddF32 { clamp } => {
            take_over(f32, step, output);
            add_f32(output, second.unwrap_or_default(), clamp_of(clamp))
        }
        Kernel::ClampF32 { clamp } => {
            take_over(f32, step, output);
            clamp_f32(output, clamp_of(clamp))
        }
        Kernel::Concat => join(step, f32, output),
        Kernel::MaxPool { window } => max_pool_f32(read(f32, input), image, window, output),
        Kernel::PoolF32 => global_average_pool_f32(read(f32, input), image, output),
        Kernel::Softmax => {
            take_over(f32, step, output);
            softmax_f32(&mut output[..image.len()]);
            Ok(())
        }
        Kernel::LinearI8F32 { weights, scales } => {
            let input = &read(levels, input)[..image.len()];
            linear_i8_f32(input, weights, scales, &mut scratch.integer, output)
        }
        Kernel::Quantize { .. }
        | Kernel::LinearI8 { .. }
        | Kernel::ConvI8 { .. }
        | Kernel::DepthwiseI8 { .. }
        | Kernel::ExpandDepthwiseI8 { .. }
        | Kernel::AddI8 { .. }
        | Kernel::PoolI8 { .. } => unreachable!("lowering gives this kernel an output of levels"),
    }
}

fn run_to_levels(
    step: &Step,
    f32: &[Aligned<f32>],
    levels: &[Aligned<u8>],
    scratch: &mut Scratch,
    output: &mut [u8],
) -> Result<(), KernelError> {
    let input = step.inputs[0];
    let image = input.image;
    match &step.kernel {
        Kernel::ToBlocks => to_blocks(read(levels, input), image, output),
        Kernel::Quantize { scale, zero_point } => quantize_i8(read(f32, input), *scale, *zero_point, output),
        Kernel::LinearI8 { weights, requantization } => {
            let input = &read(levels, input)[..image.len()];
            linear_i8(input, weights, requantization, &mut scratch.integer, output)
        }
        Kernel::ConvI8 { window, zero_point, weights, requantization } => conv2d_i8(
            read(levels, input),
            input.layout,
            image,
            window,
            *zero_point,
            weights,
            requantization,
            &mut scratch.integer,
            output,
        ),
        Kernel::DepthwiseI8 { window, zero_point, weights, requantization } => depthwise_i8(
            read(levels, input),
            image,
            window,
            *zero_point,
            weights,
            requantization,
            &mut scratch.levels,
            output,
        ),
        Kernel::ExpandDepthwiseI8 {
            expansion,
            expansion_requantization,
            window,
            zero_point,
            weights,
            requantization,
        } => {
            let expansion = Expansion { weights: expansion, requantization: expansion_requantization };
            expand_depthwise_i8(
                read(levels, input),
                image,
                expansion,
                window,
                *zero_point,
                weights,
                requantization,
                &mut scratch.integer,
                output,
            )
        }
        Kernel::AddI8 { requantization } => {
            let second = step.inputs.get(1).map(|operand| read(levels, *operand)).unwrap_or_default();
            take_over(levels, step, output);
            add_i8(output, second, requantization)
        }
        Kernel::Concat => join(step, levels, output),
        Kernel::MaxPool { window } => max_pool_i8(read(levels, input), image, window, output),
        Kernel::PoolI8 { zero_point, requantization } => {
            global_average_pool_i8(read(levels, input), image, *zero_point, requantization, output)
        }
        Kernel::FromBlocks
        | Kernel::Dequantize { .. }
        | Kernel::LinearF32 { .. }
        | Kernel::ConvF32 { .. }
        | Kernel::SparseConvF32 { .. }
        | Kernel::DepthwiseF32 { .. }
        | Kernel::ExpandDepthwiseF32 { .. }
        | Kernel::AddF32 { .. }
        | Kernel::ClampF32 { .. }
        | Kernel::PoolF32
        | Kernel::Softmax
        | Kernel::LinearI8F32 { .. } => unreachable!("lowering gives this kernel a float32 output"),
    }
}

/// Copies all inputs' channels beside each other.
fn join<T: Copy + Default>(step: &Step, buffers: &[Aligned<T>], output: &mut [T]) -> Result<(), KernelError> {
    let mut first = 0;
    for input in &step.inputs {
        concat(read(buffers, *input), input.image, first, step.output.image, output)?;
        first += input.image.channels;
    }
    Ok(())
}

/// Gives a kernel that works in place its first input, unless it lies there already.
fn take_over<T: Copy>(buffers: &[Aligned<T>], step: &Step, output: &mut [T]) {
    let input = step.inputs[0];
    if input.buffer != step.output.buffer {
        output.copy_from_slice(read(buffers, input));
    }
}

/// A plan's clip, whose bounds are in whole blocks.
fn clamp_of(clip: &Clip) -> Clamp<'_> {
    let max = match &clip.max {
        graph::UpperBound::Uniform(max) => UpperBound::Uniform(*max),
        graph::UpperBound::PerChannel(max) => UpperBound::PerChannel(max),
    };
    Clamp { min: clip.min, max }
}

fn read<T>(buffers: &[Aligned<T>], operand: Operand) -> &[T] {
    &buffers[operand.buffer][..operand.stored_len()]
}
