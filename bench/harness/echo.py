"""Unary echo, 64-byte payloads, one connection: the wire alone, against gRPC C++."""

from harness import loci
from harness.process import cpu_seconds
from harness.stats import Metric, Subject
from peers import grpc_cpp

METHOD = "loci.v1.AdminService/Echo"
PAYLOAD_BYTES = 64
METRICS = [
    Metric("rate", "calls/s", higher_is_better=True),
    Metric("p50_us", "p50 µs", higher_is_better=False, digits=1),
    Metric("p99_us", "p99 µs", higher_is_better=False, digits=1),
    Metric("server_cpu_us", "server CPU µs/call", higher_is_better=False, digits=2),
]


def run(settings) -> Subject:
    subject = Subject("echo", "Unary echo, 64 bytes, one connection", METRICS)
    grpc_cpp.build()
    with loci.serve("echo", with_model=False) as ours:
        for in_flight in (1, 64):
            run_case(settings, subject, ours, in_flight)
    subject.notes.append(
        f"gRPC C++ {grpc_cpp.version()}, both sides asynchronous; Loci's client is its Swift client. "
        "Client and server share the cores, and no process is tied to one. Server CPU per call is the "
        "growth of user and system time in /proc/PID/stat over all calls of the load, warm-up included."
    )
    return subject


def run_case(settings, subject: Subject, ours, in_flight: int) -> None:
    case, seconds = f"{in_flight} in flight", settings.seconds
    best = grpc_cpp.calibrate(in_flight, PAYLOAD_BYTES, seconds / 2)
    subject.notes.append(f"gRPC C++ at {case}: fastest of all combinations: {best}.")
    with grpc_cpp.serve(best.server) as peer:
        steps = [
            ("Loci", lambda: measure_loci(ours, in_flight, seconds)),
            ("gRPC C++", lambda: grpc_cpp.measure(peer, best, in_flight, PAYLOAD_BYTES, seconds)),
        ]
        for number in settings.each_round(f"echo, {case}"):
            for system, step in settings.in_turn(number, steps):
                subject.add(case, system, step())


def measure_loci(server, in_flight: int, seconds: float) -> dict:
    calls, cpu = loci.calls_so_far(server.target, METHOD), cpu_seconds(server.pid)
    result = loci.load(
        "echo", server.target, in_flight=in_flight, seconds=seconds, payload_bytes=PAYLOAD_BYTES
    )
    cpu = cpu_seconds(server.pid) - cpu
    calls = loci.calls_so_far(server.target, METHOD) - calls
    return result | {"server_cpu_us": cpu / max(1, calls) * 1e6}
