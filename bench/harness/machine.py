"""What the figures were measured on."""

import os
import platform
import statistics
import subprocess
import time
from pathlib import Path

from harness.paths import ROOT, SCRATCH


def describe() -> dict:
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "kernel": f"{platform.system()} {platform.release()}",
        "fsync_us": fsync_microseconds(),
        "load_average_at_start": round(os.getloadavg()[0], 2),
        "commit": _commit(),
        "started_at": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
    }


def line(machine: dict) -> str:
    fsync = machine["fsync_us"]
    return (
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, {machine['kernel']}; "
        f"4 KiB write + fdatasync {fsync['p50']:.0f} µs median, {fsync['p99']:.0f} µs p99; "
        f"load average {machine['load_average_at_start']} at start"
        + (f" and {machine['load_average_at_end']} at end" if "load_average_at_end" in machine else "")
        + f"; {machine['started_at']}, commit {machine['commit']}"
    )


def fsync_microseconds(count: int = 300) -> dict:
    """Latency of appending 4 KiB and forcing it to disk, where the stores are measured."""
    SCRATCH.mkdir(parents=True, exist_ok=True)
    path = SCRATCH / "fsync-probe"
    block, times = bytes(4096), []
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        for _ in range(count):
            start = time.perf_counter()
            os.write(file, block)
            os.fdatasync(file)
            times.append((time.perf_counter() - start) * 1e6)
    finally:
        os.close(file)
        path.unlink()
    times.sort()
    return {"p50": round(statistics.median(times), 1), "p99": round(times[int(count * 0.99)], 1)}


def _cpu_model() -> str:
    fields = {}
    for row in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = row.partition(":")
        fields.setdefault(name.strip(), value.strip())
    level = next((flag for flag in ("avx512f", "avx2") if flag in fields.get("flags", "").split()), "")
    return " ".join(filter(None, [fields.get("model name", platform.machine()), level and f"({level})"]))


def _commit() -> str:
    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
        return done.stdout.strip()

    commit = git("rev-parse", "--short", "HEAD") or "unknown"
    return commit + (
        "+" if git("status", "--porcelain", "--untracked-files=no", "--", "Sources", "CBridge") else ""
    )
