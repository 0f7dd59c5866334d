"""Whatever is asked of the API: the answer is one that its own document has, and never that the server failed."""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from http import HTTPMethod
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable

from tests.fuzz.effort import THOROUGH, examples, found
from tests.fuzz.visiting import WORDS
from tests.web.daemon import CHAT, Daemon, chat, daemon
from tests.web.documented import PLACE, assert_documented, document
from web.api.openai.chat import ChatRequest
from web.api.openai.completions import CompletionRequest
from web.api.openai.embeddings import EmbeddingRequest

TEXT, VECTORS = "/v1/completions", "/v1/embeddings"
KINDS = (ChatRequest, CompletionRequest, EmbeddingRequest)
FIELDS = sorted({field.name for kind in KINDS for field in msgspec.structs.fields(kind)} | {"role", "content", "type"})
SOUND: dict[str, dict[str, Any]] = {
    CHAT: chat("abc"),
    TEXT: {"prompt": "abc"},
    VECTORS: {"input": "abc"},
    "/api/edgewise/models/pull": {"reference": "nonsense:x"},
    "/api/edgewise/models/use": {"name": "auto"},
}
NUMBERS = st.sampled_from([0, -1, 2**31, 2**63, 2**64, 2**70, 10**400, 1e308, -0.5, 0.1, 1, 2])
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=8) | WORDS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*FIELDS, "1", "$ref"]), inner, max_size=4)
    ),
    max_leaves=10,
)
BODIES = st.builds(
    lambda path, name, value: (path, {**SOUND[path], name: value}),
    st.sampled_from(sorted(SOUND)),
    st.sampled_from([*FIELDS, "reference", "name", "accept_licence"]),
    VALUES,
)
_EXAMPLES = 120  # of each operation
_CHECKS = ["status_code_conformance", "content_type_conformance", "response_schema_conformance"]
_CHECKS += ["response_headers_conformance", "allow_header_conformance"]


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with daemon(tmp_path_factory.mktemp("device")) as running:
        yield running


def encoded(body: object) -> bytes:
    """Return JSON; half of a pair of surrogates is written as an escape."""
    return json.dumps(body).encode()


@given(asked=BODIES)
@examples(120)
def test_any_value_of_any_field_is_answered_as_documented(device: Daemon, asked: tuple[str, object]) -> None:
    path, body = asked
    assert_documented(device, device.post(encoded(body), path), path)


@given(path=st.sampled_from(sorted(SOUND)), content=st.binary(max_size=80) | VALUES.map(encoded))
@examples(40)
def test_any_body_is_answered_as_documented(device: Daemon, path: str, content: bytes) -> None:
    assert_documented(device, device.post(content, path), path)


@given(number=st.integers(0, 99), name=WORDS.filter(lambda name: name.strip("/")))
@examples(40)
def test_any_name_in_a_path_is_answered_as_documented(device: Daemon, number: int, name: str) -> None:
    paths = document(device)["paths"]
    named = [(path, method) for path in sorted(paths) if "{" in path for method in paths[path]]
    path, method = named[number % len(named)]
    reply = device.http.request(method, re.sub(r"{\w+}", lambda _: quote(name, safe=""), path))
    if reply.status_code != 405 or HTTPMethod(method.upper()).name in reply.headers["allow"]:
        assert_documented(device, reply, path)


@pytest.mark.parametrize("name", found("api"))
def test_what_once_broke_it_is_answered_as_documented(device: Daemon, name: str) -> None:
    for path in SOUND:
        assert_documented(device, device.post(found("api")[name].read_bytes(), path), path)


@pytest.mark.fuzz
@pytest.mark.parametrize("wanted", ["positive", "negative"])
def test_schemathesis_finds_nothing(device: Daemon, wanted: str) -> None:
    schemathesis = pytest.importorskip("schemathesis", reason="make fuzz installs it")
    schema = schemathesis.openapi.from_dict(device.http.get(PLACE).json())
    checks = schemathesis.checks.CHECKS.get_by_names(_CHECKS)
    for result in schema.get_all_operations():
        operation = result.ok()
        strategy = operation.as_strategy(generation_mode=schemathesis.GenerationMode(wanted))

        @given(case=strategy)
        @settings(max_examples=_EXAMPLES if THOROUGH else 5, deadline=None)
        def ask(case: Any) -> None:  # noqa: ANN401 - of a library without types
            reply = case.call(base_url=device.url, timeout=20)
            assert reply.status_code < 500 or reply.status_code in {503, 507}
            case.validate_response(reply, checks=checks)

        with suppress(Unsatisfiable):  # there is nothing that could be wrong
            ask()
