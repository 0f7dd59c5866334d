import socket
import sqlite3
import ssl
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from agent.device import host_name
from agent.hostnames import announced_names, unique_name
from tests.web.daemon import chat, daemon

FILE = "tls-certificate.pem"


def test_a_device_with_its_own_certificate_is_reached_by_https_and_plain_http_is_sent_there(state: Path) -> None:
    with daemon(state, "--tls", "self", ready=False) as running:
        assert running.url.startswith("https://127.0.0.1:")
        trusting = ssl.create_default_context(cafile=state / FILE)
        with httpx.Client(base_url=running.url, verify=trusting, trust_env=False) as client:
            reply = client.get("/login")
            assert reply.headers["cross-origin-opener-policy"] == "same-origin"
            assert "strict-transport-security" not in reply.headers
            assert client.post("/v1/chat/completions", json=chat("hello")).status_code in {200, 503}
        plain = running.url.replace("https:", "http:")
        for method, path in (("GET", "/claim?code=A"), ("GET", "/"), ("POST", "/v1/chat/completions")):
            reply = httpx.request(method, plain + path, trust_env=False)
            assert (reply.status_code, reply.headers["location"]) == (307, running.url + path)


@pytest.mark.parametrize("request_line", [b"nonsense\r\n\r\n", b"GET /" + b"a" * 9000])
def test_what_is_neither_tls_nor_http_harms_nobody(state: Path, request_line: bytes) -> None:
    with daemon(state, "--tls", "self", ready=False) as running:
        with socket.create_connection((running.http.base_url.host, running.http.base_url.port), timeout=5) as raw:
            raw.sendall(request_line)
            answer = raw.recv(4096)
            assert answer == b"" or answer.startswith(b"HTTP/1.1 400")
        trusting = ssl.create_default_context(cafile=state / FILE)
        assert httpx.get(f"{running.url}/login", verify=trusting, trust_env=False).status_code in {200, 303}
        assert "Traceback" not in (state / "log").read_text()


def test_every_name_under_which_the_network_may_know_a_device_is_in_its_own_certificate(state: Path) -> None:
    with daemon(state, "--tls", "self", ready=False) as running:
        where = (running.http.base_url.host, running.http.base_url.port or 0)
        with closing(sqlite3.connect(state / "app.db")) as database:
            (identifier,) = database.execute("SELECT value FROM device WHERE key = 'id'").fetchone()
        names = [unique_name(identifier), *announced_names(host_name())]
        assert names[0] == f"edgewise-{identifier}.local"
        assert names[2].endswith("-2.local"), "the first that is tried when another device has the name"
        for name in names:
            shake_hands(where, name, state / FILE)
        with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
            shake_hands(where, "edgewise-0123456789abcdef.local", state / FILE)


def shake_hands(where: tuple[str, int], name: str, trusted: Path) -> None:
    """Make an encrypted connection as somebody who has looked up a name, and who checks that the certificate has it."""
    with socket.create_connection(where, timeout=5) as raw:
        ssl.create_default_context(cafile=trusted).wrap_socket(raw, server_hostname=name).close()
