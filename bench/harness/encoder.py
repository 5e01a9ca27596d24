"""The encoder by itself against onnxruntime, OpenVINO and torch: the same model, texts and threads."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from harness.paths import LOCI, MODEL, SCRATCH, SHARED_DATA
from harness.process import Failed, run_json, run_peer
from harness.stats import Metric, Subject

REFERENCE = SHARED_DATA / "encref-minilm"
BANDS = {"short": 64, "mid": 60, "long": 24}
OURS = {"Loci float32": "float32", "Loci bfloat16": "bfloat16", "Loci int8": "int8"}
PEERS = {
    "onnxruntime fp32": "onnxruntime-fp32",
    "onnxruntime int8": "onnxruntime-int8",
    "OpenVINO bf16": "openvino-bf16",
    "torch fp32": "torch-fp32",
    "torch bf16": "torch-bf16",
}
# On two threads the peers are as many processes of one thread: their best by far.
ON_TWO = ("onnxruntime fp32", "onnxruntime int8")
METRICS = [
    Metric("tokens_s", "tokens/s", higher_is_better=True),
    Metric("tokens_cpu_s", "tokens per CPU second", higher_is_better=True),
    Metric("p50_ms", "one text, p50 ms", higher_is_better=False, digits=2),
    Metric("cosine", "mean cosine", higher_is_better=True, digits=6, is_ratio=False),
    Metric("cosine_min", "lowest cosine", higher_is_better=True, digits=6, is_ratio=False),
]


def run(settings) -> Subject:
    if not REFERENCE.exists():
        raise Failed(f"no reference texts at {REFERENCE}: set LOCI_SHARED_DATA")
    if not (MODEL / "config.json").exists():
        raise Failed(f"no encoder at {MODEL}: run `make model`, or set LOCI_MODEL")
    subject = Subject("encoder", f"Encoder, {MODEL.name}", METRICS, ours=tuple(OURS))
    work = Work()
    facts: dict[str, dict] = {}
    for threads in (1, 2):
        peers = PEERS if threads == 1 else {name: PEERS[name] for name in ON_TWO}
        steps = [(name, lambda p=precision: work.loci(p, threads, settings.seconds)) for name, precision in OURS.items()]
        steps += [(name, lambda e=engine: work.peers(e, threads, settings.seconds)) for name, engine in peers.items()]
        for number in settings.each_round(f"encoder, {threads} thread{'s' if threads > 1 else ''}"):
            for system, step in settings.in_turn(number, steps):
                bands, fact = step()
                facts[system] = fact
                for band, figures in bands.items():
                    subject.add(f"{band}, {threads}", system, figures)
    subject.notes += notes(work, facts)
    return subject


class Work:
    """Texts and token ids of the bands as files, and the vectors that are right."""

    def __init__(self) -> None:
        self.folder = SCRATCH / "encoder"
        self.folder.mkdir(parents=True, exist_ok=True)
        rows = [json.loads(line) for line in (REFERENCE / "texts.jsonl").read_text().splitlines()]
        chosen = {band: [r for r in rows if r["band"] == band][:count] for band, count in BANDS.items()}
        exact = np.load(REFERENCE / "emb_f64.npy")
        self.exact = {band: exact[[r["i"] for r in some]] for band, some in chosen.items()}
        self.tokens = {band: sum(len(r["ids"]) for r in some) / len(some) for band, some in chosen.items()}
        self.texts, self.ids = self.folder / "texts.json", self.folder / "ids.json"
        self.texts.write_text(json.dumps({b: [r["text"] for r in some] for b, some in chosen.items()}))
        self.ids.write_text(json.dumps({b: [r["ids"] for r in some] for b, some in chosen.items()}))

    def loci(self, precision: str, threads: int, seconds: float) -> tuple[dict, dict]:
        options = {"model": MODEL, "texts": self.texts, "precision": precision, "threads": threads}
        options |= {"seconds": seconds / 3}
        command = [str(LOCI), "bench", "encode"]
        for name, value in options.items():
            command += [f"--{name}", str(value)]
        report = run_json(command)
        bands = {
            band: {
                "tokens_s": found["tokensPerSecond"],
                "tokens_cpu_s": found["tokensPerCPUSecond"],
                "p50_ms": found["queryP50Milliseconds"],
            }
            | self.cosines(band, found["vectors"], 0.98)
            for band, found in report.pop("bands").items()
        }
        return bands, report

    def peers(self, engine: str, threads: int, seconds: float) -> tuple[dict, dict]:
        """As many processes as threads, at the same time."""

        def one(_: int) -> dict:
            return run_peer("peers.encoders", engine, MODEL, self.ids, seconds, 1, self.folder)["bands"]

        if threads == 1:
            runs = [one(0)]
        else:
            with ThreadPoolExecutor(threads) as pool:
                runs = list(pool.map(one, range(threads)))
        bands = {}
        for band, found in runs[0].items():
            bands[band] = {
                "tokens_s": sum(r[band]["tokens_s"] for r in runs),
                "tokens_cpu_s": sum(r[band]["tokens_cpu_s"] for r in runs) / len(runs),
                "p50_ms": found["p50_ms"],
            } | self.cosines(band, found["vectors"], 0.9)
        return bands, {"batch": {band: found["batch"] for band, found in runs[0].items()}}

    def cosines(self, band: str, vectors: list[list[float]], bar: float) -> dict:
        """A system that computes something else is refused, not timed."""
        found, exact = np.array(vectors, np.float64), self.exact[band]
        norms = np.linalg.norm(found, axis=1) * np.linalg.norm(exact, axis=1)
        cosines = (found * exact).sum(1) / norms
        if not cosines.min() >= bar:
            raise Failed(f"a vector of the band {band} is not the model's: cosine {cosines.min():.4f}")
        return {"cosine": float(cosines.mean()), "cosine_min": float(cosines.min())}


def notes(work: Work, facts: dict[str, dict]) -> list[str]:
    lengths = ", ".join(f"{band} {tokens:.1f}" for band, tokens in work.tokens.items())
    out = [
        f"Cases are a band of texts and a number of threads; tokens a text on average: {lengths}.",
        "Loci is given texts and tokenizes them within its time; the peers are given token ids.",
        "Peers: batches of 1, 8 or 32 texts of like length, the best for each band; on two threads two processes "
        "of one thread each. Cosines are to float64 vectors of the same model.",
        "One text: on two threads Loci splits it over both, the peers' figure is one process's while the other "
        "works.",
    ]
    for system, fact in facts.items():
        if "startMilliseconds" in fact:
            out.append(
                f"{system}: ready {fact['startMilliseconds']:.0f} ms after it is asked to load, "
                f"{fact['packedMegabytes']:.0f} MB of packed weights, at most {fact['residentPeakMegabytes']:.0f} MB "
                "resident, mapped pages of the file included."
            )
    return out
