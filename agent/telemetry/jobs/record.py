"""Where jobs stand, in app.db: written before each step, so that a device that loses power knows what it was doing."""

import logging

import msgspec
from sqlite_utils import Database

from agent.phrase import Phrase
from agent.store import Store
from agent.telemetry.jobs.wording import Wording, wording
from agent.telemetry.payloads import Job, JobState

logger = logging.getLogger(__name__)

ENDS: frozenset[JobState] = frozenset({"successful", "failed", "rolled_back", "canceled"})
CANCELED = Phrase("jobs.canceled", "The hub has cancelled the job.")

_encode = msgspec.json.Encoder(enc_hook=str).encode  # phrases are texts


class Record(msgspec.Struct):
    """A job and its position.

    Attributes:
        id: as the hub calls it.
        job: what is to be done; None: what was sent could not be read.
        ts: when the state was entered, in milliseconds since 1970.
        reason: why it is in this state, for people.
        wording: of the reason, set on the disk only: so that it is a phrase again when it is read.
        name: of the model, once it is known.
        bundle: name and version of the update that it has begun to apply.
        ours: whether this job has installed it.
        held: the model that was chosen by name while the job goes on, so that the new one does not serve by itself.
        swapped: whether the new model was told to take over from what is in `previous` and `before`.
        previous: the model that served before; empty: none did.
        before: the model that people had chosen before; empty: the choice was left to the device.
        canceled: the hub wants it no more.
        cleared: the hub has cleared its topic, so that nothing of it needs to be kept after the end.
        following: a newer revision of the job, which comes when this one has ended.
        told: whether the broker knows how it has ended.
        reported: whether what is to follow its end has followed: the event, and the next revision.
    """

    id: str
    job: Job | None
    ts: int
    state: JobState = "accepted"
    reason: str = ""
    wording: Wording | None = None
    pct: int = 0
    attempt: int = 0
    result: dict[str, float] = {}
    name: str = ""
    bundle: str = ""
    ours: bool = False
    held: str = ""
    swapped: bool = False
    previous: str = ""
    before: str = ""
    canceled: bool = False
    cleared: bool = False
    following: Job | None = None
    told: bool = False
    reported: bool = False

    @property
    def ended(self) -> bool:
        """Whether nothing more will be done to the device."""
        return self.state in ENDS

    @property
    def rev(self) -> int:
        """The newest revision that is known."""
        newest = self.following or self.job
        return newest.rev if newest else 0


class Table:
    """The table `jobs`. What is written is what the record says when a method is called, not later."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def load(self) -> list[Record]:
        """Return all, in the order in which they came; one that cannot be read is left out.

        Raises:
            StoreError: the database cannot be read.
        """
        rows = await self._store.read(
            lambda database: database.execute("SELECT id, record FROM jobs ORDER BY number").fetchall()
        )
        return [record for identifier, text in rows if (record := _decode(identifier, text))]

    async def add(self, record: Record) -> None:
        """Keep a new one, behind all others; it takes the place of one with the same id.

        Raises:
            StoreError: the database cannot be written.
        """
        identifier, text = record.id, _text(record)

        def change(database: Database) -> None:
            database.execute("DELETE FROM jobs WHERE id = ?", [identifier])
            database.execute("INSERT INTO jobs (id, record) VALUES (?, ?)", [identifier, text])

        await self._store.write(change)

    async def keep(self, record: Record) -> None:
        """Write where a job stands.

        Raises:
            StoreError: the database cannot be written.
        """
        values = [_text(record), record.id]
        await self._store.write(lambda database: database.execute("UPDATE jobs SET record = ? WHERE id = ?", values))

    async def forget(self, identifier: str) -> None:
        """Delete one.

        Raises:
            StoreError: the database cannot be written.
        """
        await self._store.write(lambda database: database.execute("DELETE FROM jobs WHERE id = ?", [identifier]))


def _text(record: Record) -> str:
    return _encode(msgspec.structs.replace(record, wording=wording(record.reason))).decode()


def _decode(identifier: str, text: str) -> Record | None:
    try:
        record = msgspec.json.decode(text, type=Record)
    except msgspec.MsgspecError as error:
        logger.warning("What is kept of the job %r cannot be read: %s", identifier, error)
        return None
    if record.wording is not None:
        record.reason, record.wording = record.wording.phrase(), None
    return record
