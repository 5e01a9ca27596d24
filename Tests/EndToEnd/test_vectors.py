"""`loci vectors` against a real server: files of every kind, and a kill after an import."""

import json
import struct

import pytest


ROWS = [[float((row * 7 + column * 3) % 11 - 5) for column in range(6)] for row in range(50)]


def write_npy(path, code, pack):
    body = b"".join(struct.pack("<" + pack * len(row), *(row if pack in "fde" else map(int, row))) for row in ROWS)
    header = f"{{'descr': '<{code}', 'fortran_order': False, 'shape': ({len(ROWS)}, 6), }}".ljust(117) + "\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + body)


def write_vecs(path, pack):
    with open(path, "wb") as file:
        for row in ROWS:
            values = row if pack == "f" else [int(value) for value in row]
            file.write(struct.pack("<i", len(row)) + struct.pack("<6" + pack, *values))


def nearest(server, collection, row, limit=3):
    vector = ",".join(str(value) for value in ROWS[row])
    return server.json("vectors", "search", collection, f"--vector={vector}", "-k", str(limit))["hits"]


@pytest.mark.parametrize("kind", ["f4", "f8", "f2", "i1", "i4", "fvecs", "ivecs"])
def test_numbers_from_binary_files(server, tmp_path, kind):
    if kind.endswith("vecs"):
        path = tmp_path / f"rows.{kind}"
        write_vecs(path, "f" if kind == "fvecs" else "i")
    else:
        path = tmp_path / "rows.npy"
        write_npy(path, kind, {"f4": "f", "f8": "d", "f2": "e", "i1": "b", "i4": "i"}[kind])
    assert server.json("vectors", "import", "rows", str(path), "--metric", "l2")["imported"] == 50
    hits = nearest(server, "rows", 17, limit=50)
    assert len(hits) == 50
    best = [hit["score"] for hit in hits]
    assert best[0] == pytest.approx(0) and best == sorted(best, reverse=True)


def test_lines_with_names_and_attributes_outlive_a_kill(server, tmp_path):
    path = tmp_path / "rows.jsonl"
    with open(path, "w", encoding="utf-8") as file:
        for number, row in enumerate(ROWS):
            file.write(json.dumps({"id": f"row-{number}", "vector": row, "attributes": {"n": number, "even": number % 2 == 0}}) + "\n")
    server.loci("vectors", "import", "named", str(path), "--names", "--metric", "l2")
    server.kill()
    server.start()
    found = server.loci("vectors", "search", "named", "--like", "row-3", "-k", "2").stdout
    assert "row-" in found and "n=" in found and "row-3 " not in found
    assert "50 points" in server.loci("vectors", "stats", "named").stdout
    assert "50 points" in server.loci("vectors", "stats").stdout
    server.loci("vectors", "stats", "named", "--optimize")
    assert "1" in server.loci("vectors", "stats", "named").stdout
    assert server.json("vectors", "bench", "named", "--batch", "10", "--seconds", "0.2", "--warm-up", "0")["errors"] == 0


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY\x01\x00\xff\xff", b"junk" * 40])
def test_files_that_are_none_are_named(server, tmp_path, content):
    for name in ["rows.npy", "rows.fvecs", "rows.jsonl", "rows.txt"]:
        path = tmp_path / name
        path.write_bytes(content)
        result = server.loci("vectors", "import", "bad", str(path), check=False)
        assert result.returncode != 0 and name in result.stderr
