"""Drives peers.chroma from the harness."""

import json
import shutil
import subprocess
import sys
from importlib.metadata import version as package_version
from pathlib import Path

from harness.process import Failed


class ChromaProcess:
    def __init__(self, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        command = [sys.executable, "-m", "peers.chroma", str(folder)]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, text=True, stderr=subprocess.DEVNULL
        )

    def do(self, what: str, **options: object) -> dict:
        self._process.stdin.write(json.dumps({"do": what, **options}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise Failed(f"chromadb ended while asked to {what}: exit code {self._process.wait()}")
        return json.loads(line)

    def __enter__(self) -> "ChromaProcess":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()
        try:
            self._process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


def version() -> str:
    return package_version("chromadb")
