"""Our side: a Loci server with a data folder of its own, and the loads of `loci bench`."""

import shutil
import subprocess
from pathlib import Path

from harness.paths import LOCI, MODEL, SCRATCH
from harness.process import Failed, Server, run_json


def serve(name: str, *, with_model: bool, keep: bool = False) -> Server:
    """Starts a server; `name` names its folder, emptied first unless `keep`."""
    folder = SCRATCH / name
    if not keep:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    port_file = folder / "port"
    command = [str(LOCI), "serve", "--data", str(folder / "data"), "--listen", "127.0.0.1:0"]
    command += ["--port-file", str(port_file), "--log-level", "warning"]
    if with_model:
        command += ["--model", str(MODEL)]
    return Server(command, folder / "log", port_file)


def load(kind: str, target: str, **options: object) -> dict:
    """Runs `loci bench KIND`; refuses figures that have errors in them."""
    command = [str(LOCI), "bench", kind, "--target", target, "--json"]
    for name, value in options.items():
        command += [f"--{name.replace('_', '-')}", str(value)]
    result = run_json(command)
    if result.get("errors"):
        raise Failed(
            f"{' '.join(command)}: {result['errors']} errors, first: {result.get('first_error', '?')}"
        )
    return result


def load_memories(target: str, tenant: str, agent: str, file: Path) -> dict:
    command = [
        str(LOCI),
        "bench",
        "load",
        str(file),
        "--target",
        target,
        "--tenant",
        tenant,
        "--agent",
        agent,
    ]
    return run_json([*command, "--timeout", "300", "--json"], timeout=1800)


def stats(target: str) -> dict:
    return run_json([str(LOCI), "stats", "--target", target, "--json"])


def calls_so_far(target: str, method: str) -> int:
    """Calls of `method` that the server has counted."""
    return next((m["calls"] for m in stats(target)["methods"] if m["method"] == method), 0)


def version() -> str:
    if not LOCI.exists():
        raise Failed(f"no Loci at {LOCI}: run `make build`, or set LOCI_BIN")
    return subprocess.run([str(LOCI), "--version"], capture_output=True, text=True).stdout.strip()
