"""A broken app.db does not keep the device down."""

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils import Database

from agent.store import Store
from agent.upkeep import recovery
from agent.upkeep.backups import Backups
from agent.upkeep.checking import trouble
from agent.upkeep.recovery import Recovery, recover
from tests.upkeep.databases import PAGE, change, fill, messages, one, pages_of, say, tear, zero_pages


def opens(path: Path) -> None:
    """Fail unless app.db can be opened and holds nothing broken."""
    assert not trouble(path)
    store = Store(path)
    store.open()
    store.close()


def recovered(state: Path) -> Recovery:
    found = recover(state)
    assert found is not None
    opens(state / "app.db")
    assert found == recovery.last_recovery(state)
    return found


def test_a_sound_file_is_left_alone(tmp_path: Path) -> None:
    before = fill(tmp_path).read_bytes()
    assert recover(tmp_path) is None
    assert (tmp_path / "app.db").read_bytes() == before
    assert not list(tmp_path.glob("app.broken*"))


def test_the_first_start_has_nothing_to_recover(tmp_path: Path) -> None:
    assert recover(tmp_path) is None
    (tmp_path / "app.db").touch()
    assert recover(tmp_path) is None


def test_garbage_is_replaced_by_the_newest_copy_and_kept_aside(tmp_path: Path) -> None:
    path = fill(tmp_path)
    Backups(path).make()
    tear(path, at=0, bytes_=b"garbage" * 1000)
    broken = path.read_bytes()
    found = recovered(tmp_path)
    assert (found.origin, found.wrong) == ("backup", "file is not a database")
    assert len(messages(path)) == 60
    assert (tmp_path / found.aside).read_bytes() == broken


def test_what_came_after_the_copy_is_salvaged(tmp_path: Path) -> None:
    path = fill(tmp_path, conversations=2)
    Backups(path).make()
    with closing(Database(path)) as database, database.conn:
        say(database, "c1", "late")
        database.execute("UPDATE conversations SET title = 'renamed', leaf = 'late' WHERE id = 'c1'")
    zero_pages(path, pages_of(path, "messages")[2])
    found = recovered(tmp_path)
    assert found.rows["messages"] == 1
    assert "late" in messages(path)
    assert one(path, "SELECT title || leaf FROM conversations WHERE id = 'c1'") == "renamedlate"


def test_without_a_copy_all_that_can_be_read_is_kept(tmp_path: Path) -> None:
    path = fill(tmp_path)
    zero_pages(path, pages_of(path, "messages")[1])
    found = recovered(tmp_path)
    assert found.origin == "salvaged"
    assert 30 <= len(messages(path)) < 60
    assert one(path, "SELECT name FROM users") == "Ann"
    assert one(path, "SELECT value FROM device WHERE key = 'id'") == "0123456789abcdef"


def test_with_nothing_to_read_the_device_has_no_owner_and_says_so(tmp_path: Path) -> None:
    path = fill(tmp_path)
    path.write_bytes(bytes(20 * PAGE))
    path.with_name("app.db-wal").unlink(missing_ok=True)  # which two connections leave that close at once
    found = recovered(tmp_path)
    assert (found.origin, found.rows) == ("empty", {})
    assert one(path, "SELECT count(*) FROM users") == 0


def test_half_a_table_of_people_is_not_believed(tmp_path: Path) -> None:
    path = fill(tmp_path)
    people = [(f"u{n}", f"user {n}", "admin", "h" * 200, "", "", 0) for n in range(60)]
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany("INSERT INTO users VALUES (?, ?, ?, ?, ?, ?, ?)", people)
    Backups(path).make()
    change(path, "DELETE FROM users WHERE id = 'u7'")
    zero_pages(path, pages_of(path, "users")[1])
    assert recovered(tmp_path).origin == "backup"
    assert one(path, "SELECT count(*) FROM users") == 61


def test_who_was_removed_since_the_copy_stays_removed(tmp_path: Path) -> None:
    path = fill(tmp_path)
    change(
        path,
        "INSERT INTO users VALUES ('bob', 'Bob', 'user', 'h', '', '', 0)",
        "INSERT INTO api_keys VALUES (x'01', 'key', 'ann', 'k', 'abcd', '[]', 0, NULL)",
    )
    Backups(path).make()
    change(path, "DELETE FROM users WHERE id = 'bob'", "DELETE FROM api_keys", "UPDATE users SET password = 'new'")
    zero_pages(path, pages_of(path, "messages")[0])
    recovered(tmp_path)
    assert one(path, "SELECT group_concat(id || password) FROM users") == "annnew"
    assert one(path, "SELECT count(*) FROM api_keys") == 0


def test_a_broken_copy_is_passed_over(tmp_path: Path) -> None:
    path = fill(tmp_path, messages=5)
    backups = Backups(path)
    backups.make()
    backups.make()
    tear(backups.all()[0], at=0, bytes_=b"x" * 100)
    tear(path, at=0, bytes_=b"x" * 100)
    found = recovered(tmp_path)
    assert found.origin == "backup"
    assert len(messages(path)) == 15


