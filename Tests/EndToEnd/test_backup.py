"""Backup of a server that is written to, and what a restored one holds."""

import json
import os
import subprocess
import threading

import loci
import pytest

from server import BINARY, Server


@pytest.fixture
def restored(tmp_path):
    """Starts a server on what a backup holds."""
    servers = []

    def restore(backup):
        folder = tmp_path / f"restored-{len(servers)}"
        folder.mkdir()
        done = run("restore", backup, "--data", folder / "data")
        assert done.returncode == 0, done.stderr
        servers.append(Server(folder))
        return servers[-1]

    yield restore
    for server in servers:
        if server.process.poll() is None:
            server.stop()


def run(*words):
    return subprocess.run([BINARY, *map(str, words)], capture_output=True, text=True)


def texts(server, agent):
    lines = server.loci("export", "--agent", agent).stdout.splitlines()
    return [json.loads(line)["text"] for line in lines]


def test_what_was_acknowledged_before_a_backup_is_in_it(server, restored, tmp_path):
    acknowledged, stop = [], threading.Event()

    def write(number):
        with loci.Client(server.target) as client:
            agent = client.for_agent("default", f"agent-{number}")
            while not stop.is_set():
                text = f"train {number} {len(acknowledged)}"
                agent.contexts.append("c", [text], create=True)
                acknowledged.append((f"agent-{number}", text))

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    while len(acknowledged) < 500:
        pass
    before = list(acknowledged)
    report = server.json("backup", str(tmp_path / "backup"))
    during = len(acknowledged)
    stop.set()
    for writer in writers:
        writer.join()
    assert during > len(before), "writers went on meanwhile"
    assert report["events"] >= len(before)

    copy = restored(tmp_path / "backup")
    held = {(f"agent-{number}", text) for number in range(4) for text in texts(copy, f"agent-{number}")}
    assert set(before) <= held <= set(acknowledged)
    assert copy.json("search", "train", "--agent", "agent-2")["hits"], "words are found"
    copy.loci("append", "c", "written after the restore", "--agent", "agent-2")
    assert texts(copy, "agent-2")[-1] == "written after the restore"
    copy.stop()
    assert "sound" in run("doctor", "--data", copy.folder / "data", "--rebuild").stdout


def test_a_damaged_backup_is_named_and_not_restored(server, tmp_path):
    server.loci("append", "trip", "The train leaves at nine.")
    server.loci("backup", str(tmp_path / "backup"))
    again = server.loci("backup", str(tmp_path / "backup"), check=False)
    assert again.returncode != 0 and "exists already" in again.stderr
    for name in os.listdir(tmp_path / "backup"):
        path = tmp_path / "backup" / name
        good = path.read_bytes()
        for bad in [good[: len(good) // 2], good[:-1] + bytes([good[-1] ^ 1]), None]:
            if bad is None:
                path.unlink()
            else:
                path.write_bytes(bad)
            done = run("restore", tmp_path / "backup", "--data", tmp_path / "restored")
            assert done.returncode != 0 and name in done.stderr, (name, done.stderr)
            assert not (tmp_path / "restored").exists()
            path.write_bytes(good)
    assert run("restore", tmp_path / "backup", "--data", tmp_path / "new").returncode == 0
    taken = run("restore", tmp_path / "backup", "--data", tmp_path / "new")
    assert taken.returncode != 0 and "exists already" in taken.stderr


def test_a_backup_whose_server_dies_has_no_name(server, tmp_path):
    with loci.Client(server.target) as client:
        agent = client.for_agent("default", "default")
        for number in range(40):
            agent.contexts.append("c", [f"{number} " + os.urandom(100_000).hex()], create=True)
    backup = subprocess.Popen(
        [BINARY, "backup", str(tmp_path / "backup")],
        env={**os.environ, "LOCI_TARGET": server.target}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )
    while not (tmp_path / "backup.partial").exists() and backup.poll() is None:
        pass
    server.kill()
    backup.communicate()
    if (tmp_path / "backup").exists():  # it was faster than the signal
        assert run("restore", tmp_path / "backup", "--data", tmp_path / "first").returncode == 0
        (tmp_path / "backup").rename(tmp_path / "whole")
    else:
        assert backup.returncode != 0
    server.start()
    assert not (server.folder / "data" / "backup.tmp").exists(), "the next start clears up"
    server.loci("backup", str(tmp_path / "backup"))
