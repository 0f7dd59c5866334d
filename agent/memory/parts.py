"""What the memory of an engine process is for."""

import msgspec


class MemoryEstimate(msgspec.Struct, frozen=True):
    """Bytes that the engine process has at its peak, and what they are for.

    Attributes:
        weights: the model file as far as it is in memory, and repacked copies.
        kv_cache: keys and values, and recurrent states.
        compute: activations, attention masks, logits and work space.
        overhead: Python, libraries, tokenizer, samplers.
        prompt_cache: conversations without a slot.
        total: all of them.
    """

    weights: int
    kv_cache: int
    compute: int
    overhead: int
    prompt_cache: int
    total: int
