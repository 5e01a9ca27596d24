"""One engine over texts given as token ids. Prints one JSON object.

    python -m peers.encoders ENGINE MODEL TEXTS SECONDS THREADS WORK

ENGINE is onnxruntime-fp32, onnxruntime-int8 (dynamic, per channel), openvino-bf16, openvino-fp32, torch-fp32 or
torch-bf16; TEXTS a JSON object {band: [ids of a text, …]}; WORK a folder for the graphs. Texts are sorted by length and
padded batch by batch. For each band the best of three batch sizes is taken.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

BATCHES = (1, 8, 32)
Embed = Callable[[np.ndarray, np.ndarray], np.ndarray]


def onnxruntime_engine(graph: Path, threads: int) -> Embed:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
    return lambda ids, mask: session.run(None, {"input_ids": ids, "attention_mask": mask})[0]


def openvino_engine(graph: Path, threads: int, precision: str) -> Embed:
    import openvino

    settings = {
        "INFERENCE_PRECISION_HINT": precision,
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "LATENCY",
    }
    compiled = openvino.Core().compile_model(str(graph), "CPU", settings)
    request = compiled.create_infer_request()
    return lambda ids, mask: request.infer({"input_ids": ids, "attention_mask": mask})[0]


def torch_engine(model: Path, threads: int, half: bool) -> Embed:
    import torch
    from transformers import AutoModel

    torch.set_num_threads(threads)
    network = AutoModel.from_pretrained(str(model), attn_implementation="sdpa").eval()
    if half:
        network = network.to(torch.bfloat16)

    @torch.inference_mode()
    def embed(ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        mask_tensor = torch.from_numpy(mask)
        states = network(torch.from_numpy(ids), attention_mask=mask_tensor).last_hidden_state.float()
        tall = mask_tensor.unsqueeze(-1).float()
        mean = (states * tall).sum(1) / tall.sum(1)
        return torch.nn.functional.normalize(mean, dim=-1).numpy()

    return embed


def load(engine: str, model: Path, work: Path, threads: int) -> Embed:
    name, _, precision = engine.partition("-")
    if name == "torch":
        return torch_engine(model, threads, precision == "bf16")
    graph = work / f"{model.name}.onnx"
    if not graph.exists():
        from peers import bert_onnx

        bert_onnx.build(model, graph)
    if name == "openvino":
        return openvino_engine(graph, threads, {"bf16": "bf16", "fp32": "f32"}[precision])
    if precision == "int8":
        quantized = work / f"{model.name}-int8.onnx"
        if not quantized.exists():
            from onnxruntime.quantization import QuantType, quantize_dynamic

            quantize_dynamic(graph, quantized, per_channel=True, weight_type=QuantType.QInt8)
        graph = quantized
    return onnxruntime_engine(graph, threads)


def batches(texts: list[list[int]], size: int) -> list[tuple[list[int], np.ndarray, np.ndarray]]:
    order = sorted(range(len(texts)), key=lambda index: -len(texts[index]))
    out = []
    for start in range(0, len(order), size):
        chosen = order[start : start + size]
        longest = max(len(texts[index]) for index in chosen)
        ids, mask = np.zeros((len(chosen), longest), np.int64), np.zeros((len(chosen), longest), np.int64)
        for row, index in enumerate(chosen):
            ids[row, : len(texts[index])] = texts[index]
            mask[row, : len(texts[index])] = 1
        out.append((chosen, ids, mask))
    return out


def rate(embed: Embed, texts: list[list[int]], size: int, seconds: float) -> dict:
    prepared = batches(texts, size)
    tokens = sum(map(len, texts))
    rounds, start, cpu = 0, time.perf_counter(), time.process_time()
    while True:
        for _, ids, mask in prepared:
            embed(ids, mask)
        rounds += 1
        wall = time.perf_counter() - start
        if wall >= seconds:
            break
    spent = time.process_time() - cpu
    return {"tokens_s": rounds * tokens / wall, "tokens_cpu_s": rounds * tokens / spent, "batch": size}


def median_latency(embed: Embed, texts: list[list[int]], seconds: float) -> float:
    single, latencies, end = batches(texts, 1), [], time.perf_counter() + seconds
    while len(latencies) < 20 or time.perf_counter() < end:
        _, ids, mask = single[len(latencies) % len(single)]
        start = time.perf_counter()
        embed(ids, mask)
        latencies.append(time.perf_counter() - start)
    return sorted(latencies)[len(latencies) // 2] * 1e3


def vectors(embed: Embed, texts: list[list[int]]) -> list[list[float]]:
    out: list[list[float]] = [[]] * len(texts)
    for chosen, ids, mask in batches(texts, 8):
        for index, vector in zip(chosen, embed(ids, mask)):
            out[index] = [float(number) for number in vector]
    return out


def main() -> None:
    engine, model, texts, seconds, threads, work = sys.argv[1:]
    Path(work).mkdir(parents=True, exist_ok=True)
    embed = load(engine, Path(model), Path(work), int(threads))
    bands = {}
    for band, lists in json.loads(Path(texts).read_text()).items():
        found = vectors(embed, lists)  # warms up, too
        best = max((rate(embed, lists, size, float(seconds) / 3) for size in BATCHES), key=lambda r: r["tokens_cpu_s"])
        p50 = median_latency(embed, lists, float(seconds) / 3)
        bands[band] = best | {"p50_ms": p50, "vectors": found}
    print(json.dumps({"bands": bands}))


if __name__ == "__main__":
    main()
