"""A whole model: its graph, and the files beside it that say how to use it."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from agent.errors import ModelFileError
from agent.onnx.caches import CacheKind, Caches, read_caches
from agent.onnx.graph import Graph
from agent.onnx.layout import Layout, LayoutName, Names, find_layout
from agent.onnx.reader import read_graph
from agent.onnx.settings import Settings
from agent.onnx.tokenizing import Texts, read_texts
from agent.onnx.weights import Weight, quantization_of, read_weights

MAX_CONTEXT = 1 << 24  # tokens; the longest of published models are 10 million
MAX_LAYERS = 512
MAX_VOCABULARY = 1 << 20
_MAX_SIZE = 1 << 24
_BESIDE = (
    "genai_config.json", "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json",
    "special_tokens_map.json", "chat_template.jinja", "chat_template.json",
)  # fmt: skip
_OTHER_MODEL = "Choose a model that writes text."
_WITH_TOKENIZER = "Choose a folder with tokenizer.json, or add the file from the model's own page."


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A model of language in the format ONNX.

    Attributes:
        root: the folder.
        graph: the file with the graph that is run.
        layout: `genai`, with `genai_config.json`, or `transformers.js`.
        content: what the graph's file says.
        names: of the graph's inputs and outputs.
        architecture: the kind of model, such as `llama`, `qwen3`, `phi3`.
        context_length: tokens that the model was trained for, 0 unknown.
        vocabulary: number of tokens.
        layers: blocks.
        heads: query heads of a layer.
        kv_heads: key and value heads of a layer.
        head_size: elements of one key.
        hidden: elements of the hidden state, 0 unknown.
        intermediate: elements inside the feed-forward network, 0 unknown.
        window: tokens of a sliding window, 0 for full attention.
        bos: number of the token that begins a text, or None.
        eos: numbers of the tokens that end an answer.
        pad: number of the token that fills up, or None.
        texts: what the tokenizer's files say.
        cache: how keys and values are kept.
        weights: all weights by role.
        quantization: what people call it, such as `int4` or `int4 mixed`.
        parameter_count: number of weights.
        bytes: of all files that are needed.
        files: those files, relative to the folder.
        runner: `loop` where a plain loop over tokens runs it, `genai` where only onnxruntime-genai does.
        reason: why it is not `loop`, or an empty string.
        providers: execution providers that it asks for.
        compiled: whether it holds code compiled for an accelerator, and runs nowhere else.
    """

    root: Path
    graph: Path
    layout: LayoutName
    content: Graph
    names: Names
    architecture: str
    context_length: int
    vocabulary: int
    layers: int
    heads: int
    kv_heads: int
    head_size: int
    hidden: int
    intermediate: int
    window: int
    bos: int | None
    eos: tuple[int, ...]
    pad: int | None
    texts: Texts
    caches: Caches
    weights: tuple[Weight, ...]
    quantization: str
    parameter_count: int
    bytes: int
    files: tuple[str, ...]
    runner: Literal["loop", "genai"]
    reason: str
    providers: tuple[str, ...]
    compiled: bool

    @property
    def cache(self) -> CacheKind:
        """Whether past and present may be one buffer (`shared`), or the present is the past and more (`growing`)."""
        return self.caches.kind

    @property
    def chat_template(self) -> str | None:
        """The Jinja source that turns messages into a prompt; untrusted text."""
        return self.texts.chat_template

    @property
    def bos_text(self) -> str:
        """The token that begins a text, or an empty string."""
        return self.texts.bos

    @property
    def eos_text(self) -> str:
        """The token that ends a text, or an empty string."""
        return self.texts.eos

    @property
    def adds_bos(self) -> bool:
        """Whether the tokenizer puts the token that begins a text in front by itself."""
        return self.texts.adds_bos


def read_folder(path: Path) -> ModelFolder:
    """Read and check a model: `path` is its folder, its graph or its `genai_config.json`.

    Raises:
        ModelFileError: a file is missing, damaged or outside of the folder, or this is no model of language.
    """
    layout = find_layout(path)
    texts = _texts(layout.root)
    graphs = [read_graph(graph) for graph in layout.graphs]
    content = max(graphs, key=lambda graph: (sum(graph.files.values()) + graph.bytes, len(graph.nodes)))
    graph = layout.graphs[graphs.index(content)]
    names = _names(layout.names, content)
    caches = read_caches(content, names)
    reason = _checked_kind(layout, content, names, caches)
    weights = tuple(weight for one in graphs for weight in read_weights(one))
    sizes = _sizes(layout, graphs)
    config, decoder = layout.settings, layout.decoder
    heads = decoder.number("num_attention_heads", limit=_MAX_SIZE)
    hidden = decoder.number("hidden_size", _hidden(weights), limit=_MAX_SIZE)
    return ModelFolder(
        root=layout.root,
        graph=graph,
        layout=layout.name,
        content=content,
        names=names,
        architecture=_architecture(config),
        context_length=_context(config),
        vocabulary=_vocabulary(config, content, names),
        layers=decoder.number("num_hidden_layers", len(caches.layers), limit=MAX_LAYERS),
        heads=heads,
        kv_heads=caches.kv_heads or decoder.number("num_key_value_heads", heads, limit=_MAX_SIZE),
        head_size=caches.head_size or _head_size(decoder, hidden, heads),
        hidden=hidden,
        intermediate=config.number("intermediate_size", _intermediate(weights), limit=_MAX_SIZE),
        window=_window(decoder),
        bos=_bos(layout),
        eos=_eos(layout),
        pad=config.token("pad_token_id"),
        texts=texts,
        caches=caches,
        weights=weights,
        quantization=quantization_of(weights),
        parameter_count=sum(weight.elements for weight in weights),
        bytes=sum(sizes.values()),
        files=tuple(sizes),
        runner="genai" if reason else "loop",
        reason=reason,
        providers=layout.providers,
        compiled=_is_compiled(graphs),
    )


