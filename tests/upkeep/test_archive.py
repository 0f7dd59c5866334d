"""`edgewise backup` and `edgewise restore`: nothing is lost, nothing is half."""

import asyncio
import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import msgspec
import pytest

from agent.errors import InputError, StoreError
from agent.models import ModelStore
from agent.sole import sole
from agent.store import Store
from agent.upkeep import archive, restoring
from tests.upkeep.databases import change, fill, messages, one
from tests.web.door.house import house

EDGEWISE = [sys.executable, "-c", "from agent.cli import main; main()"]


def device(folder: Path, **sizes: int) -> Path:
    """Make the state directory of a device."""
    folder.mkdir()
    fill(folder, **sizes)
    for name in ("chosen-model", "mqtt.password", "tls-key.pem"):
        (folder / name).write_text(f"{name} of {folder.name}")
    (folder / "families").mkdir()
    (folder / "families" / "own.toml").write_text("own")
    return folder


def backup(state: Path, out: Path, *, secrets: bool = False) -> archive.Manifest:
    return archive.write(state, ModelStore(state / "models"), out, secrets=secrets)


def members(file: Path) -> dict[str, bytes]:
    with tarfile.open(file) as opened:
        return {member.name: opened.extractfile(member).read() for member in opened}  # type: ignore[union-attr]


def pack(file: Path, content: dict[str, bytes]) -> Path:
    with tarfile.open(file, "w:gz") as out:
        for name, data in content.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            out.addfile(member, io.BytesIO(data))
    return file


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_backup_brings_everything_back(tmp_path: Path) -> None:
    old, file = device(tmp_path / "old"), tmp_path / "backup.tar.gz"
    backup(old, file, secrets=True)
    new = tmp_path / "new"
    new.mkdir()
    restoring.restore(new, file)
    assert messages(new / "app.db") == messages(old / "app.db")
    assert (new / "families" / "own.toml").read_text() == "own"
    assert (new / "tls-key.pem").read_text() == "tls-key.pem of old"
    assert one(new / "app.db", "SELECT value FROM device WHERE key = 'id'") == "0123456789abcdef"
    assert not (new / "restore.new").exists()


def test_secrets_are_left_out_unless_they_are_asked_for(tmp_path: Path) -> None:
    old, file = device(tmp_path / "old"), tmp_path / "backup.tar.gz"
    config = tmp_path / "config.toml"
    config.write_text('[mqtt]\nurl = "mqtts://ann:swordfish@broker:8883"\n')
    change(old / "app.db", "INSERT INTO device VALUES ('claim_code', 'ABCD2345')")
    archive.write(old, ModelStore(old / "models"), file, config=config)
    content = members(file)
    assert set(content) == {"manifest.json", "app.db", "chosen-model", "families/own.toml", "config.toml"}
    assert content["config.toml"] == b'[mqtt]\nurl = "mqtts://broker:8883"\n'
    assert not any(secret in data for data in content.values() for secret in (b"swordfish", b"ABCD2345", b"tls-key"))
    assert file.stat().st_mode & 0o077 == 0
    assert {path.name for path in tmp_path.iterdir()} == {"old", "backup.tar.gz", "config.toml"}


def test_a_backup_while_others_write_is_of_one_moment(tmp_path: Path) -> None:
    state = device(tmp_path / "state")
    store = Store(state / "app.db")
    store.open()
    backup(state, tmp_path / "backup.tar.gz")
    store.close()
    restoring.restore(tmp_path / "new", tmp_path / "backup.tar.gz")
    assert len(messages(tmp_path / "new" / "app.db")) == 60


def test_what_was_here_comes_back_and_forth(tmp_path: Path) -> None:
    old, here, file = device(tmp_path / "old", messages=5), device(tmp_path / "here"), tmp_path / "backup.tar.gz"
    backup(old, file, secrets=True)
    (here / "app.db-wal").write_bytes(b"of the database that was here")
    before = snapshot(here)
    restoring.restore(here, file)
    assert len(messages(here / "app.db")) == 15
    assert not (here / "app.db-wal").exists()
    restoring.go_back(here)
    found = snapshot(here)
    assert {name: data for name, data in found.items() if not name.startswith("before-restore/")} == before
    restoring.go_back(here)
    assert len(messages(here / "app.db")) == 15


def test_everybody_signs_in_anew(tmp_path: Path) -> None:
    old = device(tmp_path / "old")
    change(old / "app.db", "INSERT INTO sessions VALUES (x'00', 's', 'ann', 'c', 0, 0, '', '')")
    backup(old, tmp_path / "backup.tar.gz")
    restoring.restore(tmp_path / "new", tmp_path / "backup.tar.gz", new_id=True)
    assert one(tmp_path / "new" / "app.db", "SELECT count(*) FROM sessions") == 0
    assert one(tmp_path / "new" / "app.db", "SELECT count(*) FROM device WHERE key = 'id'") == 0


