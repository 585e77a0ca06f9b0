"""Makes the golden logits of a bundled model with ONNX Runtime.

The ONNX graph is built from nothing but the safetensors file: its tensors, float16 widened to float32, and the list of
layers in its metadata, so the golden values also check that the list is complete. Batch normalization stays a node of
its own and graph optimizations are off. The input is the formula `sin(0.05*(c+1)*x + 0.03*y)`, taken as the network's
input as it is.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from safetensors import safe_open

INPUT_FORMULA = "input[0][c][y][x] = sin(0.05*(c+1)*x + 0.03*y)"
OPSET = 17


def formula_input(channels: int, height: int, width: int) -> np.ndarray:
    """`[1, channels, height, width]`, computed in float64 and rounded to float32 once."""
    c, y, x = np.ogrid[:channels, :height, :width]
    return np.sin(0.05 * (c + 1) * x + 0.03 * y).astype(np.float32)[None]


def onnx_model(architecture: dict[str, Any], tensors: dict[str, np.ndarray]) -> onnx.ModelProto:
    """The network as ONNX, one node per operator, with float32 weights."""
    nodes, used = [], []

    def weight(name: str) -> str:
        used.append(name)
        return name

    outputs: dict[str, str] = {}
    current = "input"
    for layer in architecture["layers"]:
        name = layer["name"]

        def node(op: str, inputs: list[str], name: str = name, **attributes: Any) -> str:
            output = f"{name}/{op}"
            nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))
            return output

        if layer["op"] == "conv":
            prefix, norm = layer["weights"], layer["batch_norm"]
            kernel = tensors[f"{prefix}.weight"].shape[2:]
            current = node(
                "Conv",
                [current, weight(f"{prefix}.weight")],
                kernel_shape=kernel,
                strides=[layer["stride"]] * 2,
                pads=layer["padding"],
                group=layer["groups"],
            )
            moments = [weight(f"{norm}.{part}") for part in ("weight", "bias", "running_mean", "running_var")]
            current = node("BatchNormalization", [current, *moments], epsilon=layer["batch_norm_epsilon"])
            if layer["residual_from"] is not None:
                current = node("Add", [current, outputs[layer["residual_from"]]])
            if layer["activation"] == "relu6":
                current = node("Clip", [current, "zero", "six"])
            elif layer["activation"] != "none":
                raise ValueError(f"{name}: activation {layer['activation']}, expected relu6 or none")
        elif layer["op"] == "global_average_pool":
            current = node("Flatten", [node("GlobalAveragePool", [current])])
        elif layer["op"] == "linear":
            prefix = layer["weights"]
            current = node("Gemm", [current, weight(f"{prefix}.weight"), weight(f"{prefix}.bias")], transB=1)
        else:
            raise ValueError(f"{name}: operator {layer['op']}, expected conv, global_average_pool or linear")
        outputs[name] = current

    unused = set(tensors) - set(used)
    if unused:
        raise ValueError(f"tensors that no layer uses: {sorted(unused)}")
    initializers = [numpy_helper.from_array(tensors[name].astype(np.float32), name) for name in used]
    initializers += [numpy_helper.from_array(np.float32(v), name) for name, v in (("zero", 0), ("six", 6))]
    shape = architecture["input"]
    input_shape = [1, shape["channels"], shape["height"], shape["width"]]
    n_classes = len(tensors[f"{architecture['layers'][-1]['weights']}.weight"])
    graph = helper.make_graph(
        nodes,
        architecture["name"],
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, input_shape)],
        [helper.make_tensor_value_info(current, TensorProto.FLOAT, [1, n_classes])],
        initializers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, required=True, help="safetensors file to read")
    parser.add_argument("--golden", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--onnx", type=Path, help="also write the ONNX model here")
    options = parser.parse_args()

    with safe_open(options.weights, framework="numpy") as file:
        architecture = json.loads(file.metadata()["architecture"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    model = onnx_model(architecture, tensors)
    if options.onnx:
        onnx.save(model, options.onnx)
    session_options = onnxruntime.SessionOptions()
    session_options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session_options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), session_options, ["CPUExecutionProvider"])
    shape = architecture["input"]
    x = formula_input(shape["channels"], shape["height"], shape["width"])
    logits = session.run(None, {"input": x})[0][0]
    best = np.argsort(-logits, kind="stable")[:5]
    golden = {
        "model": options.weights.name,
        "model_sha256": hashlib.sha256(options.weights.read_bytes()).hexdigest(),
        "runtime": f"onnxruntime {onnxruntime.__version__}, CPUExecutionProvider, graph optimizations off",
        "onnx": f"onnx {onnx.__version__}, opset {OPSET}",
        "weights": "float16 widened to float32, batch normalization not folded, computed in float32",
        "input": INPUT_FORMULA + ", float32, the network's input without normalization",
        "input_shape_nchw": list(x.shape),
        "first8": [float(v) for v in logits[:8]],
        "sum": float(logits.astype(np.float64).sum()),
        "top5": [[int(i), float(logits[i])] for i in best],
    }
    options.golden.parent.mkdir(parents=True, exist_ok=True)
    options.golden.write_text(json.dumps(golden, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
