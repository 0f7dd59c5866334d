"""`POST /v1/embeddings` as clients see it: the real daemon, the openai package, and a small model."""

import base64
import os
import signal
import socket
from array import array
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import openai
import pytest

from tests.embeddings.tiny_encoder import HIDDEN, LIMIT, WORDS, install
from tests.web.daemon import Daemon, daemon, eventually

PATH = "/v1/embeddings"
MODEL = "all-minilm-l6-v2"
# The first two components by transformers and torch, see tests/embeddings/test_bert.py.
CAT = pytest.approx([0.038366, 0.036778], abs=2e-6)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    state = tmp_path_factory.mktemp("served")
    install(state)
    with daemon(state) as running:
        yield running


def encoder(running: Daemon) -> int:
    """Return the process id of the embedding process; 0 while there is none."""
    children = Path(f"/proc/{running.process.pid}/task/{running.process.pid}/children").read_text().split()
    commands = {int(child): Path(f"/proc/{child}/cmdline").read_bytes() for child in children}
    return next((child for child, command in commands.items() if b"agent.embeddings.worker" in command), 0)


def test_the_openai_client_gets_vectors_and_their_cost(served: Daemon) -> None:
    with served.openai() as client:  # asks for base64
        reply = client.embeddings.create(model="all-MiniLM-L6-v2", input=["the cat", "a dog"])
    assert [each.index for each in reply.data] == [0, 1]
    assert reply.data[0].embedding[:2] == CAT
    assert (reply.model, reply.usage.prompt_tokens, reply.usage.total_tokens) == (MODEL, 8, 8)


def test_numbers_and_base64_are_the_same_floats(served: Daemon) -> None:
    numbers = served.post({"input": "the cat", "model": MODEL}, PATH).json()["data"][0]["embedding"]
    coded = served.post({"input": "the cat", "encoding_format": "base64"}, PATH).json()["data"][0]["embedding"]
    assert numbers == array("f", base64.b64decode(coded)).tolist()
    assert len(numbers) == HIDDEN
    assert numbers[:2] == CAT


def test_tokens_of_the_model_may_be_sent(served: Daemon) -> None:
    tokens = [WORDS.index("the"), WORDS.index("cat")]
    for given in (tokens, [tokens, tokens]):
        assert served.post({"input": given}, PATH).json()["data"][-1]["embedding"][:2] == CAT


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"input": ""}, "input[0] is empty"),
        ({"input": []}, "length >= 1"),
        ({"input": ["a", ""]}, "input[1] is empty"),
        ({"input": [[]]}, "length >= 1"),
        ({"input": ["a", 7]}, "mixes"),
        ({"input": [10**6]}, "not in the vocabulary"),
        ({"input": ["a"] * 2049}, "2048"),
        ({"input": "a", "dimensions": 8}, str(HIDDEN)),
        ({"input": "a", "encoding_format": "hex"}, "encoding_format"),
        ({}, "input is missing"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_reason(served: Daemon, body: object, said: str) -> None:
    reply = served.post(body, PATH)
    assert reply.status_code == 400
    assert said in reply.json()["error"]["message"]


def test_a_text_that_is_too_long_is_refused_unless_it_may_be_cut(served: Daemon) -> None:
    body = {"input": "a " * 100}
    error = served.post(body, PATH).json()["error"]
    assert error["code"] == "context_length_exceeded"
    assert "102 tokens" in error["message"]
    assert f"at most {LIMIT}" in error["message"]
    assert served.post({**body, "truncate": True}, PATH).json()["usage"]["prompt_tokens"] == LIMIT


def test_another_model_is_not_found(served: Daemon) -> None:
    with served.openai() as client, pytest.raises(openai.NotFoundError, match=MODEL):
        client.embeddings.create(model="text-embedding-3-small", input="x")


def test_the_model_is_listed_but_does_not_chat(served: Daemon) -> None:
    with served.openai() as client:
        assert [model.id for model in client.models.list()] == ["echo", MODEL]
        assert client.models.retrieve(MODEL).model_dump()["meta"]["context_length"] == LIMIT
        with pytest.raises(openai.NotFoundError):
            client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "x"}])


def status(connection: socket.socket, seconds: float) -> str:
    """Return the status that a connection is answered with; empty when that takes longer."""
    connection.settimeout(seconds)
    try:
        return connection.recv(4096).decode().split()[1]
    except TimeoutError:
        return ""


def test_a_client_that_goes_away_frees_its_place(tmp_path: Path) -> None:
    install(tmp_path / "state")
    body = {"input": "the cat"}
    with daemon(tmp_path / "state", "--queue", "0") as running:
        assert running.post(body, PATH).status_code == 200
        os.kill(encoder(running), signal.SIGSTOP)
        with closing(running.send(body, PATH)) as first:
            assert status(first, 0.5) == "", "it has the place"
            with closing(running.send(body, PATH)) as second:
                assert status(second, 5) == "429"

        def accepted() -> bool:
            os.kill(encoder(running), signal.SIGSTOP)
            with closing(running.send(body, PATH)) as third:
                if status(third, 0.3):
                    return False
                os.kill(encoder(running), signal.SIGCONT)
                return status(third, 5) == "200"

        eventually(accepted, 5)


def test_a_crash_is_503_with_the_time_to_come_back_and_is_healed(tmp_path: Path) -> None:
    install(tmp_path / "state")
    with daemon(tmp_path / "state") as running:
        assert encoder(running) == 0, "nobody has asked yet"
        assert running.post({"input": "a"}, PATH).status_code == 200
        os.kill(encoder(running), signal.SIGSTOP)
        with closing(running.send({"input": "a"}, PATH)) as connection:
            assert status(connection, 0.5) == "", "the process has it"
            os.kill(encoder(running), signal.SIGKILL)
            connection.settimeout(10)
            head = connection.recv(4096).decode()
        assert head.startswith("HTTP/1.1 503")
        assert "retry-after: 2" in head.lower()
        assert running.post({"input": "a"}, PATH).json()["data"][0]["index"] == 0


def test_a_missing_model_is_503_with_what_to_do(tmp_path: Path) -> None:
    with daemon(tmp_path / "state") as running:
        reply = running.post({"input": "a"}, PATH)
        assert reply.status_code == 503
        assert reply.headers["x-should-retry"] == "false"
        assert "edgewise models pull embeddings" in reply.json()["error"]["message"]
        assert [model["id"] for model in running.http.get("/v1/models").json()["data"]] == ["echo"]


def test_embeddings_that_are_off_are_404(tmp_path: Path) -> None:
    install(tmp_path / "state")
    with daemon(tmp_path / "state", "--embeddings", "off") as running:
        assert running.post({"input": "a"}, PATH).status_code == 404
        assert [model["id"] for model in running.http.get("/v1/models").json()["data"]] == ["echo"]


def test_a_key_needs_the_scope_for_chat(tmp_path: Path) -> None:
    with daemon(tmp_path / "state", "--auth", "accounts") as running:
        assert running.post({"input": "a"}, PATH).status_code == 401