def _texts(root: Path) -> Texts:
    if not (root / "tokenizer.json").is_file():
        raise _error(root, "tokenizer.json is missing, which turns texts into tokens", hint=_WITH_TOKENIZER)
    return read_texts(root)


def _names(names: Names, graph: Graph) -> Names:
    """Leave out what this graph does not take."""
    given = {value.name for value in graph.inputs}
    return replace(
        names,
        position_ids=names.position_ids if names.position_ids in given else "",
        kept_logits=names.kept_logits if names.kept_logits in given else "",
    )


def _is_compiled(graphs: list[Graph]) -> bool:
    return any(node.operator == "EPContext" for graph in graphs for node in graph.nodes)


def _checked_kind(layout: Layout, graph: Graph, names: Names, caches: Caches) -> str:
    """Return why only onnxruntime-genai can run it; refuse what writes no text, and what nobody can run."""
    reason = layout.obstacle or caches.obstacle
    outputs = [value.name for value in graph.outputs]
    writes = names.logits in outputs and (caches.layers or layout.name == "genai")
    if not writes and not layout.obstacle:
        inputs = [value.name for value in graph.inputs]
        problem = f"it takes {_list(inputs)} and gives {_list(outputs)}, so it is no model that writes text"
        raise _error(layout.root, problem)
    if reason and layout.name != "genai":
        raise _error(layout.root, f"it cannot be run: {reason}")
    return reason


def _list(names: list[str]) -> str:
    return f"{', '.join(names[:4])}{' …' if len(names) > 4 else ''}" or "nothing"  # noqa: PLR2004 - enough to see what it is


def _architecture(config: Settings) -> str:
    name = config.text("type") or config.text("model_type")
    return "".join(letter for letter in name if letter.isprintable())[:64] or "unknown"


def _context(config: Settings) -> int:
    length = config.number("context_length") or config.number("max_position_embeddings") or config.number("n_positions")
    if length > MAX_CONTEXT:
        raise config.error("context_length", f"a context of {length} tokens is absurd; at most {MAX_CONTEXT} are known")
    return length


def _vocabulary(config: Settings, graph: Graph, names: Names) -> int:
    """Return the number of tokens: that of the logits, where the graph says it."""
    for value in graph.outputs:
        size = value.shape[-1] if value.shape else 0
        if value.name == names.logits and isinstance(size, int) and 0 < size <= MAX_VOCABULARY:
            return size
    return config.number("vocab_size", limit=MAX_VOCABULARY)


def _head_size(decoder: Settings, hidden: int, heads: int) -> int:
    return decoder.number("head_size", limit=_MAX_SIZE) or decoder.number(
        "head_dim", hidden // heads if heads else 0, limit=_MAX_SIZE
    )


def _window(decoder: Settings) -> int:
    sliding = decoder.part("sliding_window")
    if sliding:
        return sliding.number("window_size")
    return decoder.number("sliding_window") if decoder.flag("use_sliding_window") is not False else 0


def _hidden(weights: tuple[Weight, ...]) -> int:
    """Return the columns of the table of tokens."""
    return max((weight.columns for weight in weights if weight.role in {"table", "tied"}), default=0)


def _intermediate(weights: tuple[Weight, ...]) -> int:
    return max((weight.columns for weight in weights if "down_proj" in weight.user), default=0)


def _bos(layout: Layout) -> int | None:
    own = layout.settings.token("bos_token_id")
    return layout.generation.token("bos_token_id") if own is None else own


def _eos(layout: Layout) -> tuple[int, ...]:
    """Return all tokens that end an answer: chat models have more than the configuration of the model names."""
    both = (*layout.generation.tokens("eos_token_id"), *layout.settings.tokens("eos_token_id"))
    return tuple(dict.fromkeys(both))


def _sizes(layout: Layout, graphs: list[Graph]) -> dict[str, int]:
    """Return the bytes of all files that the model needs, by their names relative to the folder."""
    sizes: dict[str, int] = {}
    for path, graph in zip(layout.graphs, graphs, strict=True):
        folder = path.parent.relative_to(layout.root)
        sizes[path.relative_to(layout.root).as_posix()] = graph.bytes
        sizes |= {(folder / name).as_posix(): size for name, size in graph.files.items()}
    beside = (layout.root / name for name in _BESIDE)
    return sizes | {path.name: path.stat().st_size for path in beside if path.is_file()}


def _error(path: Path, problem: str, *, hint: str = _OTHER_MODEL) -> ModelFileError:
    return ModelFileError(f"{path.name}: {problem}.", field="folder", hint=hint)
