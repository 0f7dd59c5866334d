"""The graph of a BERT encoder with mean pooling, made from its configuration.

Texts are packed: all tokens of a run stand in one row, so that nothing is computed for padding. Only attention sees
them text by text; `slots` says which token stands where there, and `tokens` leads back.

input      type, shape            what it is
ids        int32 [tokens]         tokens of all texts, one text after the other
positions  int32 [tokens]         place of each token in its text
slots      int64 [texts, length]  for each place of each text the index of its token; any index beyond its end
lengths    int32 [texts]          tokens of each text
tokens     int64 [tokens]         for each token the index of its slot
mean       float [texts, 1, length]  1 / tokens of the text; 0 beyond its end

The output `vectors` has the shape [texts, hidden]; each has the length 1.
"""

from collections.abc import Mapping

import msgspec

from agent.embeddings.safetensors import Tensor
from agent.errors import ModelFileError
from agent.onnx.writing import CONTRIB, FLOAT, INT32, INT64, GraphWriter

MAX_LAYERS, MAX_WIDTH, MAX_VOCABULARY, MAX_POSITIONS = 64, 8192, 1 << 20, 1 << 16


class BertConfig(msgspec.Struct, frozen=True):
    """What config.json says, by the names of transformers."""

    model_type: str
    hidden_size: int
    intermediate_size: int
    num_attention_heads: int
    num_hidden_layers: int
    max_position_embeddings: int
    vocab_size: int
    type_vocab_size: int = 2
    layer_norm_eps: float = 1e-12
    hidden_act: str = "gelu"
    position_embedding_type: str = "absolute"
    is_decoder: bool = False

    def require_usable(self) -> None:
        """Refuse what this graph is not for, and sizes beyond reason.

        Raises:
            ModelFileError: names the first setting that is in the way.
        """
        fixed = {"model_type": "bert", "hidden_act": "gelu", "position_embedding_type": "absolute", "is_decoder": False}
        for name, value in fixed.items():
            if getattr(self, name) != value:
                raise _wrong(name, f"{name} is {getattr(self, name)!r}; only {value!r} can be run")
        bounds = {
            "hidden_size": MAX_WIDTH,
            "intermediate_size": MAX_WIDTH,
            "num_attention_heads": MAX_WIDTH,
            "num_hidden_layers": MAX_LAYERS,
            "max_position_embeddings": MAX_POSITIONS,
            "vocab_size": MAX_VOCABULARY,
            "type_vocab_size": MAX_WIDTH,
        }
        for name, most in bounds.items():
            if not 1 <= getattr(self, name) <= most:
                raise _wrong(name, f"{name} is {getattr(self, name)}, not between 1 and {most}")
        if self.hidden_size % self.num_attention_heads:
            raise _wrong("num_attention_heads", "hidden_size is no multiple of num_attention_heads")


def build(config: BertConfig, weights: Mapping[str, Tensor], file: str) -> bytes:
    """Return the ONNX file of a model whose weights lie in `file`, beside it.

    Raises:
        ModelFileError: a weight is missing, has another shape than the configuration says, or is not of 32-bit floats.
    """
    return _Encoder(config, weights, file).build()


