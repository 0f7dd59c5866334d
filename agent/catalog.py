"""The catalogue: model families that are worth choosing from, one TOML file each in `agent/families/`."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from agent import strict_toml
from agent.errors import ConfigError
from agent.shape import Attention

BUILT_IN = Path(__file__).parent / "families"

Count = Annotated[int, Meta(gt=0)]
Natural = Annotated[int, Meta(ge=0)]
Score = Annotated[float, Meta(ge=0, le=100)]
Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,99}$")]
Date = Annotated[str, Meta(pattern=r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$")]
Hash = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
# A file of a hub, or anything that another model source understands.
Reference = Annotated[str, Meta(pattern=r"^(hf:[\w.-]+/[\w.-]+/[^@\s]+\.gguf(@[\w./-]+)?|(?!hf:).+)$")]


class Quality(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How good a model is.

    Attributes:
        score: on the scale of MMLU-Pro, 0 to 100; the number that models are compared by.
        source: who published what it rests on.
        estimated: mapped from another benchmark, or a guess; not a published MMLU-Pro.
        mode: whether the published numbers were taken with thinking.
        benchmarks: published numbers by name, such as `mmlu_pro`, `ifeval`.
    """

    score: Score
    source: str
    estimated: bool
    mode: Literal["answer", "thinking"]
    benchmarks: dict[str, Score] = {}


class Published(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The shape of a model as its publisher describes it; see `agent.shape.Shape` for what the fields mean.

    Attributes:
        parameters: weights of the text model.
        active: of these, how many are read for each token.
        looked_up: of these, how many are in tables of which only rows are read (per-layer embeddings).
        tied: whether the embedding table is also the output matrix.
    """

    architecture: str
    parameters: Count
    active: Count
    layers: Count
    embedding: Count
    feed_forward: Count
    vocabulary: Count
    context: Count
    tied: bool
    attention: list[Attention]
    looked_up: Natural = 0
    state_bytes: Natural = 0
    experts: Natural = 0
    experts_used: Natural = 0

    def __post_init__(self) -> None:
        """Refuse numbers that contradict each other."""
        if self.active + self.looked_up > self.parameters:
            raise ValueError("active and looked_up together exceed parameters")
        if self.experts_used > self.experts:
            raise ValueError("experts_used exceeds experts")
        if sum(group.layers for group in self.attention) > self.layers:
            raise ValueError("the attention groups have more layers than the model")


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file that can be installed.

    Attributes:
        reference: as for `edgewise models pull`, such as `hf:unsloth/Qwen3-4B-GGUF/Qwen3-4B-Q4_K_M.gguf`.
        quantization: such as `Q4_K_M`.
        bytes: size of the file.
        exact: whether that is the published size to the byte rather than computed from shapes or rounded.
        sha256: where it is known.
        trained: made by quantization-aware training or distillation (QAT, QAD), and so better than its type.
        verified: the file was seen in a public index under this name.
    """

    reference: Reference
    quantization: str
    bytes: Count
    exact: bool = False
    sha256: Hash = ""
    trained: bool = False
    verified: bool = False


class OnnxBuild(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A build for ONNX Runtime, its weights in 4 bits.

    Attributes:
        reference: `hf:owner/repo` with an optional folder and revision, or `foundry:alias` of Foundry Local.
        layout: `genai` for onnxruntime-genai, `transformers.js` for plain onnxruntime.
        device: that it was made for.
        unsupported: why the engine cannot run it; empty when it can.
        note: size, what was not verified.
    """

    reference: str
    layout: Literal["genai", "transformers.js"]
    device: Literal["cpu", "gpu", "npu"] = "cpu"
    unsupported: str = ""
    note: str = ""


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One model in all its quantizations.

    Attributes:
        name: such as `qwen3-4b-instruct-2507`; unique in the catalogue.
        title: for people.
        publisher: who made it; that of the family unless the model names another.
        released: ISO date.
        licence: SPDX identifier where there is one, else the publisher's name for it.
        restrictions: what the licence forbids or demands, in one sentence, shown before a download; empty if nothing.
        use: what it is good for.
        languages: `en`, `many` …; empty when unknown.
        tools: whether it was trained to call tools; None when unknown.
        tool_syntax: how it writes tool calls, such as `hermes`, `llama3`, `pythonic`; empty when unknown.
        chat: common name of its chat template, such as `chatml`, `gemma`, `phi3`; `none` for base models.
        thinking: `never`, `always`, or switchable and `off` or `on` by default.
        quality: how good it is.
        files: GGUF files, best source first for each quantization.
        shape: for memory and speed; None when unknown.
        unsupported: why stock llama.cpp cannot run it; empty when it can.
        note: what else a person should know.
        onnx: builds for ONNX Runtime.
        family: name of the file it comes from.
    """

    name: Name
    title: str
    released: Date
    licence: str
    use: list[Literal["chat", "code", "math", "tools"]]
    thinking: Literal["never", "always", "off", "on"]
    quality: Quality
    files: list[File]
    shape: Published | None = None
    publisher: str = ""
    restrictions: str = ""
    languages: str = ""
    tools: bool | None = None
    tool_syntax: str = ""
    chat: str = ""
    unsupported: str = ""
    note: str = ""
    onnx: list[OnnxBuild] = []
    family: str = ""


class Family(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of the catalogue: models that belong together.

    Attributes:
        title: for people.
        publisher: who made them.
        models: from the oldest and smallest on.
        note: what holds for all of them.
    """

    title: str
    publisher: str
    models: list[Model]
    note: str = ""


def load_catalog(*directories: Path) -> list[Model]:
    """Return all models of the built-in families and of the family files in further directories.

    Args:
        directories: may be missing; a file replaces the whole file of the same name in an earlier directory.

    Raises:
        ConfigError: a file cannot be read or is wrong, or two models have the same name.
    """
    files = {path.name: path for directory in (BUILT_IN, *directories) for path in sorted(directory.glob("*.toml"))}
    models = [model for _, path in sorted(files.items()) for model in _models(path)]
    _check_names(models, files)
    return models


def _models(path: Path) -> list[Model]:
    family = strict_toml.read(path, Family)
    return [
        msgspec.structs.replace(model, family=path.stem, publisher=model.publisher or family.publisher)
        for model in family.models
    ]


def _check_names(models: Iterable[Model], files: Mapping[str, Path]) -> None:
    families: dict[str, str] = {}
    for model in models:
        if model.name in families:
            first, second = (files[f"{family}.toml"] for family in (families[model.name], model.family))
            raise ConfigError(f"Two models are called {model.name!r}: in {first} and in {second}.")
        families[model.name] = model.family
