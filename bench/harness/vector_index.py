"""Loci's index core in this process, through ctypes: the C files of CBridge as the server has them."""

import ctypes as c
import shutil
import subprocess

import numpy as np

from harness.paths import BENCH, OUT, ROOT
from harness.process import Failed


class Options(c.Structure):
    _fields_ = [
        ("metric", c.c_uint32),
        ("lists", c.c_uint32),
        ("assignments", c.c_uint32),
        ("soar_lambda", c.c_float),
        ("subspace_width", c.c_uint32),
        ("head", c.c_uint32),
        ("batch_plane", c.c_bool),
        ("iterations", c.c_uint32),
        ("seed", c.c_uint64),
        ("tuning_queries", c.c_uint32),
        ("is_cancelled", c.c_void_p),
        ("cancel_context", c.c_void_p),
    ]


class Parameters(c.Structure):
    _fields_ = [
        ("k", c.c_size_t),
        ("probes", c.c_uint32),
        ("candidates", c.c_uint32),
        ("recall", c.c_float),
        ("live", c.c_void_p),
        ("originals", c.c_void_p),
        ("originals_type", c.c_uint32),
        ("originals_stride", c.c_size_t),
        ("originals_ranked", c.c_uint32),
        ("single_path", c.c_bool),
    ]


class Statistics(c.Structure):
    _fields_ = [
        ("lists_probed", c.c_uint64),
        ("codes_scanned", c.c_uint64),
        ("rows_ranked", c.c_uint64),
        ("originals_read", c.c_uint64),
        ("probes", c.c_uint32),
        ("candidates", c.c_uint32),
        ("expected_recall", c.c_float),
    ]


METRICS = {"cosine": 1, "ip": 2, "l2": 3}


def library() -> c.CDLL:
    """Compiles the C core, optimised as in the release build."""
    compiler = shutil.which("clang")
    if compiler is None:
        raise Failed("no clang on the path: it comes with the Swift toolchain")
    target = OUT / "libloci-index.so"
    folders = [ROOT / "CBridge" / name for name in ("CLociIndex", "CLociMath")]
    sources = [BENCH / "native/vector_index.c", *(file for f in folders for file in sorted(f.glob("*.c")))]
    includes = [f"-I{folder}/include" for folder in folders]
    OUT.mkdir(parents=True, exist_ok=True)
    command = [compiler, "-O2", "-std=gnu17", "-shared", "-fPIC", *includes, *map(str, sources)]
    subprocess.run([*command, "-o", str(target), "-lblas", "-llapack", "-lm", "-lpthread"], check=True)
    return c.CDLL(str(target))


class Limits(c.Structure):
    """What one core of this machine does."""

    _fields_ = [
        ("hertz", c.c_double),
        ("lookups", c.c_double),
        ("lookups_limit", c.c_double),
        ("memory_bytes", c.c_double),
    ]


def limits(library: c.CDLL) -> Limits:
    measured = Limits()
    if library.bench_limits(c.byref(measured)) != 0:
        raise Failed("there is no memory to measure the machine's limits")
    return measured


class Index:
    """An IVF image over `rows`; `search` has the signature that the peers have too."""

    def __init__(
        self,
        library: c.CDLL,
        rows: np.ndarray,
        metric: str,
        *,
        plane: bool,
        originals: bool,
        tuning: int = 256,
        threads: int = 1,
        recall: float = 0,
    ):
        self.library, self.rows, self.dimension = library, rows, rows.shape[1]
        # For settings of zero probes and candidates.
        self.originals, self.recall = originals, recall
        options = Options(metric=METRICS[metric], batch_plane=plane, tuning_queries=tuning, seed=1)
        image, size = c.c_void_p(), c.c_size_t()
        status = library.bench_build(
            rows.ctypes.data_as(c.c_void_p),
            c.c_size_t(len(rows)),
            c.c_size_t(self.dimension),
            c.byref(options),
            c.c_size_t(threads),
            c.byref(image),
            c.byref(size),
        )
        if status != 0:
            raise Failed(f"the build of the index failed with status {status}")
        self.bytes = size.value + (rows.nbytes if originals else 0)
        self.handle = c.c_void_p()
        if library.loci_index_open(image, size, c.c_bool(False), c.byref(self.handle)) != 0:
            raise Failed("the image built cannot be opened")
        self.statistics = Statistics()

    def parameters(self, k: int, probes: int, candidates: int) -> Parameters:
        parameters = Parameters(k=k, probes=probes, candidates=candidates, recall=self.recall)
        if self.originals:
            parameters.originals = self.rows.ctypes.data
            parameters.originals_type, parameters.originals_stride = 1, self.rows.strides[0]
        return parameters

    def search(self, queries: np.ndarray, k: int, setting: tuple[int, int], threads: int = 1) -> np.ndarray:
        """Shape (queries, k): row numbers."""
        found = np.full((len(queries), k), 0xFFFFFFFF, np.uint32)
        scores, counts = np.empty((len(queries), k), np.float32), np.empty(len(queries), np.uint32)
        parameters = self.parameters(k, *setting)
        status = self.library.bench_search(
            self.handle,
            queries.ctypes.data_as(c.c_void_p),
            c.c_size_t(len(queries)),
            c.byref(parameters),
            c.c_size_t(threads),
            found.ctypes.data_as(c.c_void_p),
            scores.ctypes.data_as(c.c_void_p),
            counts.ctypes.data_as(c.c_void_p),
            c.byref(self.statistics),
        )
        if status != 0:
            raise Failed(f"the search failed with status {status}")
        return found

    def search_one_by_one(self, queries: np.ndarray, k: int, setting: tuple[int, int]) -> np.ndarray:
        """The same with a call for each query, each made from Python as the peers' are."""
        found = np.full((len(queries), k), 0xFFFFFFFF, np.uint32)
        scores, counts = np.empty(k, np.float32), np.empty(1, np.uint32)
        parameters = self.parameters(k, *setting)
        search, handle, one, threads = self.library.bench_search, self.handle, c.c_size_t(1), c.c_size_t(1)
        shared = [c.c_void_p(scores.ctypes.data), c.c_void_p(counts.ctypes.data), c.byref(self.statistics)]
        wanted, base, out = c.byref(parameters), queries.ctypes.data, found.ctypes.data
        for row in range(len(queries)):
            query, into = c.c_void_p(base + row * queries.strides[0]), c.c_void_p(out + row * k * 4)
            search(handle, query, one, wanted, threads, into, *shared)
        return found
