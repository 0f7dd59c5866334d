"""The engine genai: onnxruntime-genai computes what the loop of the engine `onnx` does not understand.

That is models with states of other kinds than keys and values (LFM2, Qwen3.5), models of several graphs, those compiled
for an NPU, and every execution provider but the CPU. Prompts, slots, sampling and grammars are those of the engine
`onnx`; only the tokens are computed by the library's `Generator`, one for each slot.

Its newer `Engine` is not used: on a CPU it takes plain decoders only, which need no genai, and lets newcomers wait
until everybody else has ended; it gives no logits, so no log probabilities, `min_p` or `logit_bias` either
(docs/adr/0010-own-onnx-loop.md).
"""

import importlib.metadata

from agent.engines import Engine, LoadOptions
from agent.engines.onnx import Onnx
from agent.engines.onnx.runner import Runner
from agent.errors import ModelFileError
from agent.onnx import ModelFolder

_PACKAGE = "onnxruntime-genai"


def create() -> Engine:
    """Return a genai engine with nothing loaded."""
    return Onnx(open_generators, build)


def open_generators(folder: ModelFolder, options: LoadOptions, context: int) -> Runner:
    """Load the graphs of a folder.

    Raises:
        ModelFileError: the library is missing, or refuses the folder or the provider.
    """
    try:
        from agent.engines.genai.generators import Generators  # noqa: PLC0415 - an extra that few devices need
    except ImportError as error:
        why = folder.reason or f"it is to run on {options.plan.provider}"
        raise ModelFileError(
            f"{folder.root.name} needs {_PACKAGE}, which cannot be imported ({error}): {why}.",
            field="engine",
            hint=f"Install it: `pip install 'edgewise[genai]'`, or the build of {_PACKAGE} for your accelerator.",
        ) from error
    return Generators(folder, options, context)


def build() -> str:
    """Return the version of the library."""
    try:
        return f"{_PACKAGE} {importlib.metadata.version(_PACKAGE)}"
    except importlib.metadata.PackageNotFoundError:  # the build for an accelerator is a package of another name
        return _PACKAGE
