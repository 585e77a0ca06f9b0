//! Pointwise convolutions that run together with the depthwise ones on their outputs.

use std::mem;

use kernels::{Layout, expand_depthwise_i8_scratch_len, expand_depthwise_scratch_len};

use super::{Lowering, POINTWISE};
use crate::plan::{Kernel, Operand, Step};

impl Lowering<'_> {
    /// Runs a pointwise convolution with the depthwise one on its output where nothing else reads that.
    pub(super) fn fuse_expansions(&mut self, output: Operand) {
        let mut reads = vec![0; self.activations.len()];
        reads[output.buffer] += 1;
        for input in self.steps.iter().flat_map(|step| &step.inputs) {
            reads[input.buffer] += 1;
        }
        let mut fused: Vec<Step> = Vec::with_capacity(self.steps.len());
        for step in mem::take(&mut self.steps) {
            let expands = fused.last().is_some_and(|before| {
                before.inputs.len() == 1
                    && before.inputs[0].layout == Layout::Blocked
                    && step.inputs == [before.output]
                    && reads[before.output.buffer] == 1
            });
            match fused.pop_if(|_| expands) {
                None => fused.push(step),
                Some(before) => fused.extend(self.expanded(before, step)),
            }
        }
        self.steps = fused;
    }

    /// Both steps as one, or both as they are when they are not a pointwise and a depthwise convolution.
    fn expanded(&mut self, before: Step, step: Step) -> Vec<Step> {
        let image = before.inputs[0].image;
        let kernel = match (before.kernel, step.kernel) {
            (
                Kernel::ConvF32 { window: pointwise, weights: expansion, clamp: expansion_clamp },
                Kernel::DepthwiseF32 { window, weights, clamp },
            ) if pointwise == POINTWISE => {
                let scratch = expand_depthwise_scratch_len(image, &window);
                let scratch = scratch.saturating_add(expansion.unpacked_len());
                self.sizes.scratch_f32 = self.sizes.scratch_f32.max(scratch);
                Kernel::ExpandDepthwiseF32 { expansion, expansion_clamp, window, weights, clamp }
            }
            (
                Kernel::ConvI8 { window: pointwise, weights: expansion, requantization: first, .. },
                Kernel::DepthwiseI8 { window, zero_point, weights, requantization },
            ) if pointwise == POINTWISE => {
                let scratch = expand_depthwise_i8_scratch_len(image, &window, expansion.products());
                let scratch = scratch.with_weights(&expansion);
                self.sizes.scratch_integer = self.sizes.scratch_integer.max(scratch);
                let expansion_requantization = first;
                Kernel::ExpandDepthwiseI8 {
                    expansion,
                    expansion_requantization,
                    window,
                    zero_point,
                    weights,
                    requantization,
                }
            }
            (first, second) => {
                return vec![Step { kernel: first, ..before }, Step { kernel: second, ..step }];
            }
        };
        let node = format!("{} + {}", before.node, step.node);
        vec![Step { node, kernel, inputs: before.inputs, output: step.output, value: step.value }]
    }
}
