//! Turns a graph into a plan and runs it.
//!
//! A [`Plan`] is what the engine makes of a [`graph::Graph`]: batch norms folded, activations fused, weights packed
//! for the kernels, every activation assigned to a buffer. It is never written to a file. An [`Executor`] owns the
//! buffers and runs one picture at a time without allocating.
//!
//! Read `lower.rs` to see how an operator becomes a kernel call, `run.rs` for the calls themselves, `fuse.rs` and
//! `memory.rs` for what happens before and after, `sparsity.rs` for which layers leave out their zeros, `storage.rs` for
//! what weights stay in
//! memory, `part.rs` to run a network layer by layer.

mod error;
mod fuse;
mod lower;
mod memory;
mod part;
mod plan;
mod run;
mod sparsity;
mod storage;
#[cfg(test)]
mod tests;

pub use error::EngineError;
pub use fuse::Fusion;
pub use part::{Activation, Part};
pub use plan::{Layer, MultiplyAdds, Plan};
pub use run::Executor;
