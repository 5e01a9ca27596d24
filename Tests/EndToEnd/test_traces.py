"""`loci trace` and `loci audit` against a real server: import, look, explain, debug, export, kill, tamper."""

import http.server
import json
import sqlite3
import threading
import time


RUNS = [
    {
        "id": f"run-{number}",
        "steps": [
            {"thought": "find the file", "action": "find_file main.py", "observation": "Found 1 match: /src/main.py"},
            {"thought": "run it", "action": f"python /src/main.py {number}", "observation": "Traceback (most recent call last):\nKeyError: 'x'"},
            {"thought": "run it again", "action": f"python /src/main.py {number}", "observation": "ok"},
        ],
    }
    for number in range(3)
]


def write_runs(path):
    path.write_text("".join(json.dumps(run) + "\n" for run in RUNS), encoding="utf-8")
    return str(path)


def test_runs_are_imported_shown_explained_and_outlive_a_kill(server, tmp_path):
    path = write_runs(tmp_path / "runs.jsonl")
    assert server.json("trace", "import", path, "--format", "swe-agent") == {"steps": 18, "traces": 3}
    server.kill()
    server.start()
    # Imported again nothing is new.
    server.loci("trace", "import", path, "--format", "swe-agent")
    traces = server.json("trace", "list")["traces"]
    assert [trace["steps"] for trace in traces] == [6, 6, 6] and traces[0]["errors"] == 1
    trace = traces[0]["traceID"]
    shown = server.loci("trace", "show", trace, "--texts").stdout
    assert "#4 tool python" in shown and "█" in shown and "KeyError" in shown
    found = server.json("trace", "search", "keyerror", "--trace", trace)["hits"]
    assert [hit["step"]["number"] for hit in found] == [4]
    analysis = server.json("trace", "analyze", trace)
    assert analysis["failure"]["failedStep"] == 4
    retries = [pattern for pattern in analysis["patterns"] if pattern["kind"] == "retry"]
    assert [pattern["steps"] for pattern in retries] == [[4, 6]] and "went well" in retries[0]["detail"]
    assert "failure: began at" in server.loci("trace", "analyze", trace).stdout
    other = traces[1]["traceID"]
    compared = server.json("trace", "compare", trace, other)
    assert compared["firstDivergence"]["fields"] == ["output"] and compared["firstDivergence"]["step"] == 3
    replayed = server.loci("trace", "replay", trace, "--audit").stdout.splitlines()
    assert len(replayed) == 6
    session = server.loci("trace", "debug", trace, "--break", 'status = "error"', input="c\nb\nwatch name\nq\n").stdout
    assert "breakpoint 1" in session and "4/6" in session and "name: think" in session
    server.loci("trace", "delete", trace)
    assert len(server.json("trace", "list")["traces"]) == 2
    server.stop()
    server.loci("doctor", "--data", str(server.folder / "data"), "--rebuild")


def test_a_trace_goes_out_as_otlp_and_comes_back_the_same(server, tmp_path):
    server.loci("trace", "import", write_runs(tmp_path / "runs.jsonl"), "--format", "swe-agent")
    trace = server.json("trace", "list")["traces"][0]["traceID"]
    before = server.json("trace", "show", trace)["steps"]
    path = tmp_path / "trace.otlp"
    server.loci("trace", "export", trace, str(path))
    server.loci("trace", "delete", trace)
    server.loci("trace", "import", str(path))
    after = server.json("trace", "show", trace)["steps"]
    for step in before + after:
        step.pop("attributes", None)
    assert after == before
    path.write_bytes(path.read_bytes()[:-1])
    assert server.loci("trace", "import", str(path), check=False).returncode != 0


def test_rules_alert_and_changes_of_the_log_show(server, tmp_path, monkeypatch):
    received = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            # The first attempt is refused: it must come again.
            received.append((self.headers["loci-signature"], json.loads(body)))
            self.send_response(500 if len(received) == 1 else 200)
            self.end_headers()

        def log_message(self, *words):
            pass

    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    rules = tmp_path / "rules"
    rules.write_text('pii: destination != "" and sensitive contains "email" -> personal data leaves\n', encoding="utf-8")
    command = ["audit", "rules", str(rules), "--webhook", f"http://127.0.0.1:{web.server_port}/", "--secret", "0123456789abcdef"]
    refused = server.loci(*command, check=False)
    assert refused.returncode != 0 and "inside" in refused.stderr
    server.stop()
    monkeypatch.setenv("LOCI_WEBHOOK_HOSTS", "127.0.0.1")
    server.start()
    server.loci(*command)
    # The secret is nowhere in the database, and not in its log.
    for path in (server.folder / "data").glob("shard-*"):
        assert b"0123456789abcdef" not in path.read_bytes()
    for number in range(20):
        server.loci("audit", "record", "agent", "tool.call", f"tool {number}")
    answer = server.json("audit", "record", "agent", "mail", "--detail", "to a@example.org", "--destination", "smtp")
    assert [violation["rule"] for violation in answer["violations"]] == ["pii"]
    assert len(server.json("audit", "violations")["violations"]) == 1
    head = tmp_path / "head"
    server.loci("audit", "head", "--out", str(head))
    assert server.json("audit", "verify", "--head", str(head))["sound"]
    report = server.loci("audit", "report", "--format", "html").stdout
    assert "<svg" in report and "The log is sound" in report
    for _ in range(150):
        if len(received) > 1:
            break
        time.sleep(0.1)
    assert len(received) == 2 and received[0] == received[1]
    assert received[0][0].startswith("sha256=") and received[0][1]["rule"] == "pii"
    web.shutdown()


def test_a_log_that_was_cut_differs_from_a_head_kept_elsewhere(server, tmp_path):
    for number in range(5):
        server.loci("audit", "record", "agent", "tool.call", f"tool {number}")
    head = tmp_path / "head"
    server.loci("audit", "head", "--out", str(head))
    server.kill()
    # Another server, whose log has the first four records only.
    (tmp_path / "other").mkdir()
    other = type(server)(tmp_path / "other")
    for number in range(4):
        other.loci("audit", "record", "agent", "tool.call", f"tool {number}")
    result = other.loci("audit", "verify", "--head", str(head), check=False)
    assert result.returncode == 1 and "NOT sound" in result.stdout
    other.stop()
