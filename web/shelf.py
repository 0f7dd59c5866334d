"""What the page of the models shows of those that are here or on their way."""

import datetime as dt
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from agent import pinned
from agent.downloads import Download
from agent.embeddings.listing import EmbeddingModel
from agent.models import InstalledModel
from agent.models.starter import STARTER
from agent.node import Node
from agent.selection import Considered
from agent.steward import Coming
from agent.upkeep.quota import next_to_go

Standing: TypeAlias = Literal["serving", "next", ""]


@dataclass(frozen=True)
class Shelf:
    """Everything about the installed models at one moment.

    Attributes:
        models: all of them, by name.
        standings: whether a model serves or takes over next; by name.
        entries: how selection sees an installed model; by name, where it knows it.
        wanted: name of the model that somebody has chosen; empty when the choice is Edgewise's.
        chosen: the same, also while that model is not here yet.
        fixed: whether the setting `model` names it, which no page can change.
        failures: why models that were to serve do not.
        coming: what Edgewise itself is fetching, if anything.
        downloads: what people are fetching.
        embeddings: models that make embeddings and never chat.
        used: the day on which a model was used last, ISO 8601, by name; empty: never, as far as is known.
        next_to_go: name of the model that would make room for another one; empty: none may.
    """

    models: list[InstalledModel]
    standings: Mapping[str, Standing]
    entries: Mapping[str, Considered]
    wanted: str
    chosen: str
    fixed: bool
    failures: list[str]
    coming: Coming | None
    downloads: list[Download]
    embeddings: list[EmbeddingModel]
    used: Mapping[str, str]
    next_to_go: str

    def fetches(self, reference: str) -> bool:
        """Tell whether somebody has begun to fetch this."""
        return any(download.reference == reference and download.state != "done" for download in self.downloads)

    @property
    def busy(self) -> bool:
        """Whether something is going on that is worth looking at every second."""
        moving = any(download.state in {"queued", "running"} for download in self.downloads)
        fetching = self.coming is not None and self.coming.progress is not None and self.coming.trouble is None
        return moving or fetching or "next" in self.standings.values()

    @property
    def fingerprint(self) -> str:
        """What tells one list of installed models from another."""
        chat = (f"{model.name} {self.standings[model.name]}" for model in self.models)
        others = (f"{model.name} {model.state} {self.fetches(model.reference)}" for model in self.embeddings)
        parts = (*chat, *others, self.wanted)
        return f"{zlib.crc32(repr(parts).encode()):08x}"


def look(node: Node) -> Shelf:
    """Return what is here and on its way at this moment."""
    models, state = node.models.installed(), node.selection()
    wanted = state.wanted if state else ""
    entries = state.selection.considered if state else []
    failures = state.failures if state else []
    coming, own = node.coming, {STARTER, state.selection.file if state else ""}
    return Shelf(
        models=models,
        standings={model.name: _standing(node, model.name, wanted, failures) for model in models},
        entries={entry.installed: entry for entry in entries if entry.installed},
        wanted=wanted,
        chosen=pinned.read(node.config.state_dir),
        fixed=bool(node.config.model),
        failures=failures,
        coming=coming,
        downloads=[download for download in node.downloads.all() if not coming or download.reference not in own],
        embeddings=node.embeddings.models(),
        used={model.name: _day(node.upkeep.uses.last(model.name)) for model in models},
        next_to_go=next_to_go(node.upkeep.clearing.models()),
    )


def _day(moment: float) -> str:
    return dt.datetime.fromtimestamp(moment).astimezone().date().isoformat() if moment else ""


def _standing(node: Node, name: str, wanted: str, failures: list[str]) -> Standing:
    """Return whether a model serves, or will as soon as nobody is being answered."""
    if name in node.names():
        return "serving"
    health = node.health()
    if health.status == "loading" and health.model == name:
        return "next"
    failed = any(failure.startswith(f"{name} ") for failure in failures)
    return "next" if name == wanted and not failed and health.status in {"ok", "loading"} else ""
