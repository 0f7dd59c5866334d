"""Keys and signatures are those of minisign: recorded ones, and both ways with the program where it is installed."""

import shutil
import subprocess
from pathlib import Path

import pytest

from agent.bundles.minisign import read_public_key, read_signature, write_signature
from agent.bundles.secret_key import is_encrypted, make_key, read_secret_key
from agent.errors import BundleError

RECORDED = Path(__file__).parent / "minisign"
DATA = (RECORDED / "data.txt").read_bytes()
PUBLIC = read_public_key((RECORDED / "plain.pub").read_text())
PROGRAM = shutil.which("minisign")
needs_program = pytest.mark.skipif(PROGRAM is None, reason="minisign is not installed")


@pytest.mark.parametrize("name", ["hashed", "legacy"])
def test_signatures_of_minisign_hold(name: str) -> None:
    signature = read_signature((RECORDED / f"{name}.minisig").read_bytes())
    assert signature.verify(DATA, [PUBLIC]) == PUBLIC
    assert signature.comment.startswith("fixture")


@pytest.mark.parametrize("name", ["hashed", "legacy"])
def test_a_signature_does_not_hold_for_other_data_or_another_comment(name: str) -> None:
    written = (RECORDED / f"{name}.minisig").read_bytes()
    with pytest.raises(BundleError, match="is wrong"):
        read_signature(written).verify(DATA + b"!", [PUBLIC])
    with pytest.raises(BundleError, match="comment"):
        read_signature(written.replace(b"fixture", b"forgery")).verify(DATA, [PUBLIC])
    with pytest.raises(BundleError, match="does not trust"):
        read_signature(written).verify(DATA, [make_key().public()])


def test_a_key_of_minisign_signs_as_minisign_does() -> None:
    key = read_secret_key((RECORDED / "plain.key").read_text())
    assert key.public() == PUBLIC
    recorded = read_signature((RECORDED / "hashed.minisig").read_bytes())
    assert key.sign(DATA, recorded.comment) == recorded  # Ed25519 has no chance in it


def test_what_we_write_is_what_minisign_has_written() -> None:
    key, recorded = read_secret_key((RECORDED / "plain.key").read_text()), (RECORDED / "hashed.minisig").read_text()
    written = write_signature(key.sign(DATA, read_signature(recorded.encode()).comment))
    assert written.splitlines()[1:] == recorded.splitlines()[1:]  # the first line of each file is for people
    assert key.public().file().splitlines()[1:] == (RECORDED / "plain.pub").read_text().splitlines()[1:]


@pytest.mark.slow  # minisign takes a GiB of memory and some seconds for a password
def test_a_key_of_minisign_with_a_password_is_read() -> None:
    key = read_secret_key((RECORDED / "password.key").read_text(), "open sesame")
    assert key.public() == read_public_key((RECORDED / "password.pub").read_text())


def test_a_key_with_a_password_needs_it() -> None:
    key = make_key()
    text = key.file("open sesame")
    assert is_encrypted(text)
    assert read_secret_key(text, "open sesame") == key
    with pytest.raises(BundleError, match="password"):
        read_secret_key(text, "open barley")


@pytest.mark.parametrize("text", ["", "RWQ", "untrusted comment: x\n", "x\n" * 5, "é" * 200, "RWQ6Ln0w" * 40])
def test_what_is_no_key_and_no_signature_is_refused(text: str) -> None:
    for read in (read_public_key, read_secret_key):
        with pytest.raises(BundleError):
            read(text)
    with pytest.raises(BundleError):
        read_signature(text.encode())


@needs_program
@pytest.mark.parametrize("password", ["", "open sesame"])
def test_minisign_signs_with_our_keys_and_verifies_our_signatures(tmp_path: Path, password: str) -> None:
    key, data = make_key(), tmp_path / "data"
    (tmp_path / "key").write_text(key.file(password))
    (tmp_path / "key.pub").write_text(key.public().file())
    data.write_bytes(DATA)
    data.with_name("ours").write_text(write_signature(key.sign(DATA, "ours")))
    run = [str(PROGRAM), "-m", str(data)]
    subprocess.run([*run, "-V", "-p", tmp_path / "key.pub", "-x", tmp_path / "ours"], check=True, capture_output=True)
    sign = [*run, "-S", "-s", str(tmp_path / "key"), "-x", str(tmp_path / "theirs")]
    subprocess.run(sign, check=True, capture_output=True, input=f"{password}\n".encode())
    assert read_signature((tmp_path / "theirs").read_bytes()).verify(DATA, [key.public()]) == key.public()
