"""OpenTelemetry's own exporter, and requests that are wrong, against `loci serve --otlp`."""

import gzip
import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

import pytest
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from opentelemetry.trace import Status, StatusCode

LOCI = os.path.abspath(os.environ.get("LOCI_BIN", ".build/release/loci"))
ROOT_KEY = "the root key of this test, of more than thirty-two bytes"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    def __init__(self, folder, *flags):
        self.folder, self.flags = folder, flags
        self.url = f"http://127.0.0.1:{free_port()}/v1/traces"

    def __enter__(self):
        port_file = self.folder / "port"
        port_file.unlink(missing_ok=True)
        address = self.url.split("/")[2]
        self.process = subprocess.Popen(
            [LOCI, "serve", "--data", str(self.folder / "data"), "--listen", "127.0.0.1:0", "--model", "none"]
            + ["--otlp", address, "--port-file", str(port_file), "--log-level", "error", *self.flags],
            env={**os.environ, "LOCI_ROOT_KEY": ROOT_KEY},
        )
        for _ in range(600):
            if port_file.exists():
                self.target = port_file.read_text().strip()
                return self
            assert self.process.poll() is None
            time.sleep(0.05)
        raise RuntimeError("the server did not start")

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=30) == 0

    def loci(self, *words, **environment):
        done = subprocess.run(
            [LOCI, *words], capture_output=True, text=True, timeout=60,
            env={**os.environ, "LOCI_TARGET": self.target, **environment})
        assert done.returncode == 0, done.stderr
        return done.stdout

    def json(self, *words, **environment):
        return json.loads(self.loci(*words, "--json", **environment))

    def post(self, body, headers=None, method="POST", url=None):
        request = urllib.request.Request(
            url or self.url, data=body, method=method,
            headers={"content-type": "application/x-protobuf", **(headers or {})})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()


@pytest.fixture
def server(tmp_path):
    with Server(tmp_path) as server:
        yield server


