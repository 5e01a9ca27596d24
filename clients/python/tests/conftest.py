"""A real server for the tests: `LOCI_BIN` names the binary, `LOCI_MODEL` the encoder's folder (optional)."""

import os
import signal
import subprocess
import time
import uuid
from pathlib import Path

import pytest

from loci import Client


class Server:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port_file = folder / "port"
        self.socket = folder / "loci.sock"
        self._listen = "127.0.0.1:0"
        self._process = None

    @property
    def target(self) -> str:
        return self._listen

    def start(self) -> None:
        command = [
            os.environ["LOCI_BIN"],
            "serve",
            "--data",
            str(self.folder / "data"),
            "--listen",
            self._listen,
        ]
        command += ["--port-file", str(self.port_file), "--socket", str(self.socket)]
        if os.environ.get("LOCI_MODEL"):
            command += ["--model", os.environ["LOCI_MODEL"]]
        self.port_file.unlink(missing_ok=True)
        self._process = subprocess.Popen(command, stderr=open(self.folder / "log", "a"))
        for _ in range(600):
            if self.port_file.exists():
                self._listen = self.port_file.read_text().strip()
                return
            if self._process.poll() is not None:
                break
            time.sleep(0.05)
        raise RuntimeError(f"the server did not start: {(self.folder / 'log').read_text()}")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(timeout=30)


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    if not os.environ.get("LOCI_BIN"):
        pytest.skip("LOCI_BIN names no server to test against")
    running = Server(tmp_path_factory.mktemp("server"))
    running.start()
    yield running
    running.stop()


@pytest.fixture
def loci(server):
    """A client for an agent that no other test has."""
    with Client(server.target, tenant="tests", agent=uuid.uuid4().hex) as client:
        yield client
