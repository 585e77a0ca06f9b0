use proptest::prelude::*;

use super::*;

/// Writes pickles as torch does.
#[derive(Clone, Default)]
struct Program(Vec<u8>);

impl Program {
    fn new() -> Self {
        Self(vec![0x80, 2])
    }

    fn op(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }

    fn text(self, text: &str) -> Self {
        self.op(b"X").op(&(text.len() as u32).to_le_bytes()).op(text.as_bytes())
    }

    fn int(self, number: i32) -> Self {
        self.op(b"J").op(&number.to_le_bytes())
    }

    fn tuple(self, numbers: &[i32]) -> Self {
        numbers.iter().fold(self.op(b"("), |program, &number| program.int(number)).op(b"t")
    }

    fn global(self, module: &str, name: &str) -> Self {
        self.op(format!("c{module}\n{name}\n").as_bytes())
    }

    fn storage(self, class: &str, key: &str, n: i32) -> Self {
        self.op(b"(").text("storage").global("torch", class).text(key).text("cpu").int(n).op(b"NtQ")
    }

    fn tensor(self, class: &str, key: &str, n: i32, offset: i32, shape: &[i32], strides: &[i32]) -> Self {
        self.global("torch._utils", "_rebuild_tensor_v2")
            .op(b"(")
            .storage(class, key, n)
            .int(offset)
            .tuple(shape)
            .tuple(strides)
            .op(b"\x89")
            .global("collections", "OrderedDict")
            .op(b")RtR")
    }

    fn stop(self) -> Vec<u8> {
        self.op(b".").0
    }
}

fn magic() -> Vec<u8> {
    let number = MAGIC.to_le_bytes();
    Program::new().op(&[0x8a, 10]).op(&number[..10]).stop()
}

fn system(little_endian: &[u8]) -> Vec<u8> {
    let program = Program::new().op(b"}q\x00(").text("protocol_version").op(b"M\xe9\x03");
    let program = program.text("little_endian").op(little_endian).text("type_sizes").op(b"}q\x01(");
    program.text("short").op(b"K\x02").text("int").op(b"K\x04uu").stop()
}

/// A file with this state, these storage keys and this data.
fn file(state: Vec<u8>, keys: &[&str], data: &[u8]) -> Vec<u8> {
    let keys =
        keys.iter().fold(Program::new().op(b"]q\x00("), |program, key| program.text(key)).op(b"e").stop();
    [magic(), Program::new().op(b"M\xe9\x03").stop(), system(b"\x88"), state, keys, data.to_vec()].concat()
}

fn floats(values: &[f32]) -> Vec<u8> {
    let count = (values.len() as u64).to_le_bytes();
    count.into_iter().chain(values.iter().flat_map(|x| x.to_le_bytes())).collect()
}

/// A transposed matrix, a vector that starts behind an offset, and a counter.
fn state() -> Program {
    Program::new()
        .global("collections", "OrderedDict")
        .op(b")Rq\x00(")
        .text("conv.weight")
        .tensor("FloatStorage", "11", 6, 0, &[2, 3], &[1, 2])
        .text("bias")
        .tensor("FloatStorage", "22", 4, 1, &[2], &[2])
        .text("num_batches_tracked")
        .tensor("LongStorage", "33", 1, 0, &[], &[])
        .op(b"u}q\x01")
        .text("_metadata")
        .op(b"h\x00sb")
}

fn data() -> Vec<u8> {
    let counter = [1_i64.to_le_bytes(), 77_i64.to_le_bytes()].concat();
    [floats(&[0.0, 1.0, 2.0, 3.0]), counter, floats(&[1.0, 4.0, 2.0, 5.0, 3.0, 6.0])].concat()
}

fn good() -> Vec<u8> {
    file(state().stop(), &["22", "33", "11"], &data())
}

fn message(bytes: &[u8]) -> String {
    read(bytes).unwrap_err().to_string()
}

#[test]
fn tensors_come_out_row_major() {
    let tensors = read(&good()).unwrap();
    assert_eq!(tensors.keys().collect::<Vec<_>>(), ["bias", "conv.weight"]);
    let weight = TorchTensor { shape: vec![2, 3], values: vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0] };
    assert_eq!(tensors["conv.weight"], weight);
    assert_eq!(tensors["bias"], TorchTensor { shape: vec![2], values: vec![1.0, 3.0] });
}

