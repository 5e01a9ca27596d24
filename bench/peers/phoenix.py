"""Phoenix's local server (SQLite), fed with OTLP over HTTP. Prints one JSON object.

    python -m peers.phoenix FOLDER CALLERS SECONDS BATCH TEXT_BYTES

It answers when a batch is queued, before it is written; so each caller waits until its batch is in the database before it
sends the next. The rate counts spans that are there, over the time until the last of them is.
"""

import json
import os
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from peers import texts


# Batches of each caller. More than it gets rid of in ten seconds.
PREPARED = 40
# Seconds without a new span in the database after which the rest is given up.
PATIENCE = 60


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


def request(caller: int, call: int, batch: int, text) -> bytes:
    message = ExportTraceServiceRequest()
    spans = message.resource_spans.add().scope_spans.add().spans
    trace = caller.to_bytes(8, "big") + (call + 1).to_bytes(8, "big")
    start = 1_700_000_000_000_000_000
    for number in range(batch):
        span = spans.add(
            trace_id=trace,
            # Spread by an odd factor, so that no two are the same: it keeps each span id once.
            span_id=((caller << 32 | call * batch + number + 1) * 0x9E3779B97F4A7C15 % 2**64).to_bytes(8, "big"),
            name=("turn", "chat", "search", "read_file")[number % 4],
            kind=1,
            start_time_unix_nano=start + number * 1_000_000,
            end_time_unix_nano=start + number * 1_000_000 + 900_000,
        )
        if number:
            span.parent_span_id = spans[0].span_id
        for key, value in (
            ("openinference.span.kind", "LLM" if number % 2 else "TOOL"),
            ("input.value", text(call * batch + number)),
            ("output.value", text(call * batch + number + 1)),
            ("attempt", str(number % 3)),
        ):
            pair = span.attributes.add(key=key)
            pair.value.string_value = value
    return message.SerializeToString()


def stored(database: Path) -> int:
    try:
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=10) as connection:
            return connection.execute("SELECT count(*) FROM spans").fetchone()[0]
    except sqlite3.OperationalError:
        return 0


class Progress:
    """How many spans are in the database, looked at ten times a second."""

    def __init__(self, database: Path) -> None:
        self.database, self.count, self.at = database, 0, time.perf_counter()
        self.changed = threading.Condition()
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while True:
            now = stored(self.database)
            with self.changed:
                if now > self.count:
                    self.count, self.at = now, time.perf_counter()
                self.changed.notify_all()
            time.sleep(0.1)

    def wait_for(self, count: int) -> None:
        with self.changed:
            while self.count < count and time.perf_counter() - self.at < PATIENCE:
                self.changed.wait(1)


def wait_until_ready(url: str, process: subprocess.Popen) -> None:
    for _ in range(1200):
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("phoenix did not start")


def main() -> None:
    folder, callers, seconds, batch, size = sys.argv[1], *map(float, sys.argv[2:])
    Path(folder).mkdir(parents=True, exist_ok=True)
    port = free_port()
    environment = {
        **os.environ,
        "PHOENIX_WORKING_DIR": folder,
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_PORT": str(port),
        "PHOENIX_GRPC_PORT": str(free_port()),
        "PHOENIX_TELEMETRY_ENABLED": "false",
    }
    with open(Path(folder) / "log", "w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "phoenix.server.main", "serve"], env=environment, stdout=log, stderr=log
        )
    try:
        wait_until_ready(f"http://127.0.0.1:{port}/healthz", process)
        database = Path(folder) / "phoenix.db"
        sent, failed = [0], [0]
        # Made before the clock starts: the peer has the cores to itself.
        bodies = []
        for caller in range(int(callers)):
            text = texts.maker(caller, int(size))
            bodies.append([request(caller, call, int(batch), text) for call in range(PREPARED)])
        progress = Progress(database)

        def post(caller: int) -> None:
            for body in bodies[caller]:
                if time.perf_counter() > end:
                    return
                try:
                    urllib.request.urlopen(
                        urllib.request.Request(
                            f"http://127.0.0.1:{port}/v1/traces",
                            data=body,
                            headers={"content-type": "application/x-protobuf"},
                        ),
                        timeout=120,
                    ).read()
                except OSError:
                    failed[0] += 1
                    time.sleep(0.05)
                    continue
                with lock:
                    sent[0] += int(batch)
                    mine = sent[0]
                progress.wait_for(mine)

        lock = threading.Lock()
        started = time.perf_counter()
        end = started + seconds
        threads = [threading.Thread(target=post, args=(caller,)) for caller in range(int(callers))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        last, elapsed = progress.count, progress.at - started
        print(
            json.dumps(
                {"rate": last / elapsed, "stored": last, "sent": sent[0], "refused_batches": failed[0], "seconds": elapsed}
            )
        )
    finally:
        process.terminate()
        process.wait(30)


if __name__ == "__main__":
    main()
