"""Where things are."""

import os
from pathlib import Path

BENCH = Path(__file__).resolve().parent.parent
ROOT = BENCH.parent
OUT = BENCH / "out"
# On the file system of the repository, so that every store is measured on the same disk. One for each run.
SCRATCH = OUT / f"scratch-{os.getpid()}"
LOCI = Path(os.environ.get("LOCI_BIN", ROOT / ".build/release/loci")).resolve()
MODEL = Path(os.environ.get("LOCI_MODEL", ROOT / ".models/all-MiniLM-L6-v2")).resolve()
SHARED_DATA = Path(os.environ.get("LOCI_SHARED_DATA", ROOT / "../shared/data")).resolve()
