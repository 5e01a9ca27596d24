"""Vector libraries as peers: built once, searched by a setting, all with the interface of harness.vector_index."""

import faiss
import hnswlib
import numpy as np
import scann
import svs
from usearch.index import Index as UsearchIndex


class Faiss:
    """IVF with 4-bit or RaBitQ fast-scan codes and a refinement, by a factory string."""

    def __init__(self, factory: str, rows: np.ndarray, metric: str):
        faiss.omp_set_num_threads(1)
        kind = faiss.METRIC_L2 if metric == "l2" else faiss.METRIC_INNER_PRODUCT
        self.index = faiss.index_factory(rows.shape[1], factory, kind)
        self.index.train(rows)
        self.index.add(rows)
        self.lists = faiss.extract_index_ivf(self.index.base_index)
        self.bytes = len(faiss.serialize_index(self.index))

    def search(self, queries: np.ndarray, k: int, setting: tuple[int, int], threads: int = 1) -> np.ndarray:
        self.lists.nprobe, self.index.k_factor = setting
        faiss.omp_set_num_threads(threads)
        return self.index.search(queries, k)[1]

    def search_one_by_one(self, queries: np.ndarray, k: int, setting: tuple[int, int]) -> np.ndarray:
        self.lists.nprobe, self.index.k_factor = setting
        faiss.omp_set_num_threads(1)
        search = self.index.search
        return np.concatenate([search(queries[row : row + 1], k)[1] for row in range(len(queries))])


class HNSW:
    """hnswlib's graph."""

    def __init__(self, rows: np.ndarray, metric: str, connections: int = 16, construction: int = 100):
        self.index = hnswlib.Index(space="l2" if metric == "l2" else "ip", dim=rows.shape[1])
        self.index.init_index(len(rows), ef_construction=construction, M=connections)
        self.index.set_num_threads(1)
        self.index.add_items(rows)
        # Vectors, and links of the lowest layer: twice M of them and a count, 4 bytes each.
        self.bytes = rows.nbytes + len(rows) * (8 * connections + 4 + 8)

    def search(self, queries: np.ndarray, k: int, setting: tuple[int, int], threads: int = 1) -> np.ndarray:
        self.index.set_ef(setting[0])
        return self.index.knn_query(queries, k, num_threads=threads)[0]

    def search_one_by_one(self, queries: np.ndarray, k: int, setting: tuple[int, int]) -> np.ndarray:
        self.index.set_ef(setting[0])
        query = self.index.knn_query
        return np.concatenate([query(queries[row : row + 1], k, num_threads=1)[0] for row in range(len(queries))])


class FaissHNSW:
    """faiss' graph over float32."""

    def __init__(self, rows: np.ndarray, metric: str, connections: int = 32, construction: int = 64):
        faiss.omp_set_num_threads(1)
        kind = faiss.METRIC_L2 if metric == "l2" else faiss.METRIC_INNER_PRODUCT
        self.index = faiss.IndexHNSWFlat(rows.shape[1], connections, kind)
        self.index.hnsw.efConstruction = construction
        self.index.add(rows)
        self.bytes = len(faiss.serialize_index(self.index))

    def search(self, queries: np.ndarray, k: int, setting: tuple[int, int], threads: int = 1) -> np.ndarray:
        self.index.hnsw.efSearch = setting[0]
        faiss.omp_set_num_threads(threads)
        return self.index.search(queries, k)[1]

    def search_one_by_one(self, queries: np.ndarray, k: int, setting: tuple[int, int]) -> np.ndarray:
        return np.concatenate([self.search(queries[row : row + 1], k, setting) for row in range(len(queries))])


class Usearch:
    """usearch's graph over int8."""

    def __init__(self, rows: np.ndarray, metric: str, connections: int = 16, construction: int = 64):
        # int8 in usearch is for unit vectors; integers beyond 127 need float16.
        kind, element = ("l2sq", "f16") if metric == "l2" else ("ip", "i8")
        self.index = UsearchIndex(
            ndim=rows.shape[1], metric=kind, dtype=element, connectivity=connections, expansion_add=construction
        )
        self.index.add(np.arange(len(rows)), rows, threads=1)
        self.bytes = self.index.serialized_length

    def search(self, queries: np.ndarray, k: int, setting: tuple[int, int], threads: int = 1) -> np.ndarray:
        self.index.expansion_search = setting[0]
        return np.asarray(self.index.search(queries, k, threads=threads).keys).astype(np.int64)

    def search_one_by_one(self, queries: np.ndarray, k: int, setting: tuple[int, int]) -> np.ndarray:
        self.index.expansion_search = setting[0]
        search = self.index.search
        return np.stack([np.asarray(search(query, k, threads=1).keys) for query in queries]).astype(np.int64)


class Scann:
    """ScaNN's tree with anisotropic 4-bit codes and a refinement in float32. A setting is (leaves, candidates)."""

    def __init__(self, rows: np.ndarray, metric: str, leaves: int):
        kind = "squared_l2" if metric == "l2" else "dot_product"
        builder = scann.scann_ops_pybind.builder(rows, 10, kind).set_n_training_threads(1)
        builder = builder.tree(leaves, num_leaves_to_search=32, training_sample_size=min(len(rows), 250_000))
        self.index = builder.score_ah(2, anisotropic_quantization_threshold=0.2).reorder(100).build()
        # Vectors, a code of 4 bits for every two dimensions, a row number.
        self.bytes = rows.nbytes + len(rows) * (rows.shape[1] // 4 + 4) + leaves * rows.shape[1] * 4

    def search(self, queries: np.ndarray, k: int, setting: tuple[int, int], threads: int = 1) -> np.ndarray:
        leaves, candidates = setting
        if threads == 1:
            found, _ = self.index.search_batched(
                queries, final_num_neighbors=k, pre_reorder_num_neighbors=candidates, leaves_to_search=leaves
            )
        else:
            self.index.set_num_threads(threads)
            found, _ = self.index.search_batched_parallel(
                queries, final_num_neighbors=k, pre_reorder_num_neighbors=candidates, leaves_to_search=leaves
            )
        return found.astype(np.int64)

    def search_one_by_one(self, queries: np.ndarray, k: int, setting: tuple[int, int]) -> np.ndarray:
        leaves, candidates = setting
        search = self.index.search
        return np.stack(
            [
                search(query, final_num_neighbors=k, pre_reorder_num_neighbors=candidates, leaves_to_search=leaves)[0]
                for query in queries
            ]
        ).astype(np.int64)


class Vamana:
    """Intel's Scalable Vector Search: a Vamana graph over float16."""

    def __init__(self, rows: np.ndarray, metric: str, degree: int = 32, construction: int = 64):
        kind = svs.DistanceType.L2 if metric == "l2" else svs.DistanceType.MIP
        parameters = svs.VamanaBuildParameters(
            graph_max_degree=degree, window_size=construction, alpha=1.2 if metric == "l2" else 0.95
        )
        self.index = svs.Vamana.build(parameters, rows.astype(np.float16), kind, num_threads=1)
        self.bytes = rows.nbytes // 2 + len(rows) * 4 * (degree + 1)

    def search(self, queries: np.ndarray, k: int, setting: tuple[int, int], threads: int = 1) -> np.ndarray:
        self.index.search_window_size = setting[0]
        if self.index.num_threads != threads:
            self.index.num_threads = threads
        return self.index.search(queries, k)[0].astype(np.int64)

    def search_one_by_one(self, queries: np.ndarray, k: int, setting: tuple[int, int]) -> np.ndarray:
        return np.concatenate([self.search(queries[row : row + 1], k, setting) for row in range(len(queries))])
