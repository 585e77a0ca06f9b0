//! tract behind the benchmark page's functions.

use std::sync::Arc;

use abi::Peer;
use tract_onnx::prelude::*;

struct Tract {
    model: Arc<TypedRunnableModel>,
    shape: [usize; 4],
}

impl Peer for Tract {
    const VERSION: &str = "0.23.9";

    fn load(model: Vec<u8>, shape: [usize; 4]) -> Result<Self, String> {
        let prepare = || -> TractResult<_> {
            tract_onnx::onnx()
                .model_for_read(&mut model.as_slice())?
                .with_input_fact(0, f32::fact(shape).into())?
                .into_optimized()?
                .into_runnable()
        };
        Ok(Self { model: prepare().map_err(|it| format!("{it:#}"))?, shape })
    }

    fn run(&mut self, picture: &[f32], output: &mut Vec<f32>) -> Result<(), String> {
        let mut work = || -> TractResult<()> {
            let input = Tensor::from_shape(&self.shape, picture)?;
            let answer = self.model.run(tvec!(input.into()))?;
            output.clear();
            output.extend(answer[0].to_plain_array_view::<f32>()?.iter());
            Ok(())
        };
        work().map_err(|it| format!("{it:#}"))
    }
}

abi::exports!(Tract);
