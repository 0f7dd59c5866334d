"""How a model is to be run: what selection decides, what the engine is given, what memory and speed depend on."""

from typing import Literal

import msgspec

KvType = Literal["f16", "q8_0", "q4_0"]


class Plan(msgspec.Struct, frozen=True):
    """How to run one model.

    Attributes:
        context: tokens of prompt and answer together that one request may use; 0 takes the training context.
        parallel: requests answered at the same time, each with its own `context` tokens of KV cache.
        threads: compute threads.
        micro_batch: largest number of tokens computed in one go.
        kv_type: type of the keys and values in the KV cache.
        prompt_cache: bytes for conversations that have no slot any more.
        mapped: map the model file into memory instead of reading it. Weights that the engine repacks for the CPU then
            exist twice, as a copy and as pages of the file.
        provider: execution provider, such as `cpu` or `cuda`.
    """

    context: int
    parallel: int
    threads: int
    micro_batch: int
    kv_type: KvType = "f16"
    prompt_cache: int = 0
    mapped: bool = True
    provider: str = "cpu"
