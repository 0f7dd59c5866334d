"""Whether a model thinks before it answers, where the request does not say."""

import msgspec

from agent.inference.frames import Generate
from agent.selection import Considered

_THINKING = "enable_thinking"  # the variable by which chat templates are told (Qwen3, SmolLM3, Gemma 4 and others)


def as_chosen(request: Generate, running: Considered | None) -> Generate:
    """Have a model that may think or not do what it was chosen for, unless the request says otherwise.

    Args:
        request: what is to be answered.
        running: what selection has said of the model that serves; None: it was not considered.
    """
    if running is None or _THINKING in request.template:
        return request
    return msgspec.structs.replace(request, template={**request.template, _THINKING: running.thinking})
