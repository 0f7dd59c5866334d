"""Which files of a folder with an ONNX model are needed to run it; programs and pickles never are."""

import re
from collections.abc import Iterable, Mapping
from typing import TypeVar

from agent.errors import ModelError
from agent.models import embedder
from agent.models.names import is_safe_path, model_name
from agent.onnx.layout import CONFIG, GENAI, variants
from agent.phrase import Phrase

T = TypeVar("T")

MAX_FILES = 128
_BESIDE = {
    GENAI, CONFIG, "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
    "added_tokens.json", "chat_template.jinja", "chat_template.json",
}  # fmt: skip
_DEVICES = r"cuda|directml|dml|webgpu|gpu|npu|qnn|openvino|vitis"
_GRAPH_OR_DATA = re.compile(r"[^/]+(\.onnx|\.onnx[._]data(_\d+)?|\.data)")


def folders_of(paths: Iterable[str]) -> list[str]:
    """Return the folders that hold an ONNX model, the most suitable for a CPU first; the outermost one is empty.

    Args:
        paths: of all files, relative to the outermost folder.
    """
    known = set(paths)
    genai = {path.rpartition("/")[0] for path in known if path.rpartition("/")[2] == GENAI}
    plain = {path.rpartition("/")[0] for path in known if path.rpartition("/")[2] == CONFIG}
    plain = {folder for folder in plain if variants(files_inside(dict.fromkeys(known), folder))}
    found = genai | plain
    return sorted(found, key=lambda folder: (_is_foreign(folder), folder.count("/"), "int4" not in folder, folder))


def needed(paths: Iterable[str], wanted: str = "") -> list[str]:
    """Return the files of one folder that are needed, the graph first.

    Args:
        paths: of all files, relative to the folder.
        wanted: a graph of the layout of transformers.js, by its name or by the end of it, such as `q4`.

    Raises:
        ModelError: there is no such graph, or the names or their number cannot be kept.
    """
    known = sorted(set(paths))
    if found := embedder.files_of(known):
        return found
    beside = [path for path in known if path in _BESIDE]
    if GENAI in known:
        found = [path for path in known if _GRAPH_OR_DATA.fullmatch(path)]
        found.sort(key=lambda path: (not path.endswith(".onnx"), path != "model.onnx", path))
    else:
        graph = _graph(known, wanted)
        data = re.compile(rf"{re.escape(graph)}([._]data(_\d+)?)?|{re.escape(graph.removesuffix('.onnx'))}\.data")
        found = [graph, *(path for path in known if path != graph and data.fullmatch(path))]
    return _checked([*found, *beside])


def _is_foreign(folder: str) -> bool:
    """Tell whether a folder's name says that it is for something else than a CPU."""
    return "cpu" not in folder.lower() and re.search(_DEVICES, folder.lower()) is not None


def _graph(known: list[str], wanted: str) -> str:
    graphs = variants(known)
    for graph in graphs:
        stem = graph.rpartition("/")[2].removesuffix(".onnx").lower()
        if not wanted or graph == wanted or stem == wanted.lower() or stem.endswith(f"_{wanted.lower()}"):
            return graph
    raise ModelError(
        Phrase("errors.no_graph", "The folder has no ONNX graph {wanted!r}.", wanted=wanted),
        hint=Phrase("errors.repo_lacks_hint", "It has: {names}.", names=", ".join(graphs) or "-"),
    )


def _checked(paths: list[str]) -> list[str]:
    if len(paths) > MAX_FILES:
        raise ModelError(
            Phrase(
                "errors.many_files",
                "The model has {count} files; at most {most} are allowed.",
                count=len(paths),
                most=MAX_FILES,
            )
        )
    for path in paths:
        if not is_safe_path(path):
            raise ModelError(Phrase("errors.file_name", "{name!r} cannot be the name of a file.", name=path))
    return paths


def locate(paths: Iterable[str], folder: str, wanted: str) -> tuple[str, str] | None:
    """Return the folder that is meant, and which of its graphs, or an empty string; None where there is none.

    Args:
        paths: of all files, relative to the outermost folder.
        folder: a folder, one around it, or a graph; or empty.
        wanted: a part of a folder's name, or the end of a graph's such as `q4`; or empty.
    """
    known = set(paths)
    folders = folders_of(known)
    if folder.endswith(".onnx"):
        around = [one for one in folders if folder in known and folder.startswith(f"{one}/" if one else "")]
        outer = max(around, key=len, default=None)
        return None if outer is None else (outer, folder.removeprefix(f"{outer}/" if outer else ""))
    if folder:
        return next(((one, "") for one in folders if f"{one}/".startswith(f"{folder}/")), None)
    if wanted and (named := [one for one in folders if wanted.lower() in one.lower()]):
        return named[0], ""
    if not folders or (_is_foreign(folders[0]) and not wanted):
        return None
    return folders[0], wanted


def folder_name(repo: str, folder: str, graph: str) -> str:
    """Return the name of a model: `phi-4-mini-instruct-int4-onnx`, `smollm2-135m-instruct-q4-onnx`."""
    base = re.sub(r"[-_.]onnx\b.*$", "", repo.rpartition("/")[2], flags=re.IGNORECASE)
    device = re.search(_DEVICES, folder.lower()) if _is_foreign(folder) else None
    kind = re.search(r"int4|int8|fp16|fp32|bf16", folder.lower())
    ending = graph.rpartition("/")[2].removesuffix(".onnx").rpartition("_")[2] if not kind and "_" in graph else ""
    parts = (base, device[0] if device else "", kind[0] if kind else ending, "onnx")
    return model_name("-".join(part for part in parts if part))


def files_inside(paths: Mapping[str, T], folder: str) -> dict[str, T]:
    """Return the files below a folder by their names relative to it."""
    prefix = f"{folder}/" if folder else ""
    return {path.removeprefix(prefix): what for path, what in paths.items() if path.startswith(prefix)}
