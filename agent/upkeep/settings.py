"""The settings of storage care, which `agent.config.Config` has among its own."""

from typing import Annotated

from msgspec import Meta

from agent.telemetry.settings import TelemetrySettings


class UpkeepSettings(TelemetrySettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much room models and copies of app.db may take."""

    models_quota: Annotated[
        float,
        Meta(
            ge=0,
            description="GiB that models may take, and so a download; the least recently used ones go first; 0: as many"
            " as leave a reserve of the disk",
        ),
    ] = 0.0
    backups: Annotated[bool, Meta(description="copy app.db once a day, and keep two copies")] = True

    @property
    def models_bytes(self) -> int:
        """`models_quota` in bytes."""
        return round(self.models_quota * (1 << 30))