def test_a_file_that_is_gone_comes_back(tmp_path: Path) -> None:
    path = fill(tmp_path)
    Backups(path).make()
    path.unlink()
    assert recovered(tmp_path).aside == ""
    assert len(messages(path)) == 60


def test_a_torn_log_costs_only_what_was_in_it(tmp_path: Path) -> None:
    path = fill(tmp_path)
    with closing(sqlite3.connect(path)) as connection:  # its end would bring the log into the file
        connection.execute("PRAGMA wal_autocheckpoint=0")
        for number in range(3):
            connection.execute("INSERT INTO device VALUES (?, 'x')", (f"k{number}",))
            connection.commit()
        torn = Path(f"{path}-wal").read_bytes()
        copy = tmp_path / "torn"
        copy.mkdir()
        (copy / "app.db").write_bytes(path.read_bytes())
    (copy / "app.db-wal").write_bytes(torn[: len(torn) - PAGE // 2])
    assert recover(copy) is None
    assert one(copy / "app.db", "SELECT count(*) FROM device WHERE value = 'x'") == 2


def test_the_log_of_the_broken_file_does_not_reach_the_new_one(tmp_path: Path) -> None:
    path = fill(tmp_path)
    Backups(path).make()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_autocheckpoint=0")
        connection.execute("DELETE FROM messages")
        connection.commit()
        broken = tmp_path / "broken"
        (broken / "backups").mkdir(parents=True)
        for name in ("app.db", "app.db-wal", "backups/app-1.db"):
            (broken / name).write_bytes((tmp_path / name).read_bytes())
    zero_pages(broken / "app.db", 0)
    found = recovered(broken)
    assert len(messages(broken / "app.db")) == 60
    assert (broken / f"{found.aside}-wal").exists()


def test_only_the_latest_broken_files_are_kept(tmp_path: Path) -> None:
    path = fill(tmp_path)
    Backups(path).make()
    for day in (1, 2, 3):
        (tmp_path / f"app.broken-2026010{day}-000000.db").touch()
    tear(path, at=0, bytes_=b"x" * 100)
    found = recovered(tmp_path)
    kept = sorted(entry.name for entry in tmp_path.glob("app.broken-*.db"))
    assert kept == ["app.broken-20260103-000000.db", found.aside]


def test_what_was_found_while_it_ran_is_looked_for_in_the_whole_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = fill(tmp_path)
    zero_pages(path, pages_of(path, "messages")[-1])
    monkeypatch.setattr(recovery, "_CHECK_SECONDS", 0.0)
    recovery.mark_damaged(tmp_path, "malformed")
    assert recovered(tmp_path).origin == "salvaged"
    assert not (tmp_path / "app.db.damaged").exists()


def test_a_false_alarm_is_forgotten(tmp_path: Path) -> None:
    fill(tmp_path)
    recovery.mark_damaged(tmp_path, "malformed")
    assert recover(tmp_path) is None
    assert not (tmp_path / "app.db.damaged").exists()


def test_the_owner_is_told_until_they_have_read_it(tmp_path: Path) -> None:
    tear(fill(tmp_path), at=0, bytes_=b"x" * 100)
    recovered(tmp_path)
    recovery.acknowledge(tmp_path)
    assert recovery.last_recovery(tmp_path) is None


def wounds(seed: int, size: int) -> tuple[str, bytes, int]:
    """Return a random wound: what it is, the bytes that are written and where; or where the file ends."""
    noise = random.Random(seed)  # noqa: S311 - no secret
    at = noise.randrange(size)
    kind = noise.choice(["flip", "zero", "noise", "cut"])
    length = {"flip": 1, "zero": PAGE, "noise": noise.choice([16, 512, PAGE]), "cut": 0}[kind]
    return kind, bytes(length) if kind == "zero" else noise.randbytes(length), at


def survives(seed: int, folder: Path, sound: bytes) -> str:
    """Wound a copy of app.db that has a backup, and return what was done; the device must come up with all messages."""
    path = folder / "app.db"
    path.write_bytes(sound)
    kind, content, at = wounds(seed, len(sound))
    if kind == "cut":
        with path.open("r+b") as file:
            file.truncate(at)
    else:
        tear(path, at=at, bytes_=content)
    found = recover(folder)
    opens(path)
    assert len(messages(path)) == 60 or found is None, (seed, kind)
    assert one(path, "SELECT count(*) FROM users WHERE role = 'admin'") == 1 or found is None, (seed, kind)
    return found.origin if found else "sound"


def survive(seeds: range, folder: Path) -> set[str]:
    path = fill(folder)
    Backups(path).make()
    sound = path.read_bytes()
    return {survives(seed, folder, sound) for seed in seeds}


def test_random_damage_never_keeps_the_device_down(tmp_path: Path) -> None:
    assert survive(range(25), tmp_path) == {"backup", "sound"}


@pytest.mark.slow
def test_much_random_damage_never_keeps_the_device_down(tmp_path: Path) -> None:
    assert survive(range(25, 2000), tmp_path) == {"backup", "sound"}
