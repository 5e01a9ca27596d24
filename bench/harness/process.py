"""Child processes: servers that name their port, commands that print JSON, CPU time spent."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from harness.paths import BENCH


# Without settings of Loci's that happen to be in the environment.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("LOCI_")}


class Failed(Exception):
    """A child did not do what it was started for; the message is for a person."""


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far, threads that have ended included. In steps of 10 ms."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run_json(command: list[str], timeout: float = 600) -> dict:
    """The JSON object that a command prints in its last line."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, env=ENVIRONMENT)
    if done.returncode != 0:
        raise Failed(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr[-2000:]}")
    try:
        return json.loads(done.stdout.strip().splitlines()[-1])
    except (IndexError, ValueError) as error:
        raise Failed(f"{' '.join(command)}: no JSON in {done.stdout[-500:]!r}") from error


def run_peer(module: str, *arguments: object, timeout: float = 900) -> dict:
    """Runs a Python peer in a process of its own, so that it has an interpreter lock to itself."""
    return run_json([sys.executable, "-m", module, *map(str, arguments)], timeout)


class Server:
    """A running server process; stops with the `with` block."""

    def __init__(self, command: list[str], log: Path, port_file: Path | None = None) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        self._log = log
        if port_file is not None:
            port_file.unlink(missing_ok=True)
        with open(log, "w") as output:
            self._process = subprocess.Popen(
                command,
                cwd=BENCH,
                env=ENVIRONMENT,
                text=True,
                stderr=output,
                stdout=output if port_file else subprocess.PIPE,
            )
        try:
            self.target = self._wait_for(port_file) if port_file else self._process.stdout.readline().strip()
        except BaseException:
            self._process.kill()
            raise
        if not self.target:
            raise Failed(f"{command[0]} did not start: {log.read_text()[-2000:]}")

    @property
    def pid(self) -> int:
        return self._process.pid

    def _wait_for(self, port_file: Path) -> str:
        for _ in range(1200):
            if port_file.exists():
                return port_file.read_text().strip()
            if self._process.poll() is not None:
                break
            time.sleep(0.05)
        return ""

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()