#[test]
fn an_axis_of_one_element_may_have_any_stride() {
    let state = Program::new().op(b"}(").text("w");
    let state = state.tensor("FloatStorage", "a", 2, 0, &[1, 2, 1], &[i32::MAX, 1, i32::MAX]).op(b"u").stop();
    assert_eq!(read(&file(state, &["a"], &floats(&[1.0, 2.0]))).unwrap()["w"].values, [1.0, 2.0]);
}

#[test]
fn every_other_name_and_opcode_is_refused() {
    let with_state = |state: Vec<u8>| message(&file(state, &[], &[]));
    let system = Program::new().global("os", "system").op(b"(").text("rm").op(b"tR").stop();
    let start = magic().len() + 6 + super::tests::system(b"\x88").len();
    assert!(
        with_state(system).contains(&format!("byte {}: the name os.system, accepted are", start + 2)),
        "{start}"
    );
    for (program, expected) in [
        (Program::new().op(b"\x93"), "opcode 0x93"),
        (Program::new().op(b"i"), "opcode 0x69 ('i')"),
        (Program::new().op(b"2"), "opcode 0x32 ('2')"),
        (Program::new().global("torch", "HalfStorage"), "torch.HalfStorage"),
        (Program::default().op(b"\x80\x04"), "pickle protocol 4"),
        (Program::new().global("collections", "OrderedDict").op(b"K\x00\x85R"), "a call that makes neither"),
        (Program::new().global("torch", "FloatStorage").op(b")R"), "a call that makes neither"),
        (Program::new().global("torch._utils", "_rebuild_tensor_v2").op(b")R"), "make no tensor"),
        (Program::new().op(b"NQ"), "no storage"),
        (Program::new().op(b"("), "more values than it has"),
        (Program::new().op(b"R"), "more values than it has"),
        (Program::new().op(b"N(\x85"), "more values than it has"),
        (Program::new().op(b"t"), "more values than it has"),
        (Program::new().op(b"q\x00"), "more values than it has"),
        (Program::new().op(b"NN"), "more than one value"),
        (Program::new().op(b"h\x05"), "memo 5 is read"),
        (Program::new().op(b"N(NNu"), "no container"),
        (Program::new().op(b"](NNu"), "no dict"),
        (Program::new().op(b"}(Nu"), "no dict"),
        (Program::new().op(b"}Na"), "no list"),
        (Program::new().op(b")Nb"), "no dict"),
        (Program::new().op(b"X\x01\0\0\0\xff"), "not UTF-8"),
        (Program::new().op(&[0x8a, 17]).op(&[0; 17]), "a number of 17 bytes"),
        (Program::new().op(b"N"), "expected a dict of tensors"),
        (Program::new().op(b"}NNs"), "is no tensor with a name"),
    ] {
        let message = with_state(program.stop());
        assert!(message.contains(expected), "`{message}` lacks `{expected}`");
    }
}

#[test]
fn views_beyond_their_storage_are_refused() {
    for (n, offset, shape, strides, expected) in [
        (6, 1, &[2, 3][..], &[1, 2][..], "goes beyond"),
        (6, 0, &[2, 3], &[1, 3], "goes beyond"),
        (6, 0, &[6], &[i32::MAX], "goes beyond"),
        (6, 0, &[7], &[0], "more elements than the storage's 6"),
        (6, 0, &[i32::MAX, i32::MAX, i32::MAX], &[0, 0, 0], "more elements than"),
        (6, 0, &[2, 3], &[1], "make no tensor"),
        (6, -1, &[2, 3], &[1, 2], "make no tensor"),
        (6, 0, &[2, 3], &[-1, 2], "make no tensor"),
        (6, 0, &[1; 9], &[1; 9], "make no tensor"),
        (5, 0, &[2, 2], &[1, 2], "has 6 elements, expected 5"),
    ] {
        let state = Program::new()
            .op(b"}(")
            .text("w")
            .tensor("FloatStorage", "a", n, offset, shape, strides)
            .op(b"u");
        let message = message(&file(state.stop(), &["a"], &floats(&[0.0; 6])));
        assert!(message.contains(expected), "`{message}` lacks `{expected}`");
    }
}

