"""Plain SQLite through Python: one INSERT, one commit, one fsync a message. Prints one JSON object.

    python -m peers.plain_sqlite FOLDER CALLERS SECONDS TEXT_BYTES (shared | own)

`shared` is one connection behind a lock; `own` is a connection for each thread, which wait for each other
with SQLite's busy timeout.
"""

import json
import sqlite3
import sys
import threading
import time
from pathlib import Path

from peers import closed_loop, texts

SCHEMA = """
CREATE TABLE IF NOT EXISTS messages (
  id INTEGER PRIMARY KEY, context TEXT NOT NULL, role TEXT NOT NULL, text TEXT NOT NULL,
  created_at_us INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS messages_by_context ON messages (context, id);
"""
INSERT = "INSERT INTO messages (context, role, text, created_at_us) VALUES (?, 'user', ?, ?)"


def connect(file: Path) -> sqlite3.Connection:
    # Autocommit mode: the INSERT is its own transaction, which is the least that a commit can cost.
    connection = sqlite3.connect(file, timeout=60, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def main() -> None:
    folder, callers, seconds, size, mode = sys.argv[1:]
    file = Path(folder) / "messages.sqlite"
    file.parent.mkdir(parents=True, exist_ok=True)
    shared = connect(file)
    shared.executescript(SCHEMA)
    lock = threading.Lock()

    def make_call(caller: int):
        text = texts.maker(caller, int(size))
        context = f"context-{caller}"
        if mode == "own":
            own = connect(file)
            return lambda call: own.execute(INSERT, (context, text(call), time.time_ns() // 1000))

        def call(number: int) -> None:
            with lock:
                shared.execute(INSERT, (context, text(number), time.time_ns() // 1000))

        return call

    result = closed_loop.run(int(callers), float(seconds), make_call)
    result["rows"] = shared.execute("SELECT count(*) FROM messages").fetchone()[0]
    result["sqlite"] = sqlite3.sqlite_version
    result["journal_mode"] = shared.execute("PRAGMA journal_mode").fetchone()[0]
    result["synchronous"] = shared.execute("PRAGMA synchronous").fetchone()[0]
    print(json.dumps(result))


if __name__ == "__main__":
    main()
