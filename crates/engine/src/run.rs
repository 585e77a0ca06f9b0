//! Runs a plan.

use std::mem;

use graph::ValueId;
use kernels::{
    KernelError, add_f32, add_i8, clamp_f32, conv2d_f32, conv2d_i8, depthwise_f32, depthwise_i8,
    dequantize_i8, gemm_f32, gemm_i8, gemm_i8_f32, global_average_pool_f32, global_average_pool_i8,
    quantize_i8, softmax_f32,
};

use crate::EngineError;
use crate::plan::{Kernel, Number, Operand, Plan, Step};

/// A plan with its buffers. One picture at a time; no allocation after construction.
#[derive(Debug)]
pub struct Executor {
    plan: Plan,
    f32: Vec<Vec<f32>>,
    i8: Vec<Vec<i8>>,
    scratch: Scratch,
}

#[derive(Debug)]
struct Scratch {
    f32: Vec<f32>,
    i8: Vec<i8>,
    i16: Vec<i16>,
}

impl Executor {
    /// Allocates the plan's buffers.
    pub fn new(plan: Plan) -> Self {
        let sizes = &plan.buffers;
        Self {
            f32: sizes.f32.iter().map(|&len| vec![0.0; len]).collect(),
            i8: sizes.i8.iter().map(|&len| vec![0; len]).collect(),
            scratch: Scratch {
                f32: vec![0.0; sizes.scratch_f32],
                i8: vec![0; sizes.scratch_i8],
                i16: vec![0; sizes.scratch_i16],
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
        self.run_observed(input, &mut |_, _| {})
    }

    /// Like [`Executor::run`], and shows every float32 activation as it is complete, the input first. The ids are
    /// those of the graph with folded batch norms. int8 activations are not shown.
    ///
    /// # Errors
    /// As [`Executor::run`].
    pub fn run_observed(
        &mut self,
        input: &[f32],
        observe: &mut dyn FnMut(ValueId, &[f32]),
    ) -> Result<&[f32], EngineError> {
        let Operand { buffer, len, .. } = self.plan.input;
        if input.len() != len {
            return Err(EngineError::Input { expected: len, actual: input.len() });
        }
        self.f32[buffer][..len].copy_from_slice(input);
        observe(self.plan.input_value, input);
        for step in &self.plan.steps {
            run_step(step, &mut self.f32, &mut self.i8, &mut self.scratch)
                .map_err(|source| EngineError::Kernel { node: step.node.clone(), source })?;
            if let (Some(value), Number::F32) = (step.value, step.output.number) {
                observe(value, read(&self.f32, step.output));
            }
        }
        Ok(read(&self.f32, self.plan.output))
    }
}

/// The output's buffer is taken out while the step runs, so that inputs can be read beside it; the memory plan never
/// gives an input the output's buffer.
fn run_step(
    step: &Step,
    f32: &mut [Vec<f32>],
    i8: &mut [Vec<i8>],
    scratch: &mut Scratch,
) -> Result<(), KernelError> {
    let Operand { number, buffer, len } = step.output;
    match number {
        Number::F32 => {
            let mut output = mem::take(&mut f32[buffer]);
            let result = run_to_f32(step, f32, i8, scratch, &mut output[..len]);
            f32[buffer] = output;
            result
        }
        Number::I8 => {
            let mut output = mem::take(&mut i8[buffer]);
            let result = run_to_i8(step, f32, i8, scratch, &mut output[..len]);
            i8[buffer] = output;
            result
        }
    }
}

fn run_to_f32(
    step: &Step,
    f32: &[Vec<f32>],
    i8: &[Vec<i8>],
    scratch: &mut Scratch,
    output: &mut [f32],
) -> Result<(), KernelError> {
    let input = step.inputs[0];
    let second = step.inputs.get(1).map(|operand| read(f32, *operand));
    match &step.kernel {
        Kernel::Dequantize { scale, zero_point } => {
            dequantize_i8(read(i8, input), *scale, *zero_point, output)
        }
        Kernel::GemmF32 { m, weights, bias, clamp } => {
            gemm_f32(*m, read(f32, input), weights, bias, second, *clamp, output)
        }
        Kernel::ConvF32 { image, window, weights, bias, clamp } => {
            let scratch = &mut scratch.f32;
            conv2d_f32(read(f32, input), *image, window, weights, bias, second, *clamp, scratch, output)
        }
        Kernel::DepthwiseF32 { image, window, weights, bias, clamp } => {
            depthwise_f32(read(f32, input), *image, window, weights, bias, *clamp, output)
        }
        Kernel::AddF32 { clamp } => add_f32(read(f32, input), second.unwrap_or_default(), *clamp, output),
        Kernel::ClampF32 { clamp } => clamp_f32(read(f32, input), *clamp, output),
        Kernel::PoolF32 { image } => global_average_pool_f32(read(f32, input), *image, output),
        Kernel::Softmax => softmax_f32(read(f32, input), output),
        Kernel::GemmI8F32 { weights, bias, scales } => {
            gemm_i8_f32(1, read(i8, input), weights, bias, scales, &mut scratch.i16, output)
        }
        Kernel::Quantize { .. }
        | Kernel::GemmI8 { .. }
        | Kernel::ConvI8 { .. }
        | Kernel::DepthwiseI8 { .. }
        | Kernel::AddI8 { .. }
        | Kernel::PoolI8 { .. } => unreachable!("lowering gives this kernel an int8 output"),
    }
}

fn run_to_i8(
    step: &Step,
    f32: &[Vec<f32>],
    i8: &[Vec<i8>],
    scratch: &mut Scratch,
    output: &mut [i8],
) -> Result<(), KernelError> {
    let input = step.inputs[0];
    match &step.kernel {
        Kernel::Quantize { scale, zero_point } => quantize_i8(read(f32, input), *scale, *zero_point, output),
        Kernel::GemmI8 { m, weights, bias, requantization } => {
            gemm_i8(*m, read(i8, input), weights, bias, requantization, &mut scratch.i16, output)
        }
        Kernel::ConvI8 { image, window, zero_point, weights, bias, requantization } => {
            let Scratch { i8: columns, i16: rows, .. } = scratch;
            let input = read(i8, input);
            conv2d_i8(
                input,
                *image,
                window,
                *zero_point,
                weights,
                bias,
                requantization,
                columns,
                rows,
                output,
            )
        }
        Kernel::DepthwiseI8 { image, window, zero_point, weights, bias, requantization } => {
            depthwise_i8(read(i8, input), *image, window, *zero_point, weights, bias, requantization, output)
        }
        Kernel::AddI8 { requantization } => {
            let second = step.inputs.get(1).map(|operand| read(i8, *operand)).unwrap_or_default();
            add_i8(read(i8, input), second, requantization, output)
        }
        Kernel::PoolI8 { image, zero_point, requantization } => {
            global_average_pool_i8(read(i8, input), *image, *zero_point, requantization, output)
        }
        Kernel::Dequantize { .. }
        | Kernel::GemmF32 { .. }
        | Kernel::ConvF32 { .. }
        | Kernel::DepthwiseF32 { .. }
        | Kernel::AddF32 { .. }
        | Kernel::ClampF32 { .. }
        | Kernel::PoolF32 { .. }
        | Kernel::Softmax
        | Kernel::GemmI8F32 { .. } => unreachable!("lowering gives this kernel a float32 output"),
    }
}

fn read<T>(buffers: &[Vec<T>], operand: Operand) -> &[T] {
    &buffers[operand.buffer][..operand.len]
}
