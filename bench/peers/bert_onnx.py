"""A BERT from a HuggingFace folder as an ONNX graph: what an exporter writes, node for node, without the exporter.

Inputs input_ids and attention_mask (batch, length), int64; output sentence_embedding (batch, hidden): mean over the
mask, unit length. Padding is masked by adding the lowest float to the scores. LayerNormalization is one node and GELU
its five, which onnxruntime and OpenVINO fuse themselves.
"""

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file


class Graph:
    def __init__(self) -> None:
        self.nodes, self.initializers, self.count = [], [], 0

    def constant(self, value: np.ndarray, name: str | None = None) -> str:
        self.count += 1
        name = name or f"c{self.count}"
        self.initializers.append(numpy_helper.from_array(value, name))
        return name

    def add(self, kind: str, *inputs: str, **attributes: object) -> str:
        self.count += 1
        name = f"v{self.count}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name=f"n{self.count}", **attributes))
        return name

    def number(self, value: float) -> str:
        return self.constant(np.array(value, np.float32))


def build(folder: Path, target: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    weights = {name.removeprefix("bert."): value for name, value in load_file(folder / "model.safetensors").items()}
    hidden, heads = config["hidden_size"], config["num_attention_heads"]
    size = hidden // heads
    g = Graph()

    def linear(x: str, name: str) -> str:
        product = g.add("MatMul", x, g.constant(np.ascontiguousarray(weights[name + ".weight"].T), name + ".weight"))
        return g.add("Add", product, g.constant(weights[name + ".bias"], name + ".bias"))

    def norm(x: str, name: str) -> str:
        gain, bias = (g.constant(weights[f"{name}.{part}"], f"{name}.{part}") for part in ("weight", "bias"))
        return g.add("LayerNormalization", x, gain, bias, axis=-1, epsilon=config["layer_norm_eps"])

    words = g.constant(weights["embeddings.word_embeddings.weight"], "words")
    positions = g.constant(weights["embeddings.position_embeddings.weight"], "positions")
    types = g.constant(weights["embeddings.token_type_embeddings.weight"][0], "types")
    length = g.add("Gather", g.add("Shape", "input_ids"), g.constant(np.array(1, np.int64)))
    zero, one = g.constant(np.array(0, np.int64)), g.constant(np.array(1, np.int64))
    places = g.add("Gather", positions, g.add("Range", zero, length, one))
    x = g.add("Add", g.add("Add", g.add("Gather", words, "input_ids"), places), types)
    x = norm(x, "embeddings.LayerNorm")

    mask = g.add("Cast", "attention_mask", to=TensorProto.FLOAT)
    wide = g.add("Unsqueeze", mask, g.constant(np.array([1, 2], np.int64)))
    lowest = g.number(float(np.finfo(np.float32).min))
    masked = g.add("Mul", g.add("Sub", g.number(1), wide), lowest)
    split, joined = (g.constant(np.array(s, np.int64)) for s in ([0, 0, heads, size], [0, 0, hidden]))
    for layer in range(config["num_hidden_layers"]):
        at = f"encoder.layer.{layer}."
        parts = [g.add("Reshape", linear(x, f"{at}attention.self.{p}"), split) for p in ("query", "key", "value")]
        query, value = (g.add("Transpose", parts[i], perm=[0, 2, 1, 3]) for i in (0, 2))
        key = g.add("Transpose", parts[1], perm=[0, 2, 3, 1])
        scores = g.add("Div", g.add("MatMul", query, key), g.number(size**0.5))
        shares = g.add("Softmax", g.add("Add", scores, masked), axis=-1)
        context = g.add("Transpose", g.add("MatMul", shares, value), perm=[0, 2, 1, 3])
        out = linear(g.add("Reshape", context, joined), at + "attention.output.dense")
        x = norm(g.add("Add", out, x), at + "attention.output.LayerNorm")
        up = linear(x, at + "intermediate.dense")
        phi = g.add("Add", g.add("Erf", g.add("Div", up, g.number(2**0.5))), g.number(1))
        wide_out = g.add("Mul", g.add("Mul", up, phi), g.number(0.5))
        x = norm(g.add("Add", linear(wide_out, at + "output.dense"), x), at + "output.LayerNorm")

    last = g.constant(np.array([-1], np.int64))
    tall = g.add("Unsqueeze", mask, last)
    tokens = g.constant(np.array([1], np.int64))
    total = g.add("ReduceSum", g.add("Mul", x, tall), tokens, keepdims=0)
    mean = g.add("Div", total, g.add("ReduceSum", tall, tokens, keepdims=0))
    g.nodes.append(helper.make_node("LpNormalization", [mean], ["sentence_embedding"], axis=-1, p=2))

    shape = ["batch", "length"]
    inputs = [helper.make_tensor_value_info(n, TensorProto.INT64, shape) for n in ("input_ids", "attention_mask")]
    output = helper.make_tensor_value_info("sentence_embedding", TensorProto.FLOAT, ["batch", hidden])
    graph = helper.make_graph(g.nodes, "bert", inputs, [output], g.initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, target)
