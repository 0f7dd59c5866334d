"""Where things of updates are on this device."""

import secrets
from dataclasses import dataclass, field
from pathlib import Path

from agent.bundles.manifest import Part
from agent.config import Config

_DIRECTORIES = {"profile": "firmware-profiles", "family": "families", "wheel": "wheels"}


@dataclass(frozen=True)
class Place:
    """The device that an update is for.

    Attributes:
        config: the settings in force.
        file: the configuration file, which updates of settings change; None: there is none.
        run: names what one update puts aside; each has another one.
    """

    config: Config
    file: Path | None = None
    run: str = field(default_factory=lambda: secrets.token_hex(6))

    @property
    def base(self) -> Path:
        """The directory of everything about updates but models."""
        return self.config.state_dir / "bundles"

    @property
    def journal(self) -> Path:
        """What is being switched at this moment; it is there only meanwhile."""
        return self.base / "journal.json"

    @property
    def record(self) -> Path:
        """What was applied."""
        return self.base / "applied.json"

    @property
    def lock(self) -> Path:
        """Held by who works on updates."""
        return self.base / ".lock"

    @property
    def areas(self) -> tuple[Path, Path]:
        """Where new and old things wait, one directory for each run: models on the disk of the models."""
        return self.config.models_dir / ".bundles", self.base / "runs"

    def target(self, part: Part) -> Path:
        """Return where a part belongs that is no setting and no model, or the directory of a model."""
        if part.kind == "model":
            return self.config.models_dir / part.name
        return self.config.state_dir / _DIRECTORIES[part.kind] / part.file

    def aside(self, part: Part, what: str) -> Path:
        """Return where a part waits: `what` is `new`, or `old` for what it replaces."""
        models, others = self.areas
        if part.kind == "model":
            return models / self.run / what / part.name
        return others / self.run / what / part.kind / part.file
