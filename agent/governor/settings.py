"""The settings of the governor, which `agent.config.Config` has among its own."""

from typing import Annotated

from msgspec import Meta

from agent.safe_mode.settings import SafeModeSettings


class GovernorSettings(SafeModeSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When to work less."""

    governor: Annotated[
        bool, Meta(description="work less before the device is too hot, its power supply gives way or memory runs out")
    ] = True
    heat_limit: Annotated[
        float,
        Meta(ge=0, le=110, description="degrees Celsius to stay below; 0: where the board throttles, as far as known"),
    ] = 0.0
    power_limit: Annotated[
        float, Meta(ge=0, description="watts to stay below, where the device can measure them; 0: any")
    ] = 0.0
