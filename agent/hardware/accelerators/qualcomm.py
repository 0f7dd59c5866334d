"""The Hexagon NPU inside Qualcomm's processors."""

from agent.hardware.board import compatible
from agent.hardware.facts import Accelerator
from agent.hardware.tree import Tree

_PROCESSORS = ("qcm6490", "qcs6490", "x1e80100", "x1p42100")  # known to have one, even if no driver shows it
_NODES = ("dev/fastrpc-cdsp", "dev/fastrpc-cdsp-secure")


def find(tree: Tree) -> list[Accelerator]:
    """Return the NPU of a Qualcomm processor: one that is known to have it, or whose driver is there."""
    names = [entry.partition(",")[2] for entry in compatible(tree) if entry.startswith("qcom,")]
    served = any(tree.exists(node) for node in _NODES)
    known = [name for name in names if name in _PROCESSORS]
    if not names or not (known or served):
        return []
    processor = (known or names)[-1]
    missing = "" if served else "its driver is not loaded: there is no /dev/fastrpc-cdsp; "
    return [
        Accelerator(
            kind="npu",
            vendor="qualcomm",
            name=f"Hexagon NPU ({processor.upper()})",
            driver="fastrpc" if served else "",
            memory=None,
            provider="qnn",
            note=f"{missing}Edgewise has no engine for it yet",
        )
    ]
