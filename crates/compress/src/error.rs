use graph::GraphError;

/// Why a pass or a recipe is refused.
#[derive(Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum CompressError {
    /// A sparsity outside what a recipe may ask for.
    #[error("sparsity {0} is not within 0..={max}", max = crate::MAX_SPARSITY)]
    Sparsity(f64),
    /// A recipe of another version.
    #[error("recipe version {0}, expected {expected}", expected = crate::RECIPE_VERSION)]
    Version(u32),
    /// A parameter outside what a step takes.
    #[error("step {step} ({pass}): {name} {given}, expected {expected}")]
    Parameter {
        /// Position, from 1.
        step: usize,
        /// The step's pass.
        pass: &'static str,
        /// The parameter.
        name: &'static str,
        /// What it is.
        given: String,
        /// What it may be.
        expected: &'static str,
    },
    /// Text that is not a recipe.
    #[error("recipe at `{place}`: {detail}")]
    Json {
        /// The path to what is wrong.
        place: String,
        /// What is wrong with it.
        detail: String,
    },
    /// A recipe names a layer that the model does not have.
    #[error("the model has no layer `{0}`; `inspect` lists their names")]
    UnknownLayer(String),
    /// A step would undo what an earlier one achieved.
    #[error("step {step} ({pass}) comes after {earlier}, whose gain it would destroy; move it before")]
    Order {
        /// Position, from 1.
        step: usize,
        /// The step's pass.
        pass: &'static str,
        /// The earlier pass.
        earlier: &'static str,
    },
    /// A step starts from the original's weights and would undo an earlier one of its kind.
    #[error(
        "step {step} ({pass}) would undo step {earlier}, a {pass} too; join them, with `layers` for single layers"
    )]
    Repeated {
        /// Position, from 1.
        step: usize,
        /// The pass of both.
        pass: &'static str,
        /// Position of the earlier one, from 1.
        earlier: usize,
    },
    /// Batch norms are to be re-estimated and are folded by then.
    #[error("step {step} ({pass}) comes after {earlier}, which folds batch norms; move it before")]
    Folded {
        /// Position, from 1.
        step: usize,
        /// The step's pass.
        pass: &'static str,
        /// The earlier pass.
        earlier: &'static str,
    },
    /// Batch norms are to be re-estimated and there are none.
    #[error(
        "the model has no batch norms left to re-estimate, they are folded into its layers; `repair-statistics` does the same for those"
    )]
    NoBatchNorms,
    /// A value needs a range and no calibration frame gave one.
    #[error("value `{0}` was not observed on any calibration frame")]
    NoEvidence(String),
    /// A weight or range is NaN or infinite.
    #[error("`{0}` holds values that are not finite")]
    NotFinite(String),
    /// A layer whose moments would not fit memory.
    #[error(
        "layer `{layer}` has {n_inputs} inputs for each output, reconstruction takes up to {most}; the repair `biases` has no such bound",
        most = crate::reconstruct::MAX_INPUTS
    )]
    TooManyInputs {
        /// The layer's node.
        layer: String,
        /// Inputs for each output.
        n_inputs: usize,
    },
    /// What the reconstruction of a layer was given does not fit together; says what was expected.
    #[error("reconstruction of a layer: {0}")]
    Reconstruct(String),
    /// The graph that a pass made does not hold together; a defect of the pass.
    #[error(transparent)]
    Graph(#[from] GraphError),
}
