"""The disk of a device is full, or fails until nobody may write: people get in, read, are told, and go on later."""

import asyncio
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.security.accounts import Accounts
from agent.store import Store
from tests.faults.device import Device, device
from tests.faults.disk import Disk, disk
from tests.faults.table import Table
from tests.web.daemon import chat
from tests.web.settings.visiting import Visitor, forms, visiting, words

PASSWORD = "correct horse battery"  # noqa: S105 - of nobody
PLACES = ("/", "/c/list", "/models", "/device", "/settings", "/settings/people", "/logs", "/search?q=question")
ACCOUNTS = ("--auth", "accounts")
PATIENCE = 20.0  # seconds for the answers before, of which nobody has more than four at a time
FULL = "The disk of this device is full"
READ_ONLY = "can only be read"


async def inhabit(state: Path) -> None:
    """Let two people have accounts."""
    state.mkdir()  # noqa: ASYNC240 - nobody waits
    store = Store(state / "app.db")
    store.open()
    people = Accounts.on(store, state).users
    await people.add("Ada", PASSWORD, "admin")
    await people.add("Bob", PASSWORD, "user")
    store.close()


def ask(visitor: Visitor, text: str) -> str:
    """Begin a chat; return where it is, or nothing if the device has said that it cannot keep the question."""
    form = next(form for form in forms(visitor.open("/")) if form.action == "/c")
    end = time.monotonic() + PATIENCE
    while True:
        visitor.response = visitor.http.post("/c", data={**form.values, "text": text})
        if "answers are being written for you" not in visitor.response.text or time.monotonic() > end:
            break
        time.sleep(0.05)
    if visitor.response.status_code in {400, 507}:
        return ""
    assert visitor.response.status_code == 303, visitor.response.text
    return visitor.response.headers["location"].partition("#")[0]


def ask_until_refused(visitor: Visitor, most: int = 200) -> dict[str, str]:
    """Ask until that is refused; return the questions that the device has taken, by where they are."""
    kept: dict[str, str] = {}
    for number in range(most):
        text = f"question {number} " + "and so on " * 200
        place = ask(visitor, text)
        if not place:
            return kept
        kept[place] = f"question {number} and so on"
    raise AssertionError(f"{most} questions fit on a full disk")


def readable(visitor: Visitor, kept: dict[str, str]) -> None:
    """Hold the device to what it has taken, and to showing every page."""
    for place, text in kept.items():
        assert text in visitor.open(place), place
    for place in PLACES:
        visitor.open(place)


def clean(device_: Device) -> None:
    assert "Traceback" not in device_.log(), device_.log()
    assert device_.daemon.process.poll() is None


def test_a_full_disk_keeps_nobody_out_and_costs_nothing_that_was_taken(tmp_path: Path, table: Table) -> None:
    with disk(tmp_path / "disk") as disk_:
        asyncio.run(inhabit(disk_.state))
        with device(disk_.state, *ACCOUNTS) as device_, visiting(device_.daemon.url, "Ada", PASSWORD) as ada:
            before = {ask(ada, "before the disk was full"): "before the disk was full"}
            disk_.fill()
            kept = before | ask_until_refused(ada)
            assert FULL in words(ada.response.text)
            assert FULL in ada.open("/")
            readable(ada, kept)
            with visiting(device_.daemon.url, "Bob", PASSWORD) as bob:
                if place := ask(bob, "is there room for me?"):  # in the log of SQLite
                    assert "is there room for me?" in bob.open(place)
            gone = kept.popitem()[0]
            reply = ada.http.post(f"{gone}/delete", data={"csrf": csrf(ada)})
            assert reply.is_success or reply.is_redirect, reply.text
            disk_.make_room()
            began = time.monotonic()
            assert ask(ada, "there is room again")
            table.add("disk full, then room: seconds until a question is taken", time.monotonic() - began)
            assert FULL not in ada.open("/")
            readable(ada, kept)
            assert (disk_.state / "spare").exists()
            clean(device_)


def csrf(visitor: Visitor) -> str:
    return next(form for form in forms(visitor.open("/")) if form.action == "/c").values["csrf"]


@pytest.mark.chaos
@pytest.mark.parametrize("ends", ["killed", "stopped"])
def test_a_device_starts_on_a_full_disk(ends: str, tmp_path: Path, table: Table) -> None:
    with disk(tmp_path / "disk") as disk_:
        asyncio.run(inhabit(disk_.state))
        with device(disk_.state, *ACCOUNTS) as device_:
            with visiting(device_.daemon.url, "Ada", PASSWORD) as ada:
                kept = {ask(ada, "before the disk was full"): "before the disk was full"}
                if ends == "killed":
                    ask(ada, "!delay 20 !text " + "x" * 1000)
                    time.sleep(0.5)  # it is being answered when the power goes
            disk_.fill()
            if ends == "killed":
                device_.kill()
            else:
                assert device_.stop() == 0
            disk_.fill()  # what the end has freed
            began = time.monotonic()
            device_.start()
            with visiting(device_.daemon.url, "Ada", PASSWORD) as ada:
                table.add(f"start on a full disk, {ends} before: seconds to a sign-in", time.monotonic() - began)
                readable(ada, kept)
                kept |= ask_until_refused(ada)
                disk_.make_room()
                assert ask(ada, "there is room again")
                readable(ada, kept)
            clean(device_)


