"""A real server in a process of its own, and the command line that talks to it."""

import json
import os
import signal
import subprocess
import time

BINARY = os.path.abspath(os.environ.get("LOCI_BIN", ".build/release/loci"))


class Server:
    def __init__(self, folder):
        self.folder, self.port_file = folder, folder / "port"
        self.start()

    def start(self, listen="127.0.0.1:0"):
        self.port_file.unlink(missing_ok=True)
        command = [BINARY, "serve", "--data", str(self.folder / "data"), "--model", "none", "--listen", listen,
                   "--port-file", str(self.port_file), "--log-level", "error"]
        self.process = subprocess.Popen(command, cwd=self.folder)
        for _ in range(1000):
            if self.port_file.exists():
                self.target = self.port_file.read_text().strip()
                return
            time.sleep(0.01)
        raise AssertionError("the server did not start")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(30) == 0

    def loci(self, *words, check=True, **keywords):
        environment = {**os.environ, "LOCI_TARGET": self.target}
        result = subprocess.run([BINARY, *words], capture_output=True, text=True, env=environment, **keywords)
        if check:
            assert result.returncode == 0, result.stderr
        return result

    def json(self, *words):
        return json.loads(self.loci(*words, "--json").stdout)
