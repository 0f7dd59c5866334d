"""Makes room for models: finds out which may go, and removes them, with the reason in the log and as an event."""

import logging
import shutil
import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from agent import pinned
from agent.config import Config
from agent.errors import DownloadError, ModelError
from agent.models import InstalledModel
from agent.models.sources import find_source
from agent.models.starter import NAME as STARTER_NAME
from agent.phrase import Phrase
from agent.units import format_bytes
from agent.upkeep.host import Host
from agent.upkeep.news import News
from agent.upkeep.quota import Held, Needed, Room, to_remove
from agent.upkeep.uses import Uses

logger = logging.getLogger(__name__)


@dataclass
class Clearing:
    """The models of a node, and what may go of them. Blocks; one removal at a time."""

    host: Host
    uses: Uses
    news: News
    _turn: threading.Lock = field(default_factory=threading.Lock, init=False)

    def models(self) -> list[Held]:
        """Return all models, the least recently used first."""
        host, state = self.host, self.host.selection()
        running = {*host.names(), *(model.name for model in host.embeddings.models() if model.state == "running")}
        coming = {host.health().model, state.selection.installed if state else ""}
        return held(host.config, host.models.everything(), self.uses, running, coming)

    def room(self, incoming: int = 0) -> Room:
        """Return how much room there is; what has arrived of downloads counts as used."""
        root = self.host.models.root
        disk = shutil.disk_usage(root if root.exists() else root.parent)
        quota = self.host.config.models_bytes
        arrived = sum(rest.bytes for rest in self.host.models.unfinished()) if quota else 0
        return Room(disk.free, disk.total, max(1, quota - arrived) if quota else 0, incoming)

    def make_room(self, needed: int) -> None:
        """Remove what has to go so that so many more bytes of a model fit; nothing if they would not fit even then.

        Raises:
            DownloadError: the quota leaves no room for them.
        """
        with self._turn:
            models, room = self.models(), self.room(needed)
            gone = to_remove(models, room)
            if room.quota and needed > _left(models, room):
                raise _over(needed, self.host.config.models_quota)
            self._remove(gone, f"a model of {format_bytes(needed)} needs the room")

    def tidy(self) -> None:
        """Remove what has to go so that the quota is kept, or the reserve of the disk is free."""
        with self._turn:
            models, room = self.models(), self.room()
            why = "the models take more than models_quota" if room.quota else "the disk is nearly full"
            self._remove(to_remove(models, room), why)

    def _remove(self, models: list[Held], why: str) -> None:
        for model in models:
            try:
                self.host.models.remove(model.name)
            except (ModelError, OSError) as error:
                logger.warning("%s could not be removed: %s", model.name, error)
                continue
            logger.warning("%s was removed, %s: %s", model.name, format_bytes(model.bytes), why)
            self.news.add("model_removed", model=model.name, freed_mb=model.bytes // 1_000_000, because=why)


def held(
    config: Config,
    installed: Sequence[InstalledModel],
    uses: Uses,
    running: Collection[str],
    coming: Collection[str] = (),
) -> list[Held]:
    """Return all models, the least recently used first, with why they must stay.

    Args:
        config: the settings.
        installed: all that are here.
        uses: when each was used.
        running: names of those that answer now.
        coming: names of those that are about to.
    """
    found = {model.name: model for model in installed}
    order = [use.name for use in uses.all() if use.name in found]
    order += sorted(found.keys() - set(order))  # they came a moment ago
    before = [name for name in order if found[name].format != "encoder" and uses.last(name) and name not in running]
    reasons: dict[str, Needed] = dict.fromkeys(before[-1:], "before")
    reasons[STARTER_NAME] = "starter"
    reasons |= dict.fromkeys((pinned.read(config.state_dir), config.model), "wanted")
    reasons |= dict.fromkeys(coming, "next")
    reasons |= dict.fromkeys(running, "running")
    return [Held(name, found[name].bytes, reasons.get(name) or _alone(config, found[name])) for name in order]


def _alone(config: Config, model: InstalledModel) -> Needed:
    """Return whether it stays because it could not be fetched again; a quota of the owner's counts more."""
    if config.models_quota:
        return ""
    return "alone" if config.offline or not _remote(model.source) else ""


def _left(models: list[Held], room: Room) -> int:
    """Return how many bytes the quota leaves beside the models that must stay."""
    return room.quota - sum(model.bytes for model in models if model.needed)


def _remote(source: str) -> bool:
    try:
        return find_source(source).REMOTE
    except ModelError:  # of an update in a file
        return False


def _over(needed: int, quota: float) -> DownloadError:
    return DownloadError(
        Phrase(
            "errors.models_quota",
            "The model does not fit: it takes {needed} more, and all models together may take {quota} GiB.",
            needed=format_bytes(needed),
            quota=f"{quota:g}",
        ),
        hint=Phrase("errors.models_quota_hint", "Raise the setting `models_quota`, or choose a smaller model."),
    )
