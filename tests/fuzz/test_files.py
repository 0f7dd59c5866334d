"""Files that people bring: whatever is in them, they are kept or refused, and the pages go on showing what is kept."""

import asyncio
import json
import time
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.chat.decoding import decode
from agent.chat.extract import LONGEST
from agent.chat.pdf import PdfReader
from agent.chat.transfer import detect_and_read
from agent.errors import InputError
from tests.chat.pdf_files import pdf, stream, text
from tests.chat.test_transfer_hostile import CHATGPT, EDGEWISE, OPEN_WEBUI
from tests.fuzz.effort import examples, found
from tests.fuzz.visiting import WORDS, Place, place, visitor
from tests.web.door.house import Route

NUMBERS = st.sampled_from(
    [0, -1, 1e308, -1e308, 10**400, 2**63, 2**70, 253402300800, -62135596801, 1e-320, 1.7e9, 1.7e12]
)
NAMES = [
    "id",
    "title",
    "messages",
    "mapping",
    "current_node",
    "create_time",
    "created_at",
    "updated",
    "parent",
    "children",
]
NAMES += [
    "message",
    "author",
    "role",
    "content",
    "parts",
    "metadata",
    "chat",
    "history",
    "currentId",
    "parentId",
    "models",
]
NAMES += [
    "format",
    "version",
    "conversations",
    "leaf",
    "parent_id",
    "text",
    "thinking",
    "attachments",
    "settings",
    "pinned",
]
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | WORDS | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6),
    max_leaves=12,
)
SOUND = [CHATGPT, OPEN_WEBUI, EDGEWISE]
PDF = pdf(text("Hello"), stream(b"BT /F1 12 Tf (World) Tj ET\n"))
SHOWN = ["/", "/c/list", "/search?q=a", "/export.json", "/presets"]


def places(value: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:  # noqa: ANN401 - JSON
    """Yield the way to each value inside a value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, other in inner:
        yield (*here, key)
        yield from places(other, (*here, key))


def changed(value: Any, way: tuple[Any, ...], other: Any) -> Any:  # noqa: ANN401 - JSON
    """Return a copy of a value with another one in one place."""
    copy = json.loads(json.dumps(value))
    inner = copy
    for key in way[:-1]:
        inner = inner[key]
    inner[way[-1]] = other
    return copy


WAYS = [(number, way) for number, sound in enumerate(SOUND) for way in places(sound)]
CHANGED = st.builds(lambda at, other: changed(SOUND[at[0]], at[1], other), st.sampled_from(WAYS), JSON)


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with place(tmp_path_factory.mktemp("device"), auth="open") as opened:
        yield opened


def assert_shown(device: Place) -> None:
    """Check that all pages on which conversations are shown still are."""
    for path in SHOWN:
        assert device.ask(Route("GET", path, ""), "", visitor({})).status_code == 200, path
    for path in ("/c/{conversation_id:str}", "/c/{conversation_id:str}/export.md", "/m/{message_id:str}/text"):
        assert device.ask(Route("GET", path, ""), "=", visitor({})).status_code in {200, 303, 404, 405}, path


def bring(device: Place, content: bytes) -> int:
    """Import a file, and return the status."""
    body = (
        b'--b0\r\nContent-Disposition: form-data; name="file"; filename="a.json"\r\n\r\n' + content + b"\r\n--b0--\r\n"
    )
    headers = {"content-type": "multipart/form-data; boundary=b0"}
    return device.ask(Route("POST", "/import", ""), "", visitor(headers), content=body).status_code


@given(file=CHANGED | JSON)
@examples(60)
def test_any_file_of_conversations_is_kept_or_refused(device: Place, file: object) -> None:
    status = bring(device, json.dumps(file).encode())
    assert status in {303, 400}
    if status == 303:
        assert_shown(device)


@pytest.mark.parametrize("name", found("imports"))
def test_what_once_broke_a_page_is_shown_or_refused(device: Place, name: str) -> None:
    assert bring(device, found("imports")[name].read_bytes()) in {303, 400}
    assert_shown(device)


@given(number=st.integers(0, 2), start=st.integers(0, 2000), change=st.binary(max_size=6))
@examples(60)
def test_a_spoilt_file_is_read_or_refused(number: int, start: int, change: bytes) -> None:
    content = json.dumps(SOUND[number]).encode()
    start %= len(content)
    try:
        detect_and_read(content[:start] + change + content[start + len(change) // 2 :])
    except InputError:
        return


@pytest.mark.parametrize(
    "content", [b"[" * 1_000_000, b'{"a":' * 300_000, b"[" + b"[]," * 1_000_000 + b"[]]", b'"' + b"\\" * 2_000_000]
)
def test_a_large_file_of_nothing_is_refused_soon(content: bytes) -> None:
    begun = time.process_time()
    with pytest.raises(InputError):
        detect_and_read(content)
    assert time.process_time() - begun < 2


def test_an_archive_is_refused_and_not_unpacked() -> None:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("conversations.json", bytes(30_000_000))
    for read in (detect_and_read, lambda content: decode("a.zip", content)):
        with pytest.raises(InputError):
            read(packed.getvalue())


@given(content=st.binary(max_size=400), name=WORDS)
@examples(60)
def test_any_attached_file_is_text_or_refused(content: bytes, name: str) -> None:
    try:
        decode(name, content).encode()
    except InputError:
        return


@given(
    start=st.integers(0, len(PDF)),
    end=st.integers(0, 60),
    change=st.binary(max_size=8)
    | st.sampled_from([b"<<" * 5000, b"9" * 5000, b"/Kids[2 0 R]", b"/Filter/ASCII85Decode", b"R"]),
)
@examples(2)
def test_any_pdf_is_read_or_refused(start: int, end: int, change: bytes) -> None:
    read_pdf(PDF[:start] + change + PDF[start + end :])


def read_pdf(content: bytes) -> None:
    begun = time.monotonic()
    with suppress(InputError):
        assert len(asyncio.run(PdfReader().read("a.pdf", content))) <= LONGEST + 20 * 500
    assert time.monotonic() - begun < 60
