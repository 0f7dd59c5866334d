"""Downloads that people start: one at a time, paused, resumed, cancelled, failed, found again after a restart."""

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.downloads import Download, Downloads
from agent.errors import ModelError, ModelNotFoundError, NotFoundError
from agent.models import ModelStore, SourceSettings
from tests.fake_hub import FakeHub, Fault, HubFile, running_hub
from tests.models.pulling import QUICK
from tests.stewarding import until
from tests.tiny_model import tiny_model

SLOW = Fault(trickle=0.05)
LARGE = tiny_model() + bytes(2 << 20)
FIRST, SECOND = "hf:me/it/first.gguf", "hf:me/it/second.gguf"


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with running_hub() as hub:
        hub.repos["me/it"] = {"first.gguf": HubFile(LARGE), "second.gguf": HubFile(tiny_model(seed=1))}
        yield hub


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models", QUICK)


def run(store: ModelStore, hub: FakeHub, scenario: Callable[[Downloads], Coroutine[Any, Any, None]]) -> None:
    """Run a scenario as one life of the daemon."""

    async def life() -> None:
        downloads = Downloads(store, lambda: SourceSettings(hf_endpoint=hub.url))
        downloads.recall()
        try:
            await scenario(downloads)
        finally:
            await asyncio.wait_for(downloads.close(), 5)

    asyncio.run(life())


async def some_arrived(download: Download) -> None:
    await until(lambda: download.progress is not None and download.progress.done > 100_000)


def names(store: ModelStore) -> list[str]:
    return [model.name for model in store.installed()]


def test_one_runs_at_a_time_and_the_next_follows(store: ModelStore, hub: FakeHub) -> None:
    async def scenario(downloads: Downloads) -> None:
        first, second = downloads.start(FIRST), downloads.start(SECOND, title="The second")
        await until(lambda: first.state == "running")
        assert second.state == "queued"
        await until(lambda: second.state == "done")
        assert first.state == "done"
        assert [(entry.title, entry.installed) for entry in downloads.all()] == [
            (FIRST, "first"),
            ("The second", "second"),
        ]

    run(store, hub, scenario)
    assert names(store) == ["first", "second"]


def test_a_paused_one_lets_the_next_go_on_and_loses_nothing(store: ModelStore, hub: FakeHub) -> None:
    hub.script = [SLOW]

    async def scenario(downloads: Downloads) -> None:
        first, second = downloads.start(FIRST), downloads.start(SECOND)
        await some_arrived(first)
        downloads.pause(first.id)
        assert first.progress is not None
        arrived = first.progress.done
        assert (first.state, first.progress.state) == ("paused", "paused")
        await until(lambda: second.state == "done")
        assert first.state == "paused"
        downloads.resume(first.id)
        await until(lambda: first.state == "done")
        resumed = next(seen for seen in reversed(hub.content_requests()) if seen.path.endswith("first.gguf"))
        assert resumed.range is not None
        assert int(resumed.range.removeprefix("bytes=").rstrip("-")) >= arrived

    run(store, hub, scenario)


def test_a_pause_and_a_change_of_mind_at_once_lose_nothing(store: ModelStore, hub: FakeHub) -> None:
    hub.script = [SLOW]

    async def scenario(downloads: Downloads) -> None:
        first = downloads.start(FIRST)
        await some_arrived(first)
        downloads.pause(first.id)
        downloads.resume(first.id)
        await until(lambda: first.state == "done")

    run(store, hub, scenario)


@pytest.mark.parametrize("paused", [False, True])
def test_a_cancelled_one_leaves_nothing(store: ModelStore, hub: FakeHub, *, paused: bool) -> None:
    hub.always = SLOW

    async def scenario(downloads: Downloads) -> None:
        first = downloads.start(FIRST)
        await some_arrived(first)
        if paused:
            downloads.pause(first.id)
            await asyncio.sleep(0.1)
            assert store.unfinished()
        await downloads.cancel(first.id)
        assert downloads.all() == []
        assert store.unfinished() == []

    run(store, hub, scenario)


def test_a_failure_is_kept_with_its_reason_and_can_be_tried_again(store: ModelStore, hub: FakeHub) -> None:
    hub.script = [Fault(status=404, error_code="EntryNotFound")]

    async def scenario(downloads: Downloads) -> None:
        first = downloads.start(FIRST)
        await until(lambda: first.state == "failed")
        assert "first.gguf" in first.error
        assert downloads.start(FIRST) is first, "the same once more goes on with what is there"
        await until(lambda: first.state == "done")
        assert first.error == ""

    run(store, hub, scenario)


