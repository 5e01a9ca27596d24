"""Keys, tokens, certificates and TLS, with the real program and the Python client."""

import base64
import hashlib
import hmac
import json
import os
import signal
import ssl
import subprocess
import time

import pytest

from loci import Client, PermissionDeniedError, UnauthenticatedError, UnavailableError

LOCI = os.environ["LOCI_BIN"]
ROOT_KEY = "the root key of this test, of more than thirty-two bytes"
JWT_SECRET = "a secret for tokens of more than thirty-two bytes"


def loci(*arguments, environment=None):
    done = subprocess.run(
        [LOCI, *arguments], capture_output=True, text=True, timeout=60, env={**os.environ, **(environment or {})}
    )
    return done.returncode, done.stdout.strip(), done.stderr.strip()


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(claims, secret=JWT_SECRET):
    head = base64url(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
    signed = f"{head}.{base64url(json.dumps(claims).encode())}"
    return f"{signed}.{base64url(hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest())}"


class Server:
    def __init__(self, folder, *flags):
        self.folder, self.flags = folder, flags

    def __enter__(self):
        port_file = self.folder / "port"
        port_file.unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [LOCI, "serve", "--data", str(self.folder / "data"), "--listen", "127.0.0.1:0", "--model", "none"]
            + ["--port-file", str(port_file), *self.flags],
            stderr=open(self.folder / "log", "a"),
            env={**os.environ, "LOCI_ROOT_KEY": ROOT_KEY, "LOCI_JWT_SECRET": JWT_SECRET},
        )
        for _ in range(600):
            if port_file.exists():
                self.target = port_file.read_text().strip()
                return self
            assert self.process.poll() is None, (self.folder / "log").read_text()
            time.sleep(0.05)
        raise RuntimeError("the server did not start")

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=30) == 0


def test_keys_and_grants_from_the_command_line(tmp_path):
    with Server(tmp_path, "--authentication", "required") as server:
        at = ["--target", server.target]
        root = {"LOCI_API_KEY": ROOT_KEY}
        assert loci("whoami", *at)[0] != 0
        rc, key, _ = loci("keys", "create", *at, "--tenant", "acme", "--agent", "scout", "--name", "ci", environment=root)
        assert rc == 0 and key.startswith("loci_")
        rc, other, _ = loci("keys", "create", *at, "--tenant", "acme", "--agent", "guest", environment=root)
        assert rc == 0
        rc, out, _ = loci("whoami", *at, environment={"LOCI_API_KEY": key})
        assert (rc, out) == (0, f"key:{key.split('_')[1]}  agent  acme/scout")
        rc, out, _ = loci("keys", "list", *at, "--tenant", "acme", environment=root)
        assert rc == 0 and len(out.splitlines()) == 2 and key not in out
        with Client(server.target, tenant="acme", agent="scout", api_key=other) as guest:
            with pytest.raises(PermissionDeniedError):
                list(guest.memories.list())
            rc, _, _ = loci(
                "grants", "set", *at, "--tenant", "acme", "--agent", "scout", "guest", "read",
                environment={"LOCI_API_KEY": key},
            )
            assert rc == 0
            assert list(guest.memories.list()) == []
        assert loci("keys", "revoke", *at, "--tenant", "acme", key.split("_")[1], environment=root)[0] == 0
        rc, _, error = loci("whoami", *at, environment={"LOCI_API_KEY": key})
        assert rc != 0 and "unauthenticated" in error.lower()


def test_tokens(tmp_path):
    with Server(tmp_path, "--authentication", "required") as server:
        now = int(time.time())
        good = {"sub": "dora", "exp": now + 60, "tenant": "acme", "agent": "scout"}
        with Client(server.target, tenant="acme", agent="scout", api_key=token(good)) as client:
            assert list(client.memories.list()) == []
            with pytest.raises(PermissionDeniedError):
                list(client.for_agent("acme", "other").memories.list())
        for bad in [
            token({**good, "exp": now - 1}),
            token(good, secret="another secret of at least thirty-two bytes"),
            token({**good, "role": "emperor"}),
            token({k: v for k, v in good.items() if k != "exp"}),
            token(good)[:-2],
        ]:
            with Client(server.target, tenant="acme", agent="scout", api_key=bad) as client:
                with pytest.raises(UnauthenticatedError):
                    list(client.memories.list())


def test_tls_and_certificates(tmp_path):
    certificates = str(tmp_path / "certificates")
    assert loci("cert", "init", certificates)[0] == 0
    assert loci("cert", "client", certificates, "scout", "--tenant", "acme", "--agent", "scout")[0] == 0
    assert os.stat(f"{certificates}/ca-key.pem").st_mode & 0o077 == 0
    tls = ["--tls-certificate", f"{certificates}/server.pem", "--tls-key", f"{certificates}/server-key.pem"]
    trust = ssl.create_default_context(cafile=f"{certificates}/ca.pem")

    with Server(tmp_path, *tls) as server:
        with Client(server.target, tenant="acme", agent="scout", tls=trust) as client:
            client.contexts.append("c", ["over TLS " * 20_000], create=True)
            assert [m.text for m in client.contexts.messages("c")] == ["over TLS " * 20_000]
        # Nobody speaks without TLS, nor to a server whose authority they do not know.
        with Client(server.target, tenant="acme", agent="scout", timeout=3) as client:
            with pytest.raises(UnavailableError):
                list(client.memories.list())
        with Client(server.target, tenant="acme", agent="scout", tls=True, timeout=3) as client:
            with pytest.raises(UnavailableError):
                list(client.memories.list())
        assert loci("whoami", "--target", server.target, "--tls-authority", f"{certificates}/ca.pem")[0] == 0
        rc, _, error = loci("whoami", "--target", server.target, "--tls", "--timeout", "3")
        assert rc != 0 and "unavailable" in error.lower()

    mutual = [*tls, "--authentication", "required", "--tls-client-authority", f"{certificates}/ca.pem"]
    with Server(tmp_path, *mutual) as server:
        own = ssl.create_default_context(cafile=f"{certificates}/ca.pem")
        own.load_cert_chain(f"{certificates}/scout.pem", f"{certificates}/scout-key.pem")
        with Client(server.target, tenant="acme", agent="scout", tls=own) as client:
            assert len(list(client.contexts.messages("c"))) == 1
            with pytest.raises(PermissionDeniedError):
                list(client.for_agent("acme", "other").memories.list())
        with Client(server.target, tenant="acme", agent="scout", tls=trust, timeout=3) as client:
            with pytest.raises(UnavailableError):
                list(client.memories.list())
