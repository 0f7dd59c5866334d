"""The settings of signed updates, which `agent.config.Config` has among its own."""

from typing import Annotated

import msgspec
from msgspec import Meta

from agent.upkeep.settings import UpkeepSettings


class BundleSettings(UpkeepSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose updates are taken, and what they may change."""

    bundle_keys: Annotated[
        list[str],
        Meta(description="minisign public keys whose updates are taken, beside STATE/keys/*.pub; separated by commas"),
    ] = msgspec.field(default_factory=list)
    bundle_settings: Annotated[
        list[str],
        Meta(description="settings that updates may change beside the harmless ones, separated by commas"),
    ] = msgspec.field(default_factory=list)
    signed_jobs: Annotated[
        bool, Meta(description="take only jobs of the hub whose artifact is signed with a key for updates")
    ] = False
