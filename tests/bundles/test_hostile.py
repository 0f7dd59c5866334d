"""Whatever is in a file, reading it ends with a sentence for people, soon, and without taking memory."""

import time
import tracemalloc
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from agent.bundles import minisign
from agent.bundles.manifest import Manifest, decode
from agent.bundles.reading import open_bundle
from agent.errors import BundleError
from tests.bundles.making import KEY, make, signed

CORPUS = sorted((Path(__file__).parent / "corpus").iterdir())
KEYS = [KEY.public()]
_MOST_MEMORY, _MOST_SECONDS = 8 << 20, 2.0

json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from([*Manifest.__struct_fields__, "x"]) | st.text(), inner)
    ),
    max_leaves=20,
)


def read(content: bytes) -> Manifest | None:
    """Read a bundle to its end; None when it is refused."""
    tracemalloc.start()
    began = time.process_time()
    try:
        bundle = open_bundle(BytesIO(content), KEYS)
        for _, chunks in bundle.parts():
            for _chunk in chunks:
                pass
    except BundleError:
        return None
    else:
        return bundle.manifest
    finally:
        seconds, (_, memory) = time.process_time() - began, tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert seconds < _MOST_SECONDS
        assert memory < _MOST_MEMORY + 4 * len(content)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return make(tmp_path_factory.mktemp("made"))


def test_a_sound_bundle_is_read(sound: bytes) -> None:
    assert read(sound) is not None


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name)
def test_what_was_found_once_is_refused(path: Path) -> None:
    assert read(path.read_bytes()) is None


@given(st.binary(max_size=4096))
def test_noise_is_refused(content: bytes) -> None:
    assert read(content) is None


@given(data=st.data())
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_bundle_in_which_anything_was_changed_is_refused(sound: bytes, data: st.DataObject) -> None:
    spoilt = bytearray(sound)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(spoilt) - 1))
        match data.draw(st.sampled_from(["flip", "cut", "insert", "repeat"])):
            case "flip":
                spoilt[at] ^= 1 << data.draw(st.integers(0, 7))
            case "cut":
                del spoilt[at : at + data.draw(st.integers(1, 600))]
            case "insert":
                spoilt[at:at] = data.draw(st.binary(min_size=1, max_size=600))
            case _:
                spoilt[at:at] = spoilt[at : at + 512]
        if not spoilt:
            break
    found = read(bytes(spoilt))
    assert found is None or bytes(spoilt).rstrip(b"\0") == sound.rstrip(b"\0") or _comment_only(sound, bytes(spoilt))


def _comment_only(sound: bytes, spoilt: bytes) -> bool:
    """Tell whether only the untrusted comment of the signature differs, which nothing covers and nobody reads."""
    return _without_comment(sound) == _without_comment(spoilt)


def _without_comment(content: bytes) -> bytes:
    head, _, rest = content.partition(b"untrusted comment: ")
    return head + rest.partition(b"\n")[2]


@given(json)
@example({"format": 1, "name": "a", "version": 1, "parts": [{"kind": "model"}]})
@settings(deadline=None)
def test_any_manifest_at_all_is_understood_or_refused(document: Any) -> None:  # noqa: ANN401 - JSON
    try:
        written = msgspec.json.encode(document)
    except (msgspec.MsgspecError, UnicodeEncodeError, OverflowError):
        return
    assert read(signed(written)) is None


@given(st.text() | st.lists(st.text(alphabet="ABCRW=+/\n: "), max_size=6).map("\n".join))
def test_any_signature_at_all_is_understood_or_refused(text: str) -> None:
    with pytest.raises(BundleError):
        minisign.read_signature(text.encode())


def test_a_deep_manifest_is_refused() -> None:
    with pytest.raises(BundleError):
        decode(b'{"parts":' + b"[" * 200_000)
