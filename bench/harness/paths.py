"""Where things are."""

import os
from pathlib import Path

BENCH = Path(__file__).resolve().parent.parent
ROOT = BENCH.parent
OUT = BENCH / "out"
# On the same file system as the repository, so that every store is measured on the same disk.
SCRATCH = OUT / "scratch"
LOCI = Path(os.environ.get("LOCI_BIN", ROOT / ".build/release/loci")).resolve()
MODEL = Path(os.environ.get("LOCI_MODEL", ROOT / ".models/all-MiniLM-L6-v2")).resolve()
SHARED_DATA = Path(os.environ.get("LOCI_SHARED_DATA", ROOT / "../shared/data")).resolve()
