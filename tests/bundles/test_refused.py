"""What is refused, each with its reason, and that nothing has changed then."""

import hashlib
import shutil
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from agent.bundles import archive
from agent.bundles.applying import apply
from agent.errors import BundleError, DownloadError
from tests.bundles.making import KEY, OLD, OTHER, Device, changed, make, member, signed

PART: dict[str, Any] = {"kind": "model", "name": "tiny", "file": "tiny.gguf", "bytes": 3, "sha256": "0" * 64}
MANIFEST: dict[str, Any] = {"format": 1, "name": "acme", "version": 1, "parts": [PART]}


def parts(*changes: dict[str, Any]) -> bytes:
    """Return a signed bundle whose parts are not as they should be."""
    return signed(msgspec.json.encode({**MANIFEST, "parts": [{**PART, **each} for each in changes]}), b"abc")


@pytest.fixture
def device(tmp_path: Path) -> Device:
    return Device(tmp_path / "device")


@pytest.fixture
def sound(tmp_path: Path) -> bytes:
    return make(tmp_path / "workshop")


def refused(device: Device, content: bytes, why: str, kind: type[Exception] = BundleError) -> None:
    before = device.look()
    with pytest.raises(kind, match=why):
        device.apply(content)
    assert device.look() == before
    assert not device.leftovers()
    assert not device.place().record.exists() or b"acme" in device.place().record.read_bytes()


def test_what_is_not_signed_or_signed_by_a_stranger_is_refused(device: Device, sound: bytes, tmp_path: Path) -> None:
    size = archive.size_in(sound[:512], archive.MANIFEST, 1 << 20)
    manifest = sound[512 : 512 + size]
    refused(device, member(archive.MANIFEST, manifest) + sound[-2048:], "not signed")
    refused(device, make(tmp_path / "theirs", key=OTHER), "does not trust")
    refused(device, sound.replace(b'"version": 1', b'"version": 7'), "was changed")


def test_a_device_that_trusts_nobody_takes_nothing(device: Device, sound: bytes) -> None:
    trusting = device.place()
    config = msgspec.structs.replace(trusting.config, bundle_keys=[])
    device.place = lambda: type(trusting)(config, device.file)  # type: ignore[method-assign]
    refused(device, sound, "trusts no key")


def test_a_key_may_lie_in_the_state_directory(device: Device, sound: bytes) -> None:
    (device.state / "keys").mkdir(parents=True)
    (device.state / "keys" / "acme.pub").write_text(KEY.public().file())
    device.apply(sound)


