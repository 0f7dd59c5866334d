"""How storage is doing, in one look: for the page of the device, for `edgewise doctor` and for whoever else asks.

It is read from files, so that it works beside a running daemon and without one.
"""

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from agent.config import Config
from agent.hardware import disk
from agent.hardware.tree import Tree
from agent.models import ModelStore
from agent.phrase import Phrase
from agent.units import format_bytes
from agent.upkeep import recovery
from agent.upkeep.backups import Backups
from agent.upkeep.quota import GIB, Room
from agent.upkeep.recovery import Recovery
from agent.upkeep.wear import LATE, Wear

_WRITE_LESS = Phrase("storage.remark_written_advice", "Have fewer reports kept, or use a larger disk.")
_STALE = 3 * 86_400.0  # seconds after which a copy should have been replaced


@dataclass(frozen=True)
class Report:
    """What is known.

    Attributes:
        free: bytes of the disk.
        total: bytes of the disk, used or not.
        reserve: bytes that models leave free.
        models: bytes that they take, with what has arrived of downloads.
        quota: bytes that they may take; 0: as many as leave the reserve free.
        database: bytes of app.db with its log.
        backups: when each copy of app.db was made, newest first, in seconds since 1970.
        wanted: whether copies are made at all.
        recovered: what was done with a broken app.db and not yet read by the owner.
        yearly: bytes that are written in a year; None: not known yet.
        budget: which share of a good year's budget that is; None likewise.
        worn: share of its life that an eMMC has behind it; None: there is none.
        years: that it lasts at least; None: not known.
    """

    free: int
    total: int
    reserve: int
    models: int
    quota: int
    database: int
    backups: list[float]
    wanted: bool
    recovered: Recovery | None
    yearly: float | None
    budget: float | None
    worn: float | None
    years: float | None


@dataclass(frozen=True)
class Remark:
    """Something worth saying: whether it is in order, what it is, and what to do about it."""

    good: bool
    what: str
    advice: str = ""


def look(config: Config, *, wear: Wear | None = None, root: Path = Path("/")) -> Report:
    """Return how storage is doing.

    Args:
        config: the settings.
        wear: that the daemon counts; None: as it has written it down.
        root: of a recorded board.

    Raises:
        OSError: the directory cannot be looked at.
    """
    state_dir, models = config.state_dir, ModelStore(config.models_dir)
    space, wear = shutil.disk_usage(state_dir), wear or Wear(state_dir / "wear.json")
    held = [model.bytes for model in models.everything()] + [rest.bytes for rest in models.unfinished()]
    backups = Backups(state_dir / "app.db")
    return Report(
        free=space.free,
        total=space.total,
        reserve=Room(space.free, space.total).reserve,
        models=sum(held),
        quota=round(config.models_quota * GIB),
        database=sum(path.stat().st_size for path in state_dir.glob("app.db*") if path.suffix != ".damaged"),
        backups=[copy.stat().st_mtime for copy in backups.all()],
        wanted=config.backups,
        recovered=recovery.last_recovery(state_dir),
        yearly=wear.yearly(),
        budget=wear.budget_used(space.total),
        worn=disk.worn(Tree(root)),
        years=wear.years_left(),
    )


def remarks(report: Report, now: float | None = None) -> list[Remark]:
    """Return what there is to say about it, for people."""
    return [_room(report), *_copies(report, time.time() if now is None else now), *_broken(report), *_flash(report)]


def _room(report: Report) -> Remark:
    what = Phrase(
        "storage.remark_room",
        "{free} of {total} free; models take {models}",
        free=format_bytes(report.free),
        total=format_bytes(report.total),
        models=format_bytes(report.models),
    )
    if report.free >= report.reserve:
        return Remark(good=True, what=what)
    advice = Phrase(
        "storage.remark_room_advice",
        "Less than the reserve of {reserve} is free: `edgewise models rm NAME`, or set `models_quota`.",
        reserve=format_bytes(report.reserve),
    )
    return Remark(good=False, what=what, advice=advice)


def _copies(report: Report, now: float) -> list[Remark]:
    if not report.database:
        return []
    if not report.wanted:
        return [Remark(good=True, what=Phrase("storage.remark_no_copies", "app.db is not copied (`backups` is off)"))]
    if not report.backups:
        return [Remark(good=True, what=Phrase("storage.remark_first_copy", "there is no copy of app.db yet"))]
    days = round((now - report.backups[0]) / 86_400)
    what = Phrase("storage.remark_copy", "the newest copy of app.db is {days} days old", days=max(0, days))
    if now - report.backups[0] < _STALE:
        return [Remark(good=True, what=what)]
    advice = Phrase(
        "storage.remark_copy_advice", "One is made each day while the device runs, unless the disk is nearly full."
    )
    return [Remark(good=False, what=what, advice=advice)]


def _broken(report: Report) -> list[Remark]:
    if report.recovered is None:
        return []
    what = Phrase("storage.remark_broken", "app.db was broken and was replaced: {why}", why=report.recovered.wrong)
    advice = Phrase(
        "storage.remark_broken_advice", "The page Device says what is missing. A card that does this may be dying."
    )
    return [Remark(good=False, what=what, advice=advice)]


def _flash(report: Report) -> list[Remark]:
    found = []
    if report.budget is not None and report.yearly is not None:
        found.append(
            Remark(
                good=report.budget <= 1,
                what=Phrase(
                    "storage.remark_written",
                    "{yearly} written in a year at this rate, {share} of what is good for this disk",
                    yearly=format_bytes(report.yearly),
                    share=f"{report.budget:.1%}",
                ),
                advice="" if report.budget <= 1 else _WRITE_LESS,
            )
        )
    if report.worn is not None:
        late = report.worn >= LATE
        advice = Phrase("storage.remark_worn_advice", "Make a backup, and replace the board or its memory.")
        found.append(
            Remark(
                good=not late,
                what=Phrase("storage.remark_worn", "{share} of the eMMC's life is over", share=f"{report.worn:.0%}"),
                advice=advice if late else "",
            )
        )
    return found
