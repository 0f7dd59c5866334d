"""Where the parts of a model lie in its folder: the layout of onnxruntime-genai, and that of transformers.js."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from agent.errors import ModelFileError
from agent.onnx.external import is_inside
from agent.onnx.settings import Settings, read_settings

LayoutName = Literal["genai", "transformers.js"]

GENAI = "genai_config.json"
CONFIG = "config.json"
# Endings of the files of one model, the best for a CPU first.
_ENDINGS = ("_q4", "_q4f16", "_quantized", "_int8", "_q8", "_uint8", "", "_fp16", "_bnb4")
_STEMS = ("model", "decoder_model_merged")
_NATIVE = re.compile(r"\.(so|dll|dylib|pyd)(\.[\d.]+)?$", re.IGNORECASE)
_KNOWN_NATIVE = {"QnnHtp.dll", "libQnnHtp.so"}  # part of the accelerator's own driver
_OTHER_MODEL = "Choose a model that writes text."
_PULL_ALL = "Pull the whole folder of the model; `edgewise models pull hf:OWNER/REPO` does."
_MAX_STAGES = 64


@dataclass(frozen=True, slots=True)
class Names:
    """What the graph calls what goes in and comes out; `%d` stands for the number of a layer.

    Attributes:
        input_ids: tokens.
        attention_mask: which of them count.
        position_ids: their places in the text, or an empty string where the graph takes none.
        past_key: keys of past tokens.
        past_value: values of past tokens.
        logits: scores of the next token.
        present_key: keys of all tokens.
        present_value: values of all tokens.
        kept_logits: of how many of the last tokens scores are wanted, or an empty string where it cannot be said.
    """

    input_ids: str = "input_ids"
    attention_mask: str = "attention_mask"
    position_ids: str = "position_ids"
    past_key: str = "past_key_values.%d.key"
    past_value: str = "past_key_values.%d.value"
    logits: str = "logits"
    present_key: str = "present.%d.key"
    present_value: str = "present.%d.value"
    kept_logits: str = "num_logits_to_keep"


@dataclass(frozen=True, slots=True)
class Layout:
    """The parts of one model.

    Attributes:
        name: of the layout.
        root: the folder.
        graphs: files with graphs; the first is the one that is run, several only in a pipeline.
        names: of the graph's inputs and outputs.
        settings: of the whole model.
        decoder: of the part that writes text.
        generation: of how tokens are chosen.
        providers: execution providers that the folder asks for.
        obstacle: why only onnxruntime-genai can run it, or an empty string.
    """

    name: LayoutName
    root: Path
    graphs: tuple[Path, ...]
    names: Names
    settings: Settings
    decoder: Settings
    generation: Settings
    providers: tuple[str, ...] = field(default=())
    obstacle: str = ""


def is_onnx(path: Path) -> bool:
    """Tell whether a path is that of an ONNX model: its folder, its graph or its `genai_config.json`."""
    if path.is_dir():
        return (path / GENAI).is_file() or (path / CONFIG).is_file()
    return path.suffix == ".onnx" or path.name == GENAI


def find_layout(path: Path) -> Layout:
    """Find the parts of the model in a folder, or around a graph or `genai_config.json`.

    Raises:
        ModelFileError: it is no model of language, or files are missing.
    """
    folder, chosen = (path, None) if path.is_dir() else (path.parent, path)
    if chosen is not None and chosen.suffix != ".onnx" and chosen.name != GENAI:
        raise _error(path, "it is no folder of a model, no .onnx file and no genai_config.json")
    if (folder / GENAI).exists():
        return _genai(folder)
    if chosen is not None and not (folder / CONFIG).exists() and (folder.parent / CONFIG).exists():
        folder = folder.parent
    if (folder / CONFIG).exists():
        return _transformers_js(folder, chosen)
    raise _error(path, f"neither {GENAI} nor {CONFIG} is there", hint=_PULL_ALL)


def variants(names: Iterable[str]) -> list[str]:
    """Return those of the relative names that are graphs of the layout of transformers.js, the best for a CPU first."""
    ranks = {f"{stem}{ending}.onnx": (stem_rank, rank) for stem_rank, stem in enumerate(_STEMS)
             for rank, ending in enumerate(_ENDINGS)}  # fmt: skip
    found = [name for name in names if name.rpartition("/")[2] in ranks and name.rpartition("/")[0] in {"", "onnx"}]
    return sorted(found, key=lambda name: (*ranks[name.rpartition("/")[2]], "/" not in name))


def _genai(root: Path) -> Layout:
    settings = read_settings(root / GENAI)
    _refuse_native_code(settings.file, settings.values)
    model = settings.part("model")
    decoder = model.part("decoder")
    _refuse_other_senses(root, model)
    stages = _stages(decoder)
    files = [stage.text("filename") for stage in stages] or [decoder.text("filename")]
    for file in files:
        _require(root, file)
    inputs, outputs, usual = decoder.part("inputs"), decoder.part("outputs"), Names()
    names = Names(
        inputs.text("input_ids", usual.input_ids),
        inputs.text("attention_mask", usual.attention_mask),
        inputs.text("position_ids", usual.position_ids),
        inputs.text("past_key_names", usual.past_key),
        inputs.text("past_value_names", usual.past_value),
        outputs.text("logits", usual.logits),
        outputs.text("present_key_names", usual.present_key),
        outputs.text("present_value_names", usual.present_value),
    )
    obstacle = "it is a pipeline of several graphs" if stages else ""
    if settings.part("engine").part("dynamic_batching"):
        obstacle = "its keys and values lie in pages (engine.dynamic_batching)"
    return Layout(
        name="genai",
        root=root,
        graphs=tuple(root / file for file in files),
        names=names,
        settings=model,
        decoder=decoder,
        generation=settings.part("search"),
        providers=_providers([decoder, *stages]),
        obstacle=obstacle,
    )


def _transformers_js(root: Path, chosen: Path | None) -> Layout:
    settings = read_settings(root / CONFIG)
    if chosen is None:
        here = (path.relative_to(root).as_posix() for place in ("onnx", ".") for path in (root / place).glob("*.onnx"))
        found = variants(here)
        if not found:
            raise _no_graph(root)
        chosen = root / found[0]
    _require(root, chosen.relative_to(root).as_posix())
    return Layout(
        name="transformers.js",
        root=root,
        graphs=(chosen,),
        names=Names(),
        settings=settings,
        decoder=settings,
        generation=read_settings(root / "generation_config.json"),
    )


def _no_graph(root: Path) -> ModelFileError:
    if any(root.glob("*.safetensors")):
        problem = "it holds weights (safetensors), but no graph that says how to compute with them"
        return _error(root, problem, hint="Make a model of it: `edgewise convert FOLDER --to onnx`.")
    return _error(root, "there is no graph such as onnx/model_q4.onnx", hint=_PULL_ALL)


def _stages(decoder: Settings) -> list[Settings]:
    """Return the parts of a pipeline: a list of objects, each with the name of a stage as its only key."""
    return [one.part(key) for one in decoder.parts("pipeline") for key in one.values][:_MAX_STAGES]


def _providers(parts: list[Settings]) -> tuple[str, ...]:
    found = [
        name
        for part in parts
        for option in part.part("session_options").parts("provider_options")
        for name in option.values
    ]
    return tuple(dict.fromkeys(found))


def _refuse_other_senses(root: Path, model: Settings) -> None:
    for sense in ("vision", "speech", "encoder", "embedding"):
        if model.part(sense):
            kind = model.text("type", "model")
            problem = f"it is a {kind} with a part of its own for {sense}, of several graphs; only text models are run"
            raise _error(root, problem, hint=_OTHER_MODEL)


def _refuse_native_code(file: str, value: object) -> None:
    """Refuse settings that would load a library: a folder of a model is data, never a program."""
    for text in _texts(value):
        if _NATIVE.search(text) and text not in _KNOWN_NATIVE:
            raise ModelFileError(
                f"{file}: it asks to load native code, {text[:200]!r}.",
                field="custom_ops_library",
                hint="Choose a build of this model for plain ONNX Runtime.",
            )


def _texts(value: object) -> Iterator[str]:
    waiting = [value]
    while waiting:
        match waiting.pop():
            case str() as text:
                yield text
            case dict() as pairs:
                waiting += pairs.values()
            case list() as values:
                waiting += values


def _require(root: Path, name: str) -> None:
    if not is_inside(name):
        raise _error(root, f"{GENAI} names the graph {name[:200]!r}, which is no file of the folder")
    path = root / name
    if not path.is_file():
        raise _error(root, f"{name} is missing", hint=_PULL_ALL)
    if not path.resolve().is_relative_to(root.resolve()):
        raise _error(root, f"{name} is a link to a place outside of the folder", hint="Copy the file into the folder.")


def _error(path: Path, problem: str, *, hint: str = _OTHER_MODEL) -> ModelFileError:
    return ModelFileError(f"{path.name}: {problem}.", field="folder", hint=hint)
