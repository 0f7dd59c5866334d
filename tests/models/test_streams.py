import asyncio
import hashlib
import io
import threading
import time
from pathlib import Path

import pytest

from agent.models.collector import Collector
from agent.models.progress import Meter
from agent.models.streams import arrived_earlier, hash_file, in_thread, pump, until_done


def test_blocking_work_is_finished_before_a_cancelled_task_goes_on() -> None:
    finished = threading.Event()

    def work() -> None:
        time.sleep(0.1)
        finished.set()

    async def scenario() -> None:
        task = asyncio.create_task(in_thread(work))
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert finished.is_set()

    asyncio.run(scenario())


def test_pumps_no_more_than_asked_for_and_reports_how_much() -> None:
    taken: list[bytes] = []
    reports: list[int] = []
    count = asyncio.run(pump(io.BytesIO(bytes(10_000_000)), taken.append, 9_000_000, reports.append))
    assert count == sum(map(len, taken)) == reports[-1] == 9_000_000
    assert len(reports) == 3


def test_pumps_what_there_is_when_that_is_less() -> None:
    assert asyncio.run(pump(io.BytesIO(b"abc"), lambda _: None, 10, lambda _: None)) == 3


def test_only_a_file_with_the_wanted_hash_has_arrived_earlier(tmp_path: Path) -> None:
    path = tmp_path / "x.gguf"
    digest = hashlib.sha256(b"abc").hexdigest()
    assert asyncio.run(arrived_earlier(path, digest, Meter())) is None
    path.write_bytes(b"abc")
    assert asyncio.run(arrived_earlier(path, digest, Meter())) == asyncio.run(hash_file(path, lambda _: None))
    assert asyncio.run(arrived_earlier(path, "00" * 32, Meter())) is None
    assert asyncio.run(arrived_earlier(path, None, Meter())) is None


def test_what_arrives_while_a_block_is_stored_makes_the_next_block() -> None:
    blocks: list[bytes] = []

    async def store(block: bytearray) -> None:
        await asyncio.sleep(0.02)
        blocks.append(bytes(block))

    async def scenario() -> None:
        arrived = Collector(store)
        for data in (b"a", b"b", b"c"):
            await arrived.add(data)
            await asyncio.sleep(0)
        await arrived.finish()

    asyncio.run(scenario())
    assert blocks == [b"a", b"bc"]


def test_a_slow_disk_makes_the_sender_wait() -> None:
    largest = 0

    async def store(block: bytearray) -> None:
        nonlocal largest
        largest = max(largest, len(block))
        await asyncio.sleep(0.001)

    async def scenario() -> None:
        arrived = Collector(store)
        for _ in range(64):
            await arrived.add(bytes(1 << 20))
        await arrived.finish()

    asyncio.run(scenario())
    assert largest <= 5 << 20


def test_an_error_of_the_disk_reaches_the_receiver() -> None:
    async def store(_: bytearray) -> None:
        raise OSError("disk full")

    async def scenario() -> None:
        arrived = Collector(store)
        await arrived.add(b"a")
        await asyncio.sleep(0)
        with pytest.raises(OSError, match="disk full"):
            await arrived.add(b"b")
        await arrived.finish()

    asyncio.run(scenario())


def test_who_is_cancelled_twice_still_waits_for_the_end() -> None:
    async def scenario() -> None:
        work = asyncio.create_task(asyncio.sleep(0.2, "done"))
        waiting = asyncio.create_task(until_done(work))
        for _ in range(3):
            await asyncio.sleep(0.02)
            waiting.cancel()
        await asyncio.wait({waiting})
        assert waiting.cancelled()
        assert work.result() == "done"

    asyncio.run(scenario())
