//! Which activation lies in which buffer.

use super::Lowering;
use crate::memory::{Lifetime, assign};
use crate::plan::{Number, Operand, Plan};

impl Lowering<'_> {
    /// Replaces activation numbers by buffers.
    pub(super) fn finish(mut self, input: Operand, output: Operand) -> Plan {
        let mut used = vec![false; self.activations.len()];
        used[input.buffer] = true;
        for (number, step) in (1..).zip(&self.steps) {
            let written = &mut self.activations[step.output.buffer].1;
            (written.written, written.last_read) = (number, number);
            used[step.output.buffer] = true;
            for input in &step.inputs {
                self.activations[input.buffer].1.last_read = number;
            }
        }
        self.activations[output.buffer].1.last_read = self.steps.len() + 1;
        for (number, step) in (1..).zip(&mut self.steps) {
            let is_read_later = |operand: &Operand| self.activations[operand.buffer].1.last_read > number;
            if let [first, second] = step.inputs.as_slice()
                && step.kernel.works_in_place()
                && is_read_later(first)
                && !is_read_later(second)
            {
                step.swap_summands();
            }
            // A second input that is the same must not change while it is read.
            let [first, others @ ..] = step.inputs.as_slice() else { continue };
            if step.kernel.works_in_place() && !others.contains(first) {
                self.activations[step.output.buffer].1.over = Some(first.buffer);
            }
        }
        let mut buffers = vec![0; self.activations.len()];
        for number in [Number::F32, Number::Level] {
            let mut chosen: Vec<usize> = (0..self.activations.len())
                .filter(|&idx| used[idx] && self.activations[idx].0 == number)
                .collect();
            chosen.sort_by_key(|&idx| self.activations[idx].1.written);
            let lifetimes: Vec<Lifetime> = chosen
                .iter()
                .map(|&idx| {
                    let lifetime = self.activations[idx].1;
                    let over = lifetime.over.and_then(|over| chosen.iter().position(|&idx| idx == over));
                    Lifetime { over, ..lifetime }
                })
                .collect();
            let assignment = assign(&lifetimes);
            for (idx, buffer) in chosen.into_iter().zip(assignment.buffers) {
                buffers[idx] = buffer;
            }
            match number {
                Number::F32 => self.sizes.f32 = assignment.sizes,
                Number::Level => self.sizes.levels = assignment.sizes,
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
