"""The connection against a real server: sharing, deadlines, limits, losing it."""

import threading
import uuid

import pytest

from conftest import Server
from loci import Client, DeadlineExceededError, InvalidArgumentError, UnavailableError, UnimplementedError
from loci._proto.loci.v1 import admin_pb2


def test_threads_share_a_connection(loci):
    failures = []

    def call(number):
        payload = f"{number}".encode() * 100
        for _ in range(100):
            if loci.admin.echo(payload) != payload:
                failures.append(number)

    threads = [threading.Thread(target=call, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert loci.admin.stats().connections == 1


def test_a_unix_socket_serves_too(server):
    with Client(f"unix:{server.socket}") as client:
        assert client.admin.health().version
        assert client.admin.echo(b"") == b""


def test_a_call_has_a_deadline(loci):
    with pytest.raises(DeadlineExceededError):
        loci.admin.echo(b"late", timeout=1e-9)
    assert loci.admin.echo(b"next") == b"next"


def test_large_payloads_pass_and_larger_ones_are_refused_here(loci):
    payload = bytes(3 << 20)
    assert loci.admin.echo(payload) == payload
    with pytest.raises(InvalidArgumentError):
        loci.admin.echo(bytes(5 << 20))
    assert loci.admin.echo(b"next") == b"next"


def test_an_unknown_method_is_unimplemented(loci):
    with pytest.raises(UnimplementedError):
        loci._channel.unary(
            "loci.v1.AdminService", "Nope", admin_pb2.EchoRequest(), admin_pb2.EchoResponse, 5
        )


def test_a_call_given_up_leaves_the_others_alone(loci):
    stream = loci.contexts.append_stream()
    stream.append("chat", ["text"], create=True)
    stream.cancel()
    assert loci.admin.echo(b"next") == b"next"


def test_nobody_listening_is_unavailable():
    with Client("127.0.0.1:1", connect_timeout=1) as client:
        for _ in range(3):
            with pytest.raises(UnavailableError):
                client.admin.echo(b"")


def test_a_closed_client_says_so(server):
    client = Client(server.target)
    client.admin.echo(b"")
    client.close()
    with pytest.raises(UnavailableError):
        client.admin.echo(b"")


@pytest.mark.parametrize("target", ["", "localhost", "localhost:", "localhost:port"])
def test_targets_are_checked(target):
    with pytest.raises(ValueError):
        Client(target)


def test_it_reconnects_after_the_server_died_and_finds_what_was_acknowledged(server, tmp_path):
    own = Server(tmp_path)
    own.start()
    with Client(own.target, tenant="tests", agent=uuid.uuid4().hex) as client:
        for number in range(20):
            client.contexts.append("chat", [str(number)], create=True)
        own.kill()
        with pytest.raises(UnavailableError):
            client.admin.echo(b"")
        own.start()
        for _ in range(20):
            try:
                texts = [message.text for message in client.contexts.messages("chat")]
                break
            except UnavailableError:
                continue
        assert texts == [str(number) for number in range(20)]
    own.stop()
