"""Vector libraries as peers: built once, searched by a setting, all with the interface of harness.vector_index."""

import faiss
import hnswlib
import numpy as np


class Faiss:
    """IVF with 4-bit fast-scan codes and a refinement, by a factory string."""

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
