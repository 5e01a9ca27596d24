"""The command line against a real server: what a person does on the first day, and a kill in the middle of an import."""

import json
import os
import pathlib
import signal
import subprocess
import time

import pytest

from server import BINARY

def write_lines(path: pathlib.Path, count: int):
    with open(path, "w", encoding="utf-8") as file:
        for number in range(count):
            line = {"conv": f"c{number % 7}", "speaker": "Ana", "text": f"line {number} about trains 火车 {number}"}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def exported(server):
    return [json.loads(line) for line in server.loci("export").stdout.splitlines()]


def test_append_history_search(server):
    server.loci("append", "trip", "The train leaves at nine.", "--name", "Ben")
    server.loci("append", "trip", "火车九点开。")
    assert [m["text"] for m in server.json("history", "trip")["messages"]] == ["火车九点开。", "The train leaves at nine."]
    assert "Ben: The train leaves at nine." in server.loci("history", "trip").stdout
    for query, text in [("trains", "The train leaves at nine."), ("火车", "火车九点开。")]:
        assert server.json("search", query)["hits"][0]["message"]["text"] == text
    server.loci("add", "Ben likes window seats.", "--importance", "0.9")
    assert server.json("search", "window", "--in", "memories")["hits"][0]["memory"]["importance"] == pytest.approx(0.9)


def test_an_import_killed_in_the_middle_is_finished_without_doubles(server, tmp_path):
    file = tmp_path / "lines.jsonl"
    write_lines(file, 20_000)
    words = ["import", str(file), "--context-field", "conv", "--name-field", "speaker", "--batch", "50"]
    environment = {**os.environ, "LOCI_TARGET": server.target}
    importing = subprocess.Popen([BINARY, *words], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while server.json("stats", "--tenant", "default", "--agent", "default").get("messages", 0) < 2_000:
        time.sleep(0.01)
    target = server.target
    server.kill()
    importing.communicate()
    assert importing.returncode != 0, "the import must say that it did not finish"
    server.start(listen=target)
    before = len(exported(server))
    assert 2_000 <= before < 20_000
    server.loci(*words)
    texts = [m["text"] for m in exported(server)]
    assert len(texts) == 20_000 and len(set(texts)) == 20_000


def test_an_export_can_be_imported_again(server, tmp_path):
    file = tmp_path / "lines.jsonl"
    write_lines(file, 500)
    server.loci("import", str(file), "--context-field", "conv", "--name-field", "speaker")
    first = server.loci("export").stdout
    (tmp_path / "export.jsonl").write_text(first, encoding="utf-8")
    server.loci("import", str(tmp_path / "export.jsonl"), "--agent", "copy")

    def by_id(text):
        return sorted((json.loads(line) for line in text.splitlines()), key=lambda m: m["id"])

    assert by_id(server.loci("export", "--agent", "copy").stdout) == by_id(first)


def test_health_doctor_and_errors(server):
    assert server.json("health")["status"] == "degraded"  # no encoder
    refused = server.loci("append", "trip", "x", "--trace", "not-a-trace", check=False)
    assert refused.returncode != 0 and "trace_id" in refused.stderr
    data = str(server.folder / "data")
    in_use = server.loci("doctor", "--data", data, check=False)
    assert in_use.returncode == 1 and "another process" in in_use.stdout
    server.loci("append", "trip", "kept")
    server.stop()
    assert "sound" in server.loci("doctor", "--data", data, "--rebuild").stdout
    database = next((server.folder / "data").glob("shard-0001.db"))
    content = bytearray(database.read_bytes())
    content[len(content) // 2] ^= 0x10
    database.write_bytes(content)
    damaged = server.loci("doctor", "--data", data, "--rebuild", check=False)
    assert damaged.returncode == 1 and "shard-0001.db" in damaged.stdout


def test_settings_name_their_origin(server, tmp_path):
    (tmp_path / "loci.yaml").write_text("workers: 3\nshards: 8\n")
    environment = {**os.environ, "LOCI_SHARDS": "16"}
    result = subprocess.run([BINARY, "config", "show", "--json", "--data", "elsewhere"], cwd=tmp_path,
                            env=environment, capture_output=True, text=True, check=True)
    rows = {row["key"]: (row["value"], row["origin"]) for row in json.loads(result.stdout)}
    assert rows["data"] == ("elsewhere", "--data")
    assert rows["shards"] == ("16", "LOCI_SHARDS")
    assert rows["workers"] == ("3", "loci.yaml")
    assert rows["listen"] == ("127.0.0.1:7420", "default")


def test_only_loopback_is_served_and_completions_exist(tmp_path):
    refused = subprocess.run([BINARY, "serve", "--data", str(tmp_path / "d"), "--listen", "0.0.0.0:0", "--model", "none"],
                             capture_output=True, text=True, timeout=30)
    assert refused.returncode != 0 and "loopback" in refused.stderr
    for shell in ["bash", "zsh", "fish"]:
        script = subprocess.run([BINARY, "--generate-completion-script", shell], capture_output=True, text=True)
        assert script.returncode == 0 and "loci" in script.stdout


def test_a_session_is_rolled_back_and_the_rollback_undone(server):
    assert server.json("session", "create", "trip", "--set", "city=Lisbon")["session"]["state"] == "active"
    server.loci("append", "trip", "one")
    snapshot = server.json("session", "snapshot", "trip", "before")["snapshot"]["id"]
    server.loci("append", "trip", "two")
    server.loci("session", "set", "trip", "city=Porto", "note=x")
    difference = server.loci("session", "diff", "trip", snapshot).stdout
    assert "+ message" in difference and "- variable city = Lisbon" in difference
    back = server.json("session", "rollback", "trip", snapshot)
    assert "two" not in server.loci("history", "trip").stdout
    assert "city = Lisbon" in server.loci("session", "show", "trip").stdout
    server.loci("session", "rollback", "trip", back["undoSnapshotID"])
    assert "two" in server.loci("history", "trip").stdout
    server.loci("session", "fork", "trip", "--from", snapshot, "--as", "other")
    assert "two" not in server.loci("history", "other").stdout
    lines = [json.loads(line) for line in server.loci("session", "export", "trip", snapshot).stdout.splitlines()]
    assert [next(iter(line)) for line in lines] == ["session", "snapshot", "variable", "message"]
    assert server.loci("session", "move", "trip", "failed", check=False).returncode != 0
    server.loci("session", "move", "trip", "failed", "no trains")
    assert "failed" in server.loci("session", "list").stdout
    assert len(server.loci("session", "snapshots", "trip").stdout.splitlines()) == 3
    server.loci("session", "prune", "trip", "--keep", "1")
    server.loci("session", "heartbeat", "other", "--timeout-ms", "60000")
    server.loci("session", "delete", "trip", "--with-context")
    assert "trip" not in server.loci("session", "list").stdout
