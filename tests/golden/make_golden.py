"""Writes the golden outputs that the tests compare with, computed by ONNX Runtime.

Usage:
    cargo run -p pipeline --example decode_photos -- ../shared/images/imagenet-200 PHOTOS
    cargo run -p bench-models -- MODELS
    python make_golden.py --lite0 efficientnet-lite0-57934424.pth --shared ../shared --photos PHOTOS --seeded MODELS

Needs numpy, onnx, onnxruntime, pillow and torch. The input is the formula
`input[0][c][y][x] = sin(0.05 * (c + 1) * x + 0.03 * y)` in float32, used as it is. For each model the whole output
vector is written, with the versions that made it; for EfficientNet-Lite0 also the first answer to each labelled
photo of the shared folder, centre 224x224, `(x - 127) / 128`.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

# (blocks, kernel, stride, expansion, output channels) of each stage.
STAGES = [(1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112),
          (4, 5, 2, 6, 192), (1, 3, 1, 6, 320)]


class Lite0:
    """Writes EfficientNet-Lite0 as an ONNX graph with its batch norms kept."""

    def __init__(self, tensors: dict[str, torch.Tensor]):
        self.tensors, self.nodes, self.initializers = tensors, [], []

    def constant(self, name: str) -> str:
        values = self.tensors[name].contiguous().numpy().astype(np.float32)
        self.initializers.append(numpy_helper.from_array(values, name))
        return name

    def node(self, op: str, inputs: list[str], **attributes) -> str:
        output = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [output], **attributes))
        return output

    def conv(self, x: str, name: str, norm: str, kernel: int, stride: int, size: int, groups: int, relu6: bool) -> str:
        total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        pads = [total // 2, total // 2, total - total // 2, total - total // 2]
        x = self.node("Conv", [x, self.constant(f"{name}.weight")], pads=pads, strides=[stride] * 2, group=groups)
        parts = [self.constant(f"{norm}.{part}") for part in ("weight", "bias", "running_mean", "running_var")]
        x = self.node("BatchNormalization", [x, *parts], epsilon=1e-3)
        return self.node("Clip", [x, "zero", "six"]) if relu6 else x

    def model(self) -> onnx.ModelProto:
        for name, value in (("zero", 0.0), ("six", 6.0)):
            self.initializers.append(numpy_helper.from_array(np.float32(value), name))
        x, size, channels, block = self.conv("input", "_conv_stem", "_bn0", 3, 2, 224, 1, True), 112, 32, 0
        for blocks, kernel, first_stride, expansion, out_channels in STAGES:
            for idx in range(blocks):
                stride, before, prefix = (first_stride if idx == 0 else 1), x, f"_blocks.{block}."
                if expansion > 1:
                    x = self.conv(x, prefix + "_expand_conv", prefix + "_bn0", 1, 1, size, 1, True)
                groups = channels * expansion
                x = self.conv(x, prefix + "_depthwise_conv", prefix + "_bn1", kernel, stride, size, groups, True)
                size = -(-size // stride)
                x = self.conv(x, prefix + "_project_conv", prefix + "_bn2", 1, 1, size, 1, False)
                if stride == 1 and channels == out_channels:
                    x = self.node("Add", [x, before])
                channels, block = out_channels, block + 1
        x = self.conv(x, "_conv_head", "_bn1", 1, 1, size, 1, True)
        x = self.node("Flatten", [self.node("GlobalAveragePool", [x])])
        x = self.node("Gemm", [x, self.constant("_fc.weight"), self.constant("_fc.bias")], transB=1)
        self.nodes[-1].output[0] = "logits"
        graph = helper.make_graph(
            self.nodes, "efficientnet-lite0",
            [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, 224, 224])],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 1000])], self.initializers)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def formula(size: int) -> np.ndarray:
    channel, y, x = np.meshgrid(np.arange(3), np.arange(size), np.arange(size), indexing="ij")
    return np.sin(0.05 * (channel + 1) * x + 0.03 * y).astype(np.float32)[None]


def without_softmax(path: Path) -> onnx.ModelProto:
    """The model without a softmax at its end: probabilities would hide differences."""
    model = onnx.load(path)
    last = model.graph.node[-1]
    if last.op_type == "Softmax":
        model.graph.output[0].name = last.input[0]
        model.graph.node.remove(last)
    return model


def write(name: str, size: int, session: onnxruntime.InferenceSession) -> None:
    output = session.run(None, {session.get_inputs()[0].name: formula(size)})[0].reshape(-1)
    golden = {
        "model": name, "input_size": size, "formula": "sin(0.05*(c+1)*x + 0.03*y), float32, used as it is",
        "versions": {"onnxruntime": onnxruntime.__version__, "onnx": onnx.__version__, "numpy": np.__version__},
        "output": [float(f"{value:.7g}") for value in output.tolist()],
    }
    Path(f"{name}.json").write_text(json.dumps(golden) + "\n")
    print(name, output[:8], output.sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lite0", type=Path, required=True)
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--seeded", type=Path, required=True, help="the models of the benchmark")
    parser.add_argument("--photos", type=Path, required=True, help="the labelled photos as PNG, as the tests decode them")
    arguments = parser.parse_args()

    lite0 = Lite0(torch.load(arguments.lite0, map_location="cpu", weights_only=True)).model()
    session = onnxruntime.InferenceSession(lite0.SerializeToString())
    write("efficientnet-lite0", 224, session)
    for name, size in (("mobilenet_v2_1.0_224_float", 224), ("mobilenet_v1_0.25_128", 128)):
        write(name, size, onnxruntime.InferenceSession(
            without_softmax(arguments.shared / "models" / f"{name}.onnx").SerializeToString()))

    write("squeezenet", 224, onnxruntime.InferenceSession(str(arguments.seeded / "squeezenet-f32.onnx")))

    answers = {}
    for path in sorted(arguments.photos.glob("*.png")):
        picture = np.asarray(Image.open(path).convert("RGB").crop((16, 16, 240, 240)), dtype=np.float32)
        logits = session.run(None, {"input": ((picture - 127) / 128).transpose(2, 0, 1)[None]})[0][0]
        answers[path.with_suffix('.jpg').name] = int(logits.argmax())
    golden = {"model": "efficientnet-lite0", "versions": {"onnxruntime": onnxruntime.__version__}, "top1": answers}
    Path("efficientnet-lite0-photos.json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
