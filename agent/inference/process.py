"""One run of the engine process, seen from the daemon."""

from collections.abc import Callable, Mapping
from typing import Self

import msgspec

from agent.inference import frames
from agent.inference.child import Child


class EngineProcess(Child[frames.FromEngine]):
    """The process of an engine."""

    @classmethod
    async def start(
        cls, engine: str, environment: Mapping[str, str], on_frame: Callable[[frames.FromEngine], None]
    ) -> Self:
        """Start the process of an engine and connect to it."""
        process = cls(on_frame, msgspec.msgpack.Decoder(frames.FromEngine))
        await process.spawn("agent.inference.worker", ["--engine", engine], environment)
        return process
