"""How storage is doing, in one look, for the page of the device.

It is read from files, so that it works beside a running daemon and without one.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from agent.config import Config
from agent.hardware import disk
from agent.hardware.tree import Tree
from agent.models import ModelStore
from agent.upkeep import recovery
from agent.upkeep.backups import Backups
from agent.upkeep.quota import Room
from agent.upkeep.recovery import Recovery
from agent.upkeep.wear import Wear


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
        quota=config.models_bytes,
        database=sum(path.stat().st_size for path in state_dir.glob("app.db*") if path.suffix != ".damaged"),
        backups=[copy.stat().st_mtime for copy in backups.all()],
        wanted=config.backups,
        recovered=recovery.last_recovery(state_dir),
        yearly=wear.yearly(),
        budget=wear.budget_used(space.total),
        worn=disk.worn(Tree(root)),
        years=wear.years_left(),
    )
