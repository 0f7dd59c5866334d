"""The settings of the engine, which `agent.config.Config` has among its own."""

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from agent.governor.settings import GovernorSettings

Count = Annotated[int, Meta(ge=0)]


class EngineSettings(GovernorSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which engine runs a model, and how."""

    engine: Annotated[
        str,
        Meta(description="auto: whichever serves best; llama_cpp, onnx, genai: that one only; echo: none, for tests"),
    ] = "auto"
    engine_socket: Annotated[
        Path | None, Meta(description="socket of the engine's own systemd unit; empty: the daemon starts the engine")
    ] = None
    onnx_ep_libraries: Annotated[
        list[Path], Meta(description="libraries with execution providers for ONNX Runtime, separated by commas")
    ] = msgspec.field(default_factory=list)
    context: Annotated[
        Count, Meta(description="context length of each request in tokens; 0: as fits this computer")
    ] = 0
    parallel: Annotated[
        int, Meta(ge=0, le=64, description="requests answered at the same time; 0: as fits this computer")
    ] = 0
    queue: Annotated[Count, Meta(description="requests that may wait for a place; beyond that the answer is 429")] = 32
    threads: Annotated[
        Count, Meta(description="compute threads; 0: as the firmware profile says, mostly one per fast core")
    ] = 0
    micro_batch: Annotated[
        int, Meta(ge=0, le=4096, description="prompt tokens computed in one go, at most; 0: as fits this computer")
    ] = 0
    prompt_cache: Annotated[
        int,
        Meta(ge=-1, description="MiB for conversations that wait for their next turn without a place; -1: as fits"),
    ] = -1
    step_timeout: Annotated[
        float,
        Meta(ge=1, description="seconds without a sign of life after which a working engine is restarted"),
    ] = 120.0
