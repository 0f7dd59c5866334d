"""The settings of safe mode, which `agent.config.Config` has among its own."""

from typing import Annotated

from msgspec import Meta

from agent.bundles.settings import BundleSettings


class SafeModeSettings(BundleSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When the device does less so that it stays up."""

    safe_mode: Annotated[
        bool, Meta(description="do only what cannot be done without: the pages, but no model and no reports")
    ] = False
    crash_limit: Annotated[
        int,
        Meta(
            ge=0,
            description="crashes in a row, of the daemon or of the engine with a model, that are too many; 0: none are",
        ),
    ] = 3
