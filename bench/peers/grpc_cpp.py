"""gRPC C++ echo: builds the two programs in peers/grpc_echo, finds the fastest way to run them, measures."""

import os
import shutil
import subprocess
from dataclasses import dataclass

from harness.paths import BENCH, OUT, SCRATCH
from harness.process import Failed, Server, cpu_seconds, run_json

SOURCE = BENCH / "peers/grpc_echo"
BUILD = OUT / "build/grpc_echo"
PACKAGES = ["g++", "make", "pkg-config", "libgrpc++-dev", "protobuf-compiler", "protobuf-compiler-grpc"]
WARM_UP_SECONDS = 0.5


@dataclass(frozen=True)
class ServerSettings:
    api: str
    threads: int

    def __str__(self) -> str:
        if self.api == "callback":
            return "callback server"
        return f"completion-queue server, {self.threads} thread{'s' if self.threads > 1 else ''}"


@dataclass(frozen=True)
class Best:
    server: ServerSettings
    client: str

    def __str__(self) -> str:
        return f"{self.server} with {'callback' if self.client == 'callback' else 'completion-queue'} client"


def build() -> None:
    _install_packages()
    done = subprocess.run(["make", "-s", f"BUILD={BUILD}"], cwd=SOURCE, capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed(f"the gRPC peer does not build:\n{done.stderr[-3000:]}")


def version() -> str:
    done = subprocess.run(["pkg-config", "--modversion", "grpc++"], capture_output=True, text=True)
    return done.stdout.strip()


def serve(settings: ServerSettings) -> Server:
    command = [str(BUILD / "echo-server"), "--api", settings.api, "--threads", str(settings.threads)]
    return Server(command, SCRATCH / "grpc-echo.log")


def measure(server: Server, best: Best, in_flight: int, payload_bytes: int, seconds: float) -> dict:
    cpu = cpu_seconds(server.pid)
    result = _load(server.target, best.client, in_flight, payload_bytes, seconds)
    cpu = cpu_seconds(server.pid) - cpu
    return result | {"server_cpu_us": cpu / result["all_calls"] * 1e6}


def calibrate(in_flight: int, payload_bytes: int, seconds: float) -> Best:
    """The combination of server and client with the highest rate."""
    rates = {}
    for server in (ServerSettings("callback", 0), ServerSettings("queue", 1), ServerSettings("queue", 2)):
        with serve(server) as running:
            for client in ("callback", "queue"):
                result = _load(running.target, client, in_flight, payload_bytes, max(1.0, seconds))
                rates[Best(server, client)] = result["rate"]
    return max(rates, key=rates.get)


def _load(target: str, api: str, in_flight: int, payload_bytes: int, seconds: float) -> dict:
    options = {
        "target": target,
        "api": api,
        "in-flight": in_flight,
        "payload-bytes": payload_bytes,
        "seconds": seconds,
        "warm-up": WARM_UP_SECONDS,
    }
    command = [str(BUILD / "echo-client")]
    for name, value in options.items():
        command += [f"--{name}", str(value)]
    result = run_json(command)
    if result["errors"]:
        raise Failed(f"gRPC echo: {result['errors']} errors")
    return result


def _install_packages() -> None:
    if not shutil.which("dpkg-query"):
        return
    query = ["dpkg-query", "-W", "-f=${Package} ${Status}\n", *PACKAGES]
    installed = subprocess.run(query, capture_output=True, text=True).stdout
    missing = [name for name in PACKAGES if f"{name} install ok installed" not in installed]
    if not missing:
        return
    if os.geteuid() != 0:
        raise Failed(f"the gRPC peer needs Debian packages; as root: apt-get install {' '.join(missing)}")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], check=True, env=environment)
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing]
    subprocess.run(install, check=True, env=environment, stdout=subprocess.DEVNULL)