#[test]
fn storages_and_keys_must_agree() {
    let state = || state().stop();
    for (bytes, expected) in [
        (file(state(), &["22", "33"], &data()), "storage \"11\": is not listed"),
        (file(state(), &["22", "22"], &data()), "used by no tensor or listed twice"),
        (file(state(), &["99"], &data()), "used by no tensor or listed twice"),
        (file(state(), &["22", "33", "11"], &[data(), vec![0]].concat()), "1 bytes follow the last storage"),
        (
            file(
                Program::new()
                    .op(b"}(")
                    .text("a")
                    .tensor("FloatStorage", "1", 1, 0, &[], &[])
                    .text("b")
                    .tensor("LongStorage", "1", 1, 0, &[], &[])
                    .op(b"u")
                    .stop(),
                &["1"],
                &[],
            ),
            "declared with two types or sizes",
        ),
        (
            file(
                Program::new()
                    .op(b"}(")
                    .text("a")
                    .tensor("FloatStorage", "1", 1, 0, &[], &[])
                    .text("a")
                    .tensor("FloatStorage", "1", 1, 0, &[], &[])
                    .op(b"u")
                    .stop(),
                &["1"],
                &[],
            ),
            "stands twice",
        ),
    ] {
        let message = message(&bytes);
        assert!(message.contains(expected), "`{message}` lacks `{expected}`");
    }
}

#[test]
fn other_files_are_refused() {
    assert!(message(b"PK\x03\x04").contains("a zip archive"));
    assert!(message(&Program::new().int(1).stop()).contains("the magic number is not"));
    assert!(
        message(&[magic(), Program::new().int(1002).stop()].concat()).contains("the protocol is not 1001")
    );
    let big_endian = [magic(), Program::new().int(1001).stop(), system(b"\x89")].concat();
    assert!(message(&big_endian).contains("`little_endian` is not Bool(true)"));
    let long = Program::new().op(&vec![b'('; 5 << 20]).stop();
    assert!(matches!(read(&long), Err(FormatError::TooLarge { .. })));
}

#[test]
fn deep_nesting_is_no_trouble() {
    let nested = Program::new().op(b")").op(&vec![0x85; 1 << 20]).stop();
    assert!(message(&nested).contains("the magic number is not"));
}

#[test]
fn truncated_files_are_cut_off() {
    let bytes = good();
    for len in 0..bytes.len() {
        match read(&bytes[..len]) {
            Err(FormatError::CutOff { expected: Some(expected), actual, .. }) => {
                assert!(actual == len as u64 && expected > actual, "{len}");
            }
            other => panic!("{len}: {other:?}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn flipped_bits_never_panic(flips in prop::collection::vec((any::<prop::sample::Index>(), 0..8), 1..5)) {
        let mut bytes = good();
        for (position, bit) in flips {
            let position = position.index(bytes.len());
            bytes[position] ^= 1_u8 << bit;
        }
        let _ = read(&bytes);
    }

    #[test]
    fn any_state_never_panics(state in prop::collection::vec(prop::sample::select(
        b"N\x88\x89K\x01M(t)]}asueq\x00h\x00RQb\x85\x86\x87.".to_vec()
    ), 0..60)) {
        let _ = read(&file([vec![0x80, 2], state].concat(), &[], &[]));
    }
}

/// The check figures of the project's fact sheet, measured with torch. `TINYLENS_LITE0_PTH` names the file.
#[test]
fn efficientnet_lite0_is_read_as_torch_reads_it() {
    let Some(path) = std::env::var_os("TINYLENS_LITE0_PTH") else {
        eprintln!("skipped: TINYLENS_LITE0_PTH does not name efficientnet-lite0-57934424.pth");
        return;
    };
    let tensors = read(&std::fs::read(path).unwrap()).unwrap();
    assert_eq!(tensors.len(), 296 - 49);
    let cases: [(&str, &[usize], [f64; 4], f64); 3] = [
        ("_conv_stem.weight", &[32, 3, 3, 3], [-1.110336, -1.308770, -0.010157, 0.920812], -26.811377),
        (
            "_blocks.3._depthwise_conv.weight",
            &[144, 1, 5, 5],
            [0.013516, 0.348614, 0.406739, 0.103427],
            25.451435,
        ),
        ("_fc.weight", &[1000, 1280], [-0.045610, -0.094709, -0.056841, 0.068239], -470.632567),
    ];
    for (name, shape, first, sum) in cases {
        let tensor = &tensors[name];
        assert_eq!(tensor.shape, shape, "{name}");
        let close = tensor
            .values
            .iter()
            .zip(first)
            .all(|(&actual, expected)| (f64::from(actual) - expected).abs() < 1e-6);
        assert!(close, "{name}: {:?}", &tensor.values[..4]);
        let actual: f64 = tensor.values.iter().map(|&x| f64::from(x)).sum();
        assert!((actual - sum).abs() < 1e-3, "{name}: {actual}");
    }
    let n: usize = tensors.values().map(|tensor| tensor.values.len()).sum();
    assert_eq!(n, 4_652_008 + 42_016);
}
