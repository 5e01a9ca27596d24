"""LangGraph's SqliteSaver.put, one checkpoint a message. Prints one JSON object.

    python -m peers.sqlite_saver FOLDER CALLERS SECONDS TEXT_BYTES

Threads share one saver, as its API means it to be used (it has a lock of its own); each has a thread_id. The
checkpoint holds the new message alone, the smallest that LangGraph could write.
"""

import json
import sys
from pathlib import Path

from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.base.id import uuid6
from langgraph.checkpoint.sqlite import SqliteSaver

from peers import closed_loop, texts


def main() -> None:
    folder, callers, seconds, size = sys.argv[1:]
    file = Path(folder) / "checkpoints.sqlite"
    file.parent.mkdir(parents=True, exist_ok=True)
    with SqliteSaver.from_conn_string(str(file)) as saver:
        saver.setup()

        def make_call(caller: int):
            text = texts.maker(caller, int(size))
            config = {"configurable": {"thread_id": f"thread-{caller}", "checkpoint_ns": ""}}

            def call(number: int) -> None:
                nonlocal config
                checkpoint = empty_checkpoint()
                checkpoint["id"] = str(uuid6(clock_seq=number))
                checkpoint["channel_values"] = {"messages": text(number)}
                config = saver.put(config, checkpoint, {"source": "loop", "step": number}, {})

            return call

        result = closed_loop.run(int(callers), float(seconds), make_call)
        one = lambda statement: saver.conn.execute(statement).fetchone()[0]  # noqa: E731
        result["rows"] = one("SELECT count(*) FROM checkpoints")
        result["journal_mode"] = one("PRAGMA journal_mode")
        result["synchronous"] = one("PRAGMA synchronous")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
