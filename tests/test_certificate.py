import datetime as dt
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from agent.certificate import Certificate, certificate, prepare
from agent.config import Config
from agent.errors import ConfigError, StoreError
from agent.self_signed import renew

NOW = dt.datetime(2026, 11, 22, tzinfo=dt.UTC)
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def names(made: Certificate) -> set[str]:
    read = x509.load_pem_x509_certificate(made.chain.read_bytes())
    found = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(name.value) for name in found}


def ours(tmp_path: Path) -> Certificate:
    return Certificate(tmp_path / "chain.pem", tmp_path / "key.pem")


def test_our_own_certificate_has_our_names_and_addresses(tmp_path: Path) -> None:
    made = prepare(Config(state_dir=tmp_path, tls="self", names=["chat.example.com"]), "Küche", "7f3a")
    assert made
    assert {"kuche.local", "kuche-2.local", "edgewise-7f3a.local", "chat.example.com", "127.0.0.1"} <= names(made)
    assert {path.stat().st_mode & 0o777 for path in (made.chain, made.key)} == {0o600}


def test_it_stays_while_it_has_all_names_and_its_key_stays_for_ever(tmp_path: Path) -> None:
    files = ours(tmp_path)
    renew(files.chain, files.key, ["a.local", "192.0.2.1"], NOW)
    first, key = files.fingerprint(), files.key.read_bytes()
    renew(files.chain, files.key, ["a.local"], NOW)
    assert files.fingerprint() == first
    renew(files.chain, files.key, ["a.local", "b.local"], NOW)
    second = files.fingerprint()
    assert second != first
    renew(files.chain, files.key, ["b.local"], NOW + dt.timedelta(days=3650))
    assert files.fingerprint() not in {first, second}
    assert files.key.read_bytes() == key


def test_a_device_with_another_name_has_it_in_its_certificate_from_the_next_start_on(tmp_path: Path) -> None:
    config = Config(state_dir=tmp_path, tls="self")
    prepare(config, "Kitchen", "7f3a")
    made = prepare(config, "Attic", "7f3a")
    assert made
    assert {"attic.local", "attic-9.local", "edgewise-7f3a.local"} <= names(made)


def test_a_clock_that_stands_at_1970_makes_a_certificate_that_is_valid_today(tmp_path: Path) -> None:
    files = ours(tmp_path)
    renew(files.chain, files.key, ["a.local"], EPOCH)
    made = files.fingerprint()
    renew(files.chain, files.key, ["a.local"], NOW)
    assert files.fingerprint() == made


def test_the_fingerprint_is_what_browsers_show(tmp_path: Path) -> None:
    files = ours(tmp_path)
    renew(files.chain, files.key, ["a.local"], NOW)
    read = x509.load_pem_x509_certificate(files.chain.read_bytes())
    assert files.fingerprint() == read.fingerprint(hashes.SHA256()).hex(":").upper()
    assert len(files.fingerprint()) == 95


def test_a_certificate_of_another_key_is_said_before_anything_listens(tmp_path: Path) -> None:
    one, other = ours(tmp_path), Certificate(tmp_path / "other.pem", tmp_path / "other-key.pem")
    for files in (one, other):
        renew(files.chain, files.key, ["a.local"], NOW)
    config = Config(state_dir=tmp_path, tls="files", tls_cert=one.chain, tls_key=other.key)
    with pytest.raises(ConfigError, match="the key is of another certificate"):
        prepare(config, "a", "7f3a")


def test_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="needs tls_key"):
        certificate(Config(state_dir=tmp_path, tls="files", tls_cert=tmp_path / "a.pem"))
    with pytest.raises(ConfigError, match=r"a\.pem and .*b\.pem cannot be used: No such file"):
        prepare(
            Config(state_dir=tmp_path, tls="files", tls_cert=tmp_path / "a.pem", tls_key=tmp_path / "b.pem"),
            "a",
            "7f3a",
        )


def test_damaged_files_of_our_own_are_named(tmp_path: Path) -> None:
    config = Config(state_dir=tmp_path, tls="self")
    made = prepare(config, "a", "7f3a")
    assert made
    made.chain.write_text("nothing")
    with pytest.raises(StoreError, match=made.chain.name):
        prepare(config, "a", "7f3a")


def test_without_tls_there_is_none(tmp_path: Path) -> None:
    assert prepare(Config(state_dir=tmp_path), "a", "7f3a") is None
    assert not list(tmp_path.iterdir())
