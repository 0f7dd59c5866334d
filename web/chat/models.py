"""The installed models as the model picker shows them."""

from dataclasses import dataclass

from agent.node import Node
from agent.selection import Considered
from web.locale import Translator

_VERDICTS = {"chosen": "ok", "possible": "ok", "slow": "warn", "large": "bad", "unsuitable": "bad"}


@dataclass(frozen=True)
class Label:
    """A word about a model; `kind` is `ok`, `warn`, `bad` or empty."""

    text: str
    kind: str = ""


@dataclass(frozen=True)
class Choice:
    """One model of the picker."""

    name: str
    title: str
    serving: bool
    considered: Considered | None = None

    def labels(self, t: Translator) -> list[Label]:
        """Return whether it fits this device, and how fast it is or will be."""
        about = self.considered
        if about is None:
            return []
        labels = [Label(t(f"chat.verdict_{about.verdict}"), _VERDICTS[about.verdict])]
        if about.predicted:
            key = "chat.rate" if about.measured else "chat.rate_predicted"
            labels.append(Label(t(key, n=round(about.predicted.decode, 1))))
        if about.quantization:
            labels.append(Label(about.quantization))
        return labels


def choices(node: Node) -> list[Choice]:
    """Return the installed models that were considered, best first; before that, the one that runs."""
    serving = node.health().model
    state = node.selection()
    if state is None:
        return [Choice(name, name, serving=True) for name in node.names()]
    found: dict[str, Choice] = {}
    for entry in state.selection.considered:
        if entry.installed and entry.installed not in found:
            found[entry.installed] = Choice(entry.installed, entry.title, entry.installed == serving, entry)
    return list(found.values())