@pytest.mark.chaos
def test_admins_sign_in_on_a_full_disk_a_hundred_times(tmp_path: Path) -> None:
    with disk(tmp_path / "disk") as disk_:
        asyncio.run(inhabit(disk_.state))
        with device(disk_.state, *ACCOUNTS) as device_:
            disk_.fill()
            for _ in range(100):
                with visiting(device_.daemon.url, "Ada", PASSWORD) as ada:
                    ask(ada, "and what does a question cost?")
                    assert ada.http.post("/logout", data={"csrf": csrf(ada)}).status_code in {303, 507}
            clean(device_)


@pytest.mark.chaos
def test_a_disk_that_fails_while_it_is_used_can_still_be_read_and_every_page_says_so(
    tmp_path: Path, table: Table
) -> None:
    with disk(tmp_path / "disk") as disk_:
        asyncio.run(inhabit(disk_.state))
        with device(disk_.state, *ACCOUNTS) as device_, visiting(device_.daemon.url, "Ada", PASSWORD) as ada:
            kept = {ask(ada, "before the disk failed"): "before the disk failed"}
            disk_.fail()
            assert not ask(ada, "is this kept?")
            assert READ_ONLY in words(ada.response.text)
            readable(ada, kept)
            assert READ_ONLY in ada.open("/")
            with visiting(device_.daemon.url, "Bob", PASSWORD) as bob:
                assert READ_ONLY in bob.open("/")
                assert "this one" in bob.open("/settings/sessions")
                assert bob.http.post("/logout", data={"csrf": csrf(bob)}).status_code == 303
                assert bob.http.get("/").headers["location"].startswith("/login")
            assert ada.http.post("/logout", data={"csrf": csrf(ada)}).status_code == 303
            ada.sign_in("Ada", PASSWORD)
            readable(ada, kept)
            assert device_.stop() == 0
            assert "Traceback" not in device_.log()
            table.add("disk fails, and is read-only from then on", lost="what nobody was told is kept")


@pytest.mark.chaos
@pytest.mark.parametrize("harm", [Disk.fill, Disk.fail], ids=["full", "failed"])
def test_whatever_an_owner_wants_is_done_or_refused_with_the_reason(
    harm: Callable[[Disk], None], tmp_path: Path
) -> None:
    with disk(tmp_path / "disk") as disk_:
        disk_.state.mkdir()
        with device(disk_.state) as device_, visiting(device_.daemon.url) as owner:
            harm(disk_)
            seen = [reply for page in (*PLACES, "/settings/device", "/presets") for reply in send_all(owner, page)]
            upload = owner.http.post("/attachments", files={"file": ("a.txt", b"hello " * 20_000)})
            assert upload.status_code in {200, 303}, upload.text
            assert {status for _, status in seen if status >= 500} == {507}, seen
            assert owner.http.post("/v1/chat/completions", json=chat("hello")).is_success
            clean(device_)


def send_all(visitor: Visitor, page: str) -> list[tuple[str, int]]:
    """Send every form of a page as it stands; return what came of each."""
    spared = re.compile(r"/logout|/search|safe-mode|restart")
    told = []
    for form in forms(visitor.open(page)):
        if not spared.search(form.action):
            reply = visitor.http.post(form.action, data={**dict.fromkeys(form.names, "xx"), **form.values})
            told.append((form.action, reply.status_code))
    return told


@pytest.mark.chaos
@pytest.mark.parametrize("ends", ["killed", "stopped"])
def test_a_device_starts_on_a_disk_that_can_only_be_read_and_shows_what_is_there(
    ends: str, tmp_path: Path, table: Table
) -> None:
    with disk(tmp_path / "disk") as disk_:
        asyncio.run(inhabit(disk_.state))
        (disk_.state / "log").symlink_to(tmp_path / "log")
        with device(disk_.state, *ACCOUNTS) as device_, visiting(device_.daemon.url, "Ada", PASSWORD) as ada:
            kept = {ask(ada, "before the disk failed"): "before the disk failed"}
            if ends == "killed":
                device_.kill()
            else:
                device_.stop()
            disk_.unmount()
            disk_.mount("ro")
            began = time.monotonic()
            device_.start()
            ada.http.base_url = ada.http.headers["Origin"] = device_.daemon.url
            readable(ada, kept)
            with visiting(device_.daemon.url, "Ada", PASSWORD) as elsewhere:
                readable(elsewhere, kept)
            table.add(f"start on a read-only disk, {ends} before: seconds to all pages", time.monotonic() - began)
            assert not ask(ada, "is this kept?")
            assert READ_ONLY in words(ada.response.text)
            assert READ_ONLY in ada.open("/")
            assert device_.stop() == 0
            assert "Traceback" not in device_.log(), device_.log()
