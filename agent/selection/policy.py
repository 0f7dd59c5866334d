"""What the user wants: the knobs of selection."""

from typing import Literal

import msgspec

Use = Literal["chat", "code", "math"]
Preference = Literal["quality", "balanced", "speed"]
Licences = Literal["free", "any"]


class Policy(msgspec.Struct, frozen=True):
    """What counts when models are compared. A number of 0 (-1 for the prompt cache) leaves the choice to the profile.

    Attributes:
        use: what the model is for.
        prefer: what a doubling of the speed is worth beside quality.
        licences: `free` takes only models whose licence restricts nobody; `any` takes all.
        least_decode: tokens per second below which a model is too slow.
        context: tokens per request; never shortened when given.
        parallel: requests at the same time; never lowered when given.
        micro_batch: tokens computed in one go.
        threads: compute threads.
        prompt_cache: MiB.
    """

    use: Use = "chat"
    prefer: Preference = "balanced"
    licences: Licences = "free"
    least_decode: float = 0.0
    context: int = 0
    parallel: int = 0
    micro_batch: int = 0
    threads: int = 0
    prompt_cache: int = -1
