//! What the engine uses of this browser, and what its kernels cost.

use serde::{Deserialize, Serialize};

/// The runtime badge's facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runtime {
    /// The engine's instruction set runs here (else the worker would not have started).
    pub simd128: bool,
    /// This browser has relaxed SIMD.
    pub relaxed_simd_available: bool,
    /// The engine uses relaxed SIMD.
    pub relaxed_simd_used: bool,
    /// The page is cross-origin isolated.
    pub isolated: bool,
    /// Logical processors the browser reports.
    pub hardware_threads: u32,
    /// Threads the engine uses.
    pub threads: u32,
    /// Why it uses one only.
    pub single_thread: Option<SingleThread>,
}

/// Why the engine uses one thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SingleThread {
    /// The address asks for one.
    Asked,
    /// The browser reports one processor.
    OneProcessor,
    /// The page is not cross-origin isolated, and only such pages may share memory.
    NotIsolated,
    /// This browser cannot share WebAssembly memory.
    NoSharedMemory,
    /// The engine with threads or its helper threads did not start, or not in time.
    HelpersFailed,
}

impl SingleThread {
    /// The variant of this name, as `static/worker.js` gives it.
    pub fn from_name(name: &str) -> Option<Self> {
        let all =
            [Self::Asked, Self::OneProcessor, Self::NotIsolated, Self::NoSharedMemory, Self::HelpersFailed];
        all.into_iter().find(|it| format!("{it:?}") == name)
    }
}

/// What one kernel call cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerTime {
    /// The node of the graph that it runs, or two joined by ` + `.
    pub node: String,
    /// The kernel.
    pub kernel: String,
    /// Whether it computes on integers.
    pub is_integer: bool,
    /// Multiply-adds.
    pub macs: u64,
    /// Bytes of its weights as the kernel holds them.
    pub weight_bytes: u64,
    /// Milliseconds.
    pub millis: f64,
    /// Milliseconds that one thread needs for the multiply-adds at least.
    pub ceiling_millis: f64,
}

impl LayerTime {
    /// The nodes that it runs, in their order.
    pub fn nodes(&self) -> impl Iterator<Item = &str> {
        self.node.split(" + ")
    }

    /// Whether it runs two nodes at once.
    pub fn is_joined(&self) -> bool {
        self.nodes().nth(1).is_some()
    }
}

/// Bytes that a model takes while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelMemory {
    /// Its weights as the kernels hold them.
    pub weights: u64,
    /// Its activations and scratch.
    pub arena: u64,
}

/// Bytes that the worker takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// For the original.
    pub original: ModelMemory,
    /// For the compressed model, where there is one.
    pub compressed: Option<ModelMemory>,
    /// The worker's whole memory, which never shrinks: both models, their graphs, pictures, and what reading and
    /// compressing needed at their peak.
    pub peak: u64,
}