class _Encoder:
    def __init__(self, config: BertConfig, weights: Mapping[str, Tensor], file: str) -> None:
        self._config = config
        self._weights = weights
        self._file = file
        self._graph = GraphWriter("bert")

    def build(self) -> bytes:
        graph, hidden = self._graph, self._config.hidden_size
        graph.input("ids", INT32, ["tokens"])
        graph.input("positions", INT32, ["tokens"])
        graph.input("slots", INT64, ["texts", "length"])
        graph.input("lengths", INT32, ["texts"])
        graph.input("tokens", INT64, ["tokens"])
        graph.input("mean", FLOAT, ["texts", 1, "length"])
        graph.constant("row", [-1, hidden])
        state = self._embed()
        for index in range(self._config.num_hidden_layers):
            state = self._layer(f"encoder.layer.{index}", state)
        pooled = graph.node("MatMul", ["mean", graph.node("Gather", [state, "slots"])])
        rows = graph.node("Reshape", [pooled, "row"])
        graph.output(graph.node("LpNormalization", [rows], result="vectors", axis=1, p=2), ["texts", hidden])
        return graph.model()

    def _embed(self) -> str:
        """Return the first state: word, place and type of each token. All are of type 0, so that one is a bias."""
        config, hidden = self._config, self._config.hidden_size
        words = self._weight("embeddings.word_embeddings.weight", config.vocab_size, hidden)
        places = self._weight("embeddings.position_embeddings.weight", config.max_position_embeddings, hidden)
        types = self._find("embeddings.token_type_embeddings.weight", config.type_vocab_size, hidden)
        first = self._graph.external("type", [hidden], self._file, types.offset, types.length // config.type_vocab_size)
        return self._normalize(
            "embeddings",
            self._graph.node("Gather", [words, "ids"]),
            self._graph.node("Gather", [places, "positions"]),
            first,
        )

    def _layer(self, name: str, state: str) -> str:
        config, graph = self._config, self._graph
        hidden, inner = config.hidden_size, config.intermediate_size
        parts = [
            self._dense(f"{name}.attention.self.{part}", state, hidden, hidden) for part in ("query", "key", "value")
        ]
        texts = [graph.node("Gather", [part, "slots"]) for part in parts]
        seen = graph.node(
            "MultiHeadAttention", [*texts, "", "lengths"], domain=CONTRIB, num_heads=config.num_attention_heads
        )
        rows = graph.node("Gather", [graph.node("Reshape", [seen, "row"]), "tokens"])
        state = self._add(f"{name}.attention.output", rows, state, hidden)
        wide = self._matrix(f"{name}.intermediate.dense.weight", state, hidden, inner)
        bias = self._weight(f"{name}.intermediate.dense.bias", inner)
        return self._add(f"{name}.output", graph.node("BiasGelu", [wide, bias], domain=CONTRIB), state, inner)

    def _add(self, name: str, branch: str, state: str, width: int) -> str:
        """Lead a branch back into the state."""
        hidden = self._config.hidden_size
        dense = self._matrix(f"{name}.dense.weight", branch, width, hidden)
        return self._normalize(name, dense, state, self._weight(f"{name}.dense.bias", hidden))

    def _normalize(self, name: str, *summands: str) -> str:
        """Add two states and a bias, and normalise the sum."""
        first, second, bias = summands
        norm = [self._weight(f"{name}.LayerNorm.{part}", self._config.hidden_size) for part in ("weight", "bias")]
        inputs = [first, second, *norm, bias]
        epsilon = self._config.layer_norm_eps
        return self._graph.node("SkipLayerNormalization", inputs, domain=CONTRIB, epsilon=epsilon)

    def _dense(self, name: str, state: str, width: int, out: int) -> str:
        return self._matrix(f"{name}.weight", state, width, out, self._weight(f"{name}.bias", out))

    def _matrix(self, name: str, state: str, width: int, out: int, *bias: str) -> str:
        return self._graph.node("Gemm", [state, self._weight(name, out, width), *bias], transB=1)

    def _weight(self, name: str, *shape: int) -> str:
        found = self._find(name, *shape)
        return self._graph.external(name, shape, self._file, found.offset, found.length)

    def _find(self, name: str, *shape: int) -> Tensor:
        found = self._weights.get(name)
        if found is None:
            raise _wrong(name, f"{self._file} has no tensor {name!r}")
        if (found.kind, found.shape) != ("F32", shape):
            raise _wrong(name, f"{name!r} in {self._file} is {found.kind} {found.shape}, not F32 {shape}")
        return found


def _wrong(field: str, problem: str) -> ModelFileError:
    return ModelFileError(f"{problem}.", field=field, hint="Choose another embedding model.")
