"""The chooser of this computer for commands, or that of a recorded board."""

from pathlib import Path

from msgspec.structs import replace

from agent.chooser import Chooser
from agent.config import Config, engine_environment
from agent.inference.set_aside import SetAside
from agent.measurements import Measurements
from agent.models import ModelStore
from agent.survey import LIVE


def chooser(config: Config, root: Path | None = None) -> Chooser:
    """Return what chooses for this computer, or for a recorded one with what is installed there: nothing, as a rule."""
    if root is not None:
        config = replace(config, state_dir=root / "edgewise", model="")
    return Chooser(
        config,
        ModelStore(config.models_dir),
        SetAside(config.state_dir / "set-aside.json"),
        Measurements(config.state_dir / "measurements.json"),
        engine_environment(),
        root or LIVE,
    )
