import socket
import ssl
from pathlib import Path

import httpx
import pytest

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