def test_one_that_fails_does_not_hold_up_the_others(store: ModelStore, hub: FakeHub) -> None:
    async def scenario(downloads: Downloads) -> None:
        lost, second = downloads.start("hf:me/it/lost.gguf"), downloads.start(SECOND)
        await until(lambda: second.state == "done")
        assert lost.state == "failed"

    run(store, hub, scenario)


def test_what_was_not_finished_is_there_after_a_restart_and_goes_on(store: ModelStore, hub: FakeHub) -> None:
    hub.script = [SLOW]

    async def interrupted(downloads: Downloads) -> None:
        first = downloads.start(FIRST)
        downloads.start(SECOND, "other", "The second")
        await some_arrived(first)

    async def resumed(downloads: Downloads) -> None:
        first, second = downloads.all()
        assert (first.reference, second.reference, second.title) == (FIRST, SECOND, "The second")
        assert first.progress is not None
        assert first.progress.done > 100_000
        await until(lambda: second.state == "done")

    run(store, hub, interrupted)
    run(store, hub, resumed)
    assert names(store) == ["first", "other"]


def test_what_somebody_has_paused_is_paused_after_a_restart(store: ModelStore, hub: FakeHub) -> None:
    hub.script = [SLOW]

    async def paused(downloads: Downloads) -> None:
        first = downloads.start(FIRST)
        await some_arrived(first)
        downloads.pause(first.id)

    async def later(downloads: Downloads) -> None:
        (first,) = downloads.all()
        await asyncio.sleep(0.1)
        assert first.state == "paused"
        downloads.resume(first.id)
        await until(lambda: first.state == "done")

    async def at_last(downloads: Downloads) -> None:
        assert downloads.all() == []

    for life in (paused, later, at_last):
        run(store, hub, life)


def test_a_damaged_model_is_listed_and_fetched_again(store: ModelStore, hub: FakeHub) -> None:
    async def fetched(downloads: Downloads) -> None:
        first = downloads.start(FIRST)
        await until(lambda: first.state == "done")

    async def repaired(downloads: Downloads) -> None:
        (first,) = downloads.all()
        assert (first.state, first.name) == ("paused", "first")
        downloads.resume(first.id)
        await until(lambda: first.state == "done")

    run(store, hub, fetched)
    os.truncate(store.path(store.find("first")), 1000)
    assert names(store) == []
    run(store, hub, repaired)
    assert names(store) == ["first"]


def test_what_somebody_else_has_completed_leaves_the_list(store: ModelStore, hub: FakeHub) -> None:
    hub.script = [SLOW]

    async def scenario(downloads: Downloads) -> None:
        first = downloads.start(FIRST)
        await some_arrived(first)
        downloads.pause(first.id)
        await asyncio.sleep(0.1)
        await store.pull(FIRST, SourceSettings(hf_endpoint=hub.url))
        assert downloads.all() == []

    run(store, hub, scenario)


def test_an_installed_file_is_checked_and_a_changed_one_is_found_out(store: ModelStore, hub: FakeHub) -> None:
    async def scenario(downloads: Downloads) -> None:
        pulled = downloads.start(SECOND)
        await until(lambda: pulled.state == "done")
        sound = downloads.verify("second")
        await until(lambda: sound.state == "done")
        path = store.path(store.find("second"))
        path.write_bytes(path.read_bytes()[:-1] + b"!")
        changed = downloads.verify("second")
        await until(lambda: changed.state == "failed")
        assert "has changed since it was installed" in changed.error

    run(store, hub, scenario)


def test_what_cannot_be_a_download_is_refused_at_once(store: ModelStore, hub: FakeHub) -> None:
    async def scenario(downloads: Downloads) -> None:
        with pytest.raises(ModelNotFoundError):
            downloads.start("nonsense")
        with pytest.raises(ModelError):
            downloads.start(FIRST, name="../up")
        with pytest.raises(NotFoundError):
            downloads.pause("unknown")
        with pytest.raises(ModelNotFoundError):
            downloads.verify("unknown")
        assert downloads.all() == []

    run(store, hub, scenario)


def test_of_what_has_ended_only_the_latest_are_listed(store: ModelStore, hub: FakeHub) -> None:
    async def scenario(downloads: Downloads) -> None:
        pulled = downloads.start(SECOND)
        await until(lambda: pulled.state == "done")
        ended = []
        for _ in range(25):
            ended.append(downloads.verify("second"))
            await until(lambda: ended[-1].state == "done")
        assert downloads.all() == ended[-20:]

    run(store, hub, scenario)
