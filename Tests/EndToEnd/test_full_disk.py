"""A real server on a disk that really is full: a small file system of its own, in a mount namespace of its own."""

import os
import signal
import subprocess
import time

import loci
import pytest
from loci.errors import LociError

BINARY = os.path.abspath(os.environ.get("LOCI_BIN", ".build/release/loci"))
SPACE = 12 << 20

SCRIPT = """
mount -t tmpfs -o size={space} loci-full-disk {disk} || exit 77
{binary} serve --data {disk}/data --model none --listen 127.0.0.1:0 --port-file {port} --log-level error &
echo $! > {pid}
wait $!
status=$?
{binary} doctor --data {disk}/data --rebuild || exit 3
exit $status
"""


@pytest.fixture
def machine(tmp_path):
    """The process that holds the namespace, the server's process id, and its address."""
    disk = tmp_path / "disk"
    disk.mkdir()
    port, pid = tmp_path / "port", tmp_path / "pid"
    script = SCRIPT.format(space=SPACE, disk=disk, binary=BINARY, port=port, pid=pid)
    try:
        process = subprocess.Popen(["unshare", "--mount", "sh", "-c", script], stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True)
    except FileNotFoundError:
        pytest.skip("there is no unshare here")
    while not port.exists():
        if process.poll() is not None:
            output = process.communicate()[0]
            assert process.returncode in (1, 77), output
            pytest.skip(f"cannot mount a file system here: {output.strip()}")
        time.sleep(0.01)
    server = int(pid.read_text())
    yield process, server, port.read_text().strip(), disk
    if process.poll() is None:
        os.kill(server, signal.SIGKILL)
        process.communicate()


def test_a_full_disk_refuses_reads_go_on_and_writes_come_back(machine):
    process, server, target, disk = machine
    inside = f"/proc/{server}/root{disk}/ballast"
    stored, refused = [], []
    with loci.Client(target, timeout=30) as client:
        agent = client.for_agent("t", "a")

        def append(number):
            text = f"number {number} " + "steam train " * (number % 700)
            try:
                stored.append((agent.contexts.append("log", [text], create=True, request_id=f"r{number}")
                               .message_ids[0], text))
            except LociError as error:
                refused.append((number, error))

        for number in range(50):
            append(number)
        assert not refused
        with open(inside, "wb", buffering=0) as ballast:  # somebody else takes the rest of the disk
            try:
                while ballast.write(bytes(4096)) == 4096:
                    pass
            except OSError:
                pass
        for number in range(50, 600):
            append(number)
        assert len(refused) > 100
        for number, error in refused:
            assert error.reason == "STORAGE_FULL", f"{number}: {error}"
        assert [(m.id, m.text) for m in agent.contexts.export()] == stored, "reads go on, and show what was acknowledged"
        os.remove(inside)
        again, refused = [number for number, _ in refused][:100], []
        for number in again:
            append(number)
        assert not refused, "there is space again"
        assert [(m.id, m.text) for m in agent.contexts.export()] == stored
    os.kill(server, signal.SIGTERM)
    output = process.communicate(timeout=60)[0]
    assert process.returncode == 0, output
    assert "sound" in output