@pytest.mark.parametrize("step", range(1, 9))
def test_a_restore_that_loses_its_power_is_completed_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    old, here, file = device(tmp_path / "old", messages=5), device(tmp_path / "here"), tmp_path / "backup.tar.gz"
    backup(old, file)
    left = step

    def fails(source: Path, target: Path) -> None:
        nonlocal left
        left -= 1
        if not left:
            raise KeyboardInterrupt  # stands for the end of the power: nothing runs after it
        os.rename(source, target)  # noqa: PTH104 - Path.rename is what is replaced

    with monkeypatch.context() as broken:
        broken.setattr(Path, "rename", fails)
        broken.setattr(Path, "replace", fails)
        with pytest.raises(KeyboardInterrupt):
            restoring.restore(here, file)
    ready = (here / "restore.new" / "ready.json").exists()
    assert restoring.complete(here) == ready
    assert len(messages(here / "app.db")) == (15 if ready else 60)
    if ready:
        restoring.go_back(here)
        assert len(messages(here / "app.db")) == 60


def damaged(content: dict[str, bytes]) -> dict[str, dict[str, bytes]]:
    """Return backups that must be refused, by what is wrong with them."""
    manifest = msgspec.json.decode(content["manifest.json"])

    def described(**changes: object) -> bytes:
        return msgspec.json.encode({**manifest, **changes})

    outside = [{**manifest["files"][0], "name": "../app.db"}, *manifest["files"]]
    torn = content["app.db"][:-5000] + bytes(5000)
    return {
        "no manifest": {"app.db": content["app.db"]},
        "no database": {name: data for name, data in content.items() if name != "app.db"},
        "changed": {**content, "chosen-model": b"chosen-model of oLd"},
        "longer": {**content, "chosen-model": content["chosen-model"] + b"x"},
        "torn": {**content, "app.db": torn},
        "outside": {**content, "manifest.json": described(files=outside)},
        "newer format": {**content, "manifest.json": described(format=2)},
        "newer tables": {**content, "manifest.json": described(migrations=["tables", "teleportation"])},
        "nonsense": {**content, "manifest.json": b"{}"},
    }


@pytest.mark.parametrize(
    "kind",
    ["no manifest", "no database", "changed", "longer", "torn", "outside", "newer format", "newer tables", "nonsense"],
)
def test_what_is_damaged_or_newer_changes_nothing(tmp_path: Path, kind: str) -> None:
    old, here = device(tmp_path / "old"), device(tmp_path / "here")
    backup(old, tmp_path / "sound.tar.gz")
    file = pack(tmp_path / "broken.tar.gz", damaged(members(tmp_path / "sound.tar.gz"))[kind])
    before = snapshot(here)
    with pytest.raises(InputError, match="newer|made by" if "newer" in kind else "damaged"):
        restoring.restore(here, file)
    assert snapshot(here) == before


def test_a_file_that_is_cut_off_anywhere_changes_nothing(tmp_path: Path) -> None:
    old, here, file = device(tmp_path / "old", messages=2), device(tmp_path / "here"), tmp_path / "backup.tar.gz"
    backup(old, file)
    whole, before = file.read_bytes(), snapshot(here)
    for share in range(8):
        file.write_bytes(whole[: len(whole) * share // 8])
        with pytest.raises(InputError, match="damaged"):
            restoring.restore(here, file)
    assert snapshot(here) == before


def test_an_older_database_is_brought_up_to_date(tmp_path: Path) -> None:
    old, file = device(tmp_path / "old"), tmp_path / "backup.tar.gz"
    change(old / "app.db", "DROP TABLE commands", "DELETE FROM _sqlite_migrations WHERE name = 'commands'")
    backup(old, file)
    new = tmp_path / "new"
    restoring.restore(new, file)
    store = Store(new / "app.db")
    store.open()
    store.close()
    assert one(new / "app.db", "SELECT count(*) FROM commands") == 0


def test_there_is_no_way_back_before_the_first_restore(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="nothing to go back to"):
        restoring.go_back(tmp_path)


def edgewise(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*EDGEWISE, *map(str, arguments)], capture_output=True, text=True, check=False)


def test_the_commands_say_what_is_left_to_do(tmp_path: Path) -> None:
    old, here = device(tmp_path / "old", messages=5), device(tmp_path / "here")
    done = edgewise("backup", tmp_path, "--state-dir", old)
    assert done.returncode == 0, done.stderr
    (file,) = tmp_path.glob("edgewise-*.tar.gz")
    assert "--secrets puts them in" in done.stdout
    with sole(here):
        refused = edgewise("restore", file, "--state-dir", here)
    assert refused.returncode == 2
    assert f"Another daemon works in {here}: process {os.getpid()}" in refused.stderr
    assert "systemctl stop" in refused.stderr
    done = edgewise("restore", file, "--state-dir", here)
    assert done.returncode == 0, done.stderr
    assert len(messages(here / "app.db")) == 15
    done = edgewise("restore", "--back", "--state-dir", here)
    assert done.returncode == 0, done.stderr
    assert len(messages(here / "app.db")) == 60


def test_the_daemon_completes_a_restore_before_it_opens_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, here, file = device(tmp_path / "old", messages=5), device(tmp_path / "here"), tmp_path / "backup.tar.gz"
    backup(old, file)
    with monkeypatch.context() as broken:
        broken.setattr(restoring, "complete", lambda _: None)
        restoring.restore(here, file)
    assert len(messages(here / "app.db")) == 60

    async def life() -> None:
        async with house(here) as opened:
            found = await opened.node.store.read(
                lambda database: database.execute("SELECT count(*) FROM messages").fetchone()
            )
            assert found == (15,)

    asyncio.run(life())
