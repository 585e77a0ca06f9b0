//! rten behind the benchmark page's functions.

use abi::Peer;
use rten::{Model, ModelOptions, ValueOrView};
use rten_tensor::{NdTensorView, Tensor};

struct Rten {
    model: Model,
    shape: [usize; 4],
}

impl Peer for Rten {
    const VERSION: &str = "0.27.0";

    fn load(model: Vec<u8>, shape: [usize; 4]) -> Result<Self, String> {
        let model = ModelOptions::with_all_ops().load(model).map_err(|it| it.to_string())?;
        Ok(Self { model, shape })
    }

    fn run(&mut self, picture: &[f32], output: &mut Vec<f32>) -> Result<(), String> {
        let view = NdTensorView::from_data(self.shape, picture);
        let answer: Tensor<f32> = self
            .model
            .run_one(ValueOrView::from(view.as_dyn()), None)
            .map_err(|it| it.to_string())?
            .try_into()
            .map_err(|_| "the output is not float32".to_owned())?;
        *output = answer.into_data();
        Ok(())
    }
}

abi::exports!(Rten);
