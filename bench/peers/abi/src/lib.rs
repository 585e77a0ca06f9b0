//! What a peer's module exports, without bindings: addresses and lengths in its own memory.
//!
//! The page writes the model's bytes to `model_address(length)` and calls `load(channels, height, width)`; then it
//! writes the picture (f32, nchw) to `input_address()`, calls `run()`, and reads `output_length()` floats at
//! `output_address()`. `load`, `run` and `version` return 0, or 1 with a message at `message_address()`; `version`
//! leaves the version there. A peer implements [`Peer`] and calls [`exports!`].

/// One engine with one model.
pub trait Peer: Sized {
    /// The engine's version.
    const VERSION: &str;

    /// Prepares an ONNX model for pictures of `[1, channels, height, width]`.
    ///
    /// # Errors
    /// Whatever the engine says.
    fn load(model: Vec<u8>, shape: [usize; 4]) -> Result<Self, String>;

    /// Runs one picture and puts the model's only output into `output`.
    ///
    /// # Errors
    /// Whatever the engine says.
    fn run(&mut self, picture: &[f32], output: &mut Vec<f32>) -> Result<(), String>;
}

/// Everything that the page has put in or may read.
pub struct Session<P> {
    peer: Option<P>,
    model: Vec<u8>,
    input: Vec<f32>,
    output: Vec<f32>,
    message: String,
}

impl<P: Peer> Session<P> {
    /// Nothing loaded.
    pub const fn new() -> Self {
        Self { peer: None, model: Vec::new(), input: Vec::new(), output: Vec::new(), message: String::new() }
    }

    /// Where the model's bytes go.
    pub fn model_address(&mut self, length: usize) -> *mut u8 {
        self.model = vec![0; length];
        self.model.as_mut_ptr()
    }

    /// Loads the model that was written; its bytes are given away.
    pub fn load(&mut self, shape: [usize; 4]) -> u32 {
        self.input = vec![0.0; shape.iter().product()];
        let loaded = P::load(std::mem::take(&mut self.model), shape);
        let done = loaded.map(|peer| self.peer = Some(peer));
        self.status(done)
    }

    /// Runs the picture that was written.
    pub fn run(&mut self) -> u32 {
        let done = match &mut self.peer {
            Some(peer) => peer.run(&self.input, &mut self.output),
            None => Err("no model is loaded".to_owned()),
        };
        self.status(done)
    }

    /// Leaves the version as the message.
    pub fn version(&mut self) -> u32 {
        P::VERSION.clone_into(&mut self.message);
        0
    }

    /// Where the picture goes.
    pub fn input_address(&mut self) -> *mut f32 {
        self.input.as_mut_ptr()
    }

    /// The last output.
    pub fn output(&self) -> &[f32] {
        &self.output
    }

    /// The last message.
    pub fn message(&self) -> &str {
        &self.message
    }

    fn status(&mut self, done: Result<(), String>) -> u32 {
        match done {
            Ok(()) => 0,
            Err(message) => {
                self.message = message;
                1
            }
        }
    }
}

impl<P: Peer> Default for Session<P> {
    fn default() -> Self {
        Self::new()
    }
}

/// Exports the functions for one [`Peer`].
#[macro_export]
macro_rules! exports {
    ($peer:ty) => {
        thread_local! {
            static SESSION: std::cell::RefCell<$crate::Session<$peer>> =
                const { std::cell::RefCell::new($crate::Session::new()) };
        }

        $crate::exports! { @each
            model_address(length: usize) -> *mut u8 = |it| it.model_address(length);
            load(channels: usize, height: usize, width: usize) -> u32 = |it| it.load([1, channels, height, width]);
            version() -> u32 = |it| it.version();
            input_address() -> *mut f32 = |it| it.input_address();
            run() -> u32 = |it| it.run();
            output_address() -> *const f32 = |it| it.output().as_ptr();
            output_length() -> usize = |it| it.output().len();
            message_address() -> *const u8 = |it| it.message().as_ptr();
            message_length() -> usize = |it| it.message().len();
        }
    };
    (@each $($name:ident($($argument:ident: $type:ty),*) -> $result:ty = |$it:ident| $work:expr;)*) => {
        $(
            #[unsafe(no_mangle)]
            pub extern "C" fn $name($($argument: $type),*) -> $result {
                SESSION.with_borrow_mut(|$it| $work)
            }
        )*
    };
}
