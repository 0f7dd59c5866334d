"""How much memory a model takes: the peak of the engine process that serves it, before anything is loaded.

Pure arithmetic, a file for each engine; `docs/memory.md` derives every formula and says how far from the truth each
one was.
"""

from collections.abc import Collection

from agent.memory import llama_cpp, onnx
from agent.memory.llama_cpp import recommend_mapped
from agent.memory.parts import MemoryEstimate
from agent.plan import Plan
from agent.shape import Shape

__all__ = ["MemoryEstimate", "estimate", "recommend_mapped"]


def estimate(shape: Shape, plan: Plan, features: Collection[str]) -> MemoryEstimate:
    """Return what a model takes when it is run like this on a CPU with these features, named as in /proc/cpuinfo."""
    if shape.format == "onnx":
        return onnx.estimate(shape, plan, features)
    return llama_cpp.estimate(shape, plan, features)