def a_request(spans=1, text="hi"):
    message = ExportTraceServiceRequest()
    scope = message.resource_spans.add().scope_spans.add()
    for number in range(spans):
        span = scope.spans.add(
            trace_id=(7).to_bytes(16, "big"), span_id=(number + 1).to_bytes(8, "big"), name="chat", kind=1,
            start_time_unix_nano=10**18, end_time_unix_nano=10**18 + 5_000_000)
        span.attributes.add(key="input.value").value.string_value = text
    return message


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip, Compression.Deflate])
def test_the_exporter_delivers_what_an_instrumented_program_did(server, compression):
    provider = TracerProvider(resource=Resource.create({"service.name": "planner"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=server.url, compression=compression)))
    tracer = provider.get_tracer("test")
    with tracer.start_as_current_span("invoke_agent planner", attributes={"gen_ai.operation.name": "invoke_agent"}) as root:
        trace = format(root.get_span_context().trace_id, "032x")
        with tracer.start_as_current_span("chat gpt-4o") as span:
            span.set_attributes({
                "gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", "gen_ai.usage.input_tokens": 12,
                "gen_ai.usage.output_tokens": 3, "gen_ai.input.messages": '[{"role": "user", "content": "火车?"}]'})
        with tracer.start_as_current_span("execute_tool timetable") as span:
            span.set_attributes({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.call.arguments": '{"to": "Rome"}'})
            span.record_exception(TimeoutError("no answer in 5 s"))
            span.set_status(Status(StatusCode.ERROR, "no answer"))
    provider.shutdown()
    shown = server.json("trace", "show", trace)
    steps = {step["name"]: step for step in shown["steps"]}
    assert shown["trace"]["name"] == "invoke_agent planner" and shown["trace"]["errors"] == 1
    chat, tool = steps["chat gpt-4o"], steps["execute_tool timetable"]
    assert (chat["kind"], chat["model"], chat["inputTokens"], chat["outputTokens"]) == ("llm", "gpt-4o", 12, 3)
    assert "火车" in chat["input"] and chat["actor"] == "planner"
    assert chat["parentSpanID"] == steps["invoke_agent planner"]["spanID"]
    assert tool["error"] == "TimeoutError: no answer in 5 s" and tool["input"] == '{"to": "Rome"}'


def test_a_thousand_spans_at_once_and_the_same_again(server):
    body = a_request(spans=12_000).SerializeToString()
    for _ in range(2):
        status, answer = server.post(body)
        assert status == 200 and not ExportTraceServiceResponse.FromString(answer).partial_success.rejected_spans
    assert server.json("trace", "list")["traces"][0]["steps"] == 12_000


def test_spans_without_an_id_are_counted_and_the_others_kept(server):
    message = a_request(spans=2)
    message.resource_spans[0].scope_spans[0].spans[1].span_id = b"\0" * 8
    status, answer = server.post(message.SerializeToString())
    assert status == 200
    partial = ExportTraceServiceResponse.FromString(answer).partial_success
    assert partial.rejected_spans == 1 and "span" in partial.error_message
    assert server.json("trace", "list")["traces"][0]["steps"] == 1


def test_wrong_requests_are_answered_and_the_server_goes_on(server):
    good = a_request().SerializeToString()
    packed = gzip.compress(good)
    bomb = gzip.compress(bytes(64 << 20))
    cases = [
        (404, good, {}, "POST", server.url.replace("traces", "metrics")),
        (405, None, {}, "GET", None),
        (415, b"{}", {"content-type": "application/json"}, "POST", None),
        (415, good, {"content-encoding": "br"}, "POST", None),
        (400, b"\xff\xff\xff", {}, "POST", None),
        (400, good, {"content-encoding": "gzip"}, "POST", None),
        (400, packed[:-12], {"content-encoding": "gzip"}, "POST", None),
        (413, bomb, {"content-encoding": "gzip"}, "POST", None),
        (400, good, {"loci-agent": "x" * 129}, "POST", None),
    ]
    for status, body, headers, method, url in cases:
        got, answer = server.post(body, headers, method, url)
        assert got == status, (status, headers, method, answer)
        assert len(answer) > 4, "an answer that refuses says why"
    status, answer = server.post(bytes(9 << 20))
    assert status == 413
    assert server.post(good)[0] == 200 and server.post(packed, {"content-encoding": "gzip"})[0] == 200
    assert len(server.json("trace", "list")["traces"]) == 1


def test_a_slow_and_a_broken_connection_hold_up_nobody(server):
    address = ("127.0.0.1", int(server.url.split(":")[2].split("/")[0]))
    head = b"POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\ncontent-length: 100000\r\n\r\n"
    held = [socket.create_connection(address) for _ in range(50)]
    for connection in held:
        connection.sendall(head + b"x" * 1000)
    assert server.post(a_request().SerializeToString())[0] == 200
    for connection in held:
        connection.close()
    garbage = socket.create_connection(address)
    garbage.sendall(b"\0\1\2\3 garbage\r\n\r\n")
    assert garbage.recv(1000).startswith(b"HTTP/1.1 400")
    assert server.post(a_request().SerializeToString())[0] == 200


def test_keys_open_the_listener_for_their_own_agent(tmp_path):
    with Server(tmp_path, "--authentication", "required") as server:
        root = {"LOCI_API_KEY": ROOT_KEY}
        made = server.json("keys", "create", "--tenant", "acme", "--agent", "scout", "--name", "otel", **root)
        key = made["secret"]
        body = a_request().SerializeToString()
        assert server.post(body)[0] == 401
        assert server.post(body, {"authorization": "Bearer loci_wrong"})[0] == 401
        bearer = {"authorization": f"Bearer {key}"}
        assert server.post(body, {**bearer, "loci-agent": "other"})[0] == 403
        exporter = OTLPSpanExporter(endpoint=server.url, headers=bearer)
        provider = TracerProvider()
        with provider.get_tracer("t").start_as_current_span("turn") as span:
            pass
        assert exporter.export([span]) == SpanExportResult.SUCCESS
        listed = server.json("trace", "list", "--tenant", "acme", "--agent", "scout", **root)["traces"]
        assert [trace["name"] for trace in listed] == ["turn"]


def test_a_policy_drops_and_keeps_and_outlives_a_restart(tmp_path):
    with Server(tmp_path) as server:
        server.loci("trace", "policy", "--drop", "1", "--keep-errors", "--max-age", "30d")
    with Server(tmp_path) as server:
        shown = server.json("trace", "policy")
        assert shown["policy"]["dropShare"] == 1 and shown["policy"]["keepErrors"] and shown["origin"] == "agent"
        assert "failed ones are kept" in server.loci("trace", "policy")
        plain = a_request(spans=3)
        assert server.post(plain.SerializeToString())[0] == 200
        assert not server.json("trace", "list").get("traces")
        failing = a_request(spans=1)
        span = failing.resource_spans[0].scope_spans[0].spans[0]
        span.span_id = b"\1" * 8
        span.status.code = 2
        assert server.post(failing.SerializeToString())[0] == 200
        # The three that waited are there too.
        assert [trace["steps"] for trace in server.json("trace", "list")["traces"]] == [4]
        server.loci("trace", "policy", "--remove")
        assert server.json("trace", "policy")["origin"] == "none"


def test_the_listener_stays_on_loopback(tmp_path):
    done = subprocess.run(
        [LOCI, "serve", "--data", str(tmp_path / "data"), "--listen", "127.0.0.1:0", "--otlp", "0.0.0.0:4318"],
        capture_output=True, text=True, timeout=60)
    assert done.returncode != 0 and "loopback" in done.stderr
