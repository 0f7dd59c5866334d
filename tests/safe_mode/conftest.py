"""A device that knows no hub but one on loopback."""

from tests.steward.conftest import config, home, hub, look_often

__all__ = ["config", "home", "hub", "look_often"]