def test_every_changed_byte_of_a_part_is_found(device: Device, sound: bytes) -> None:
    at = sound.index(OLD)
    for offset in (0, len(OLD) // 2, len(OLD) - 1):
        spoilt = bytearray(sound)
        spoilt[at + offset] ^= 1
        refused(device, bytes(spoilt), "was changed after it was signed")


def test_a_bundle_cut_off_anywhere_is_refused(device: Device, sound: bytes) -> None:
    for end in (*range(0, len(sound), len(sound) // 40), len(sound) - 1):
        refused(device, sound[:end], "ends too early|not signed|no edgewise bundle")


def test_nothing_may_follow_the_end_but_the_zeros_of_tar(device: Device, sound: bytes) -> None:
    refused(device, sound + b"x", "goes on")
    refused(device, sound + bytes(20_000), "goes on")
    device.apply(sound + bytes(-len(sound) % 10_240))


def test_a_device_never_goes_back(device: Device, sound: bytes, tmp_path: Path) -> None:
    device.apply(make(tmp_path / "second", version=2))
    refused(device, sound, "older than what is in force", BundleError)
    refused(device, make(tmp_path / "again", version=2), "in force already")


class Unfit(NamedTuple):
    fields: dict[str, object]
    why: str


@pytest.mark.parametrize(
    "case",
    [
        Unfit({"architectures": ["m68k"]}, "It is for m68k"),
        Unfit({"boards": ["commodore-64"]}, "It is for commodore-64"),
        Unfit({"least": "99.0"}, "It is for Edgewise 99.0"),
        Unfit({"most": "0.0.1"}, "0.0.1"),
    ],
)
def test_what_is_for_another_device_is_refused(device: Device, sound: bytes, case: Unfit) -> None:
    refused(device, changed(sound, **case.fields), case.why)


@pytest.mark.parametrize(
    "content",
    [
        parts({"file": "../../evil.gguf"}),
        parts({"file": "/etc/passwd"}),
        parts({"file": "model.json"}),
        parts({"file": ".hidden"}),
        parts({"file": "a//b"}),
        parts({"file": "nul\0.gguf"}),
        parts({"name": ".."}),
        parts({"name": "../x"}),
        parts({}, {}),
        parts({}, {"file": "TINY.GGUF"}),
        parts({"kind": "profile", "name": "a", "file": "b.toml"}),
        parts({"kind": "profile", "name": "a", "file": "d/a.toml"}),
        parts({"kind": "wheel", "file": "evil.sh"}),
        parts({"kind": "config", "file": "a.toml", "bytes": 1 << 30}),
        parts({"bytes": -1}),
        parts({"bytes": 1 << 60}),
        parts({"sha256": "abc"}),
        parts({"kind": "program"}),
        parts({"mode": "0777"}),
        parts(),
        signed(b""),
        signed(b"[" * 100_000),
        signed(b"\xff\xfe"),
        signed(msgspec.json.encode({**MANIFEST, "format": 2})),
        signed(msgspec.json.encode({**MANIFEST, "version": 0})),
        signed(msgspec.json.encode({**MANIFEST, "version": 1 << 60})),
        signed(msgspec.json.encode({**MANIFEST, "serve": "another"})),
        signed(msgspec.json.encode({**MANIFEST, "parts": [{**PART, "file": f"{n}.gguf"} for n in range(1001)]})),
    ],
)
def test_an_absurd_manifest_is_refused_even_when_it_is_signed(device: Device, content: bytes) -> None:
    refused(device, content, "manifest cannot be used")


def test_a_manifest_larger_than_any_is_not_even_read(device: Device) -> None:
    source = BytesIO(archive.header(archive.MANIFEST, 1 << 30) + bytes(1 << 20))
    with pytest.raises(BundleError, match="of at most"):
        apply(device.place(), source)
    assert source.tell() == archive.BLOCK


def test_what_has_no_room_is_refused_before_it_is_written(device: Device) -> None:
    free = shutil.disk_usage(device.root).free
    refused(device, parts({"bytes": free + (1 << 30)}), "Not enough disk space", DownloadError)


@pytest.mark.parametrize("kind", ["model", "profile", "family"])
def test_content_that_would_stop_the_device_is_refused(device: Device, kind: str) -> None:
    content = b"rank = 'no number'\n"
    name = "tiny.gguf" if kind == "model" else "tiny.toml"
    part = {**PART, "kind": kind, "file": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    refused(device, signed(msgspec.json.encode({**MANIFEST, "parts": [part]}), content), "cannot be used")


@pytest.mark.parametrize(
    "settings",
    [
        "auth = 'open'",
        "bundle_keys = []",
        "host = '::'",
        "names = ['evil']",
        "hf_endpoint = 'http://x'",
        "[mqtt]\nurl='x'",
    ],
)
def test_settings_that_would_open_the_door_are_refused(device: Device, tmp_path: Path, settings: str) -> None:
    refused(device, make(tmp_path / "opening", settings=settings), "which updates may not")


def test_the_owner_can_allow_settings_but_never_whose_updates_are_taken(device: Device, tmp_path: Path) -> None:
    device.allowed = ["mqtt_url", "bundle_keys"]
    refused(device, make(tmp_path / "keys", settings="bundle_keys = ['x']"), "change bundle_keys")
    device.apply(make(tmp_path / "broker", settings="[mqtt]\nurl = 'mqtt://broker'"))
    assert "mqtt://broker" in device.file.read_text()


@pytest.mark.parametrize("settings", ["context = 'many'", "no_such_setting = 1", "= ="])
def test_settings_that_cannot_be_used_are_refused(device: Device, tmp_path: Path, settings: str) -> None:
    refused(device, make(tmp_path / "wrong", settings=settings), "settings cannot be used")
