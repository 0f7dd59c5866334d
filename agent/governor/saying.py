"""What the governor says it does, and why."""

from agent.governor.sensor import Heat
from agent.governor.supply import Battery
from agent.phrase import Phrase
from agent.units import format_bytes

HOT_END = Phrase(
    "reasons.governor_hot_end",
    "The larger model returns when the device has been cool for a while; air around it, a heat sink or a fan helps.",
)
MEMORY_END = Phrase(
    "reasons.governor_memory_end",
    "This ends by itself when there is room again; it helps to end other programs.",
)


def slowed_by_heat(heat: Heat | None, share: float) -> Phrase:
    """Return why it computes with a share of its power when it is hot."""
    power = _power(share)
    if heat is None:
        return Phrase(
            "reasons.governor_throttled",
            "The processor is being held back, so Edgewise uses {power} of its power.",
            power=power,
        )
    return Phrase(
        "reasons.governor_heat",
        "It is {celsius:.0f} °C, and at {limit:.0f} °C the board throttles, so Edgewise uses {power} of its power.",
        celsius=heat.celsius,
        limit=heat.limit,
        power=power,
    )


def slowed_by_supply(battery: Battery | None, share: float, *, weak: bool) -> Phrase:
    """Return why it computes with a share of its power when there is too little of that."""
    power = _power(share)
    if battery is not None:
        return Phrase(
            "reasons.governor_battery",
            "The battery is at {left:.0%}, so Edgewise uses {power} of its power.",
            left=battery.left,
            power=power,
        )
    if weak:
        return Phrase(
            "reasons.governor_weak",
            "The power supply gives too little voltage, so Edgewise uses {power} of its power.",
            power=power,
        )
    return Phrase(
        "reasons.governor_watts",
        "More watts are drawn than the setting power_limit allows, so Edgewise uses {power} of its power.",
        power=power,
    )


def returning(share: float) -> Phrase:
    """Return why it computes with a share of its power when the reason is over."""
    return Phrase(
        "reasons.governor_returning",
        "What slowed Edgewise down is over for now: it uses {power} of its power, and soon more.",
        power=_power(share),
    )


def hot(heat: Heat) -> Phrase:
    """Return why a smaller model runs when slowing down was not enough."""
    return Phrase(
        "reasons.governor_hot",
        "The device stays hot, at {celsius:.0f} °C, though it works slowly: a smaller model runs.",
        celsius=heat.celsius,
    )


def smaller(usable: int) -> Phrase:
    """Return why a smaller model runs when memory is short."""
    return Phrase(
        "reasons.governor_smaller",
        "Memory was about to run out, {usable} were left: a smaller model runs.",
        usable=format_bytes(usable),
    )


def nothing(usable: int) -> Phrase:
    """Return why no model runs when memory is short."""
    return Phrase(
        "reasons.governor_nothing",
        "Memory was about to run out, {usable} were left: no model runs.",
        usable=format_bytes(usable),
    )


def _power(share: float) -> str:
    return f"{share:.0%}"
