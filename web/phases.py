"""What is happening, in words of the page's language."""

from agent.chat.events import Phase
from agent.node import Node
from agent.units import format_duration
from web.locale import Translator

_SLOW = 10.0  # tokens per second below which a decimal says something


def describe_phase(phase: Phase, t: Translator) -> str:
    """Return what a running answer is doing."""
    match phase.name:
        case "queued" if phase.position and phase.seconds:
            return t("live.queued_place", position=phase.position, seconds=format_duration(phase.seconds))
        case "queued":
            return t("live.queued")
        case "loading":
            return t("live.loading", percent=round(phase.progress * 100)) if phase.progress else t("live.preparing")
        case "reading":
            return t("live.reading", percent=round(phase.progress * 100)) if phase.progress else t("live.reads")
        case "thinking" | "answering":
            return t(f"live.{phase.name}_rate", rate=format_rate(phase.rate)) if phase.rate else t(f"live.{phase.name}")


def describe_status(node: Node, t: Translator) -> dict[str, object]:
    """Return what the device is doing, as `status` events tell it."""
    health = node.health()
    title = node.title(health.model)
    values = {"model": title, "percent": round(health.progress * 100)}
    return {
        "state": health.status,
        "text": t(f"live.device_{health.status}", **values),
        "detail": "" if health.status == "ok" else t.phrase(health.detail) or str(health.detail),
        "model": title,
        "active": health.active,
        "waiting": node.waiting,
    }


def format_rate(rate: float) -> str:
    """Return tokens per second with as many digits as make sense."""
    return f"{rate:.0f}" if rate >= _SLOW else f"{rate:.1f}"
