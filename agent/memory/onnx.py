"""What ONNX Runtime takes."""

from collections.abc import Collection

from agent.memory.parts import MemoryEstimate
from agent.plan import Plan
from agent.shape import Shape

_F32 = 4
_PROCESS = 90 << 20
_TOKEN = 640


def estimate(shape: Shape, plan: Plan, features: Collection[str]) -> MemoryEstimate:
    """Return what a model takes when it is run like this on a CPU with these features, named as in /proc/cpuinfo."""
    del features
    trained = shape.training_context
    context = min(plan.context or trained, trained) if trained else plan.context
    cell = sum(group.layers * group.kv_heads * (group.key_length + group.value_length) for group in shape.attention)
    kv_cache = plan.parallel * context * cell * _F32
    compute = max(plan.parallel, plan.micro_batch) * shape.vocabulary * _F32
    overhead = _PROCESS + shape.vocabulary * _TOKEN
    total = shape.weight_bytes + kv_cache + compute + overhead + plan.prompt_cache
    return MemoryEstimate(shape.weight_bytes, kv_cache, compute, overhead, plan.prompt_cache, total)
