"""Makes ONNX models with random weights in the shapes of real ones, for `benchmarks.memory_onnx`.

    PYTHON -m benchmarks.onnx_models [--models DIR] [NAME ...]

PYTHON is that of the environment for conversions (`~/.cache/edgewise/convert/*/bin/python`). Tokenizers are that of the
twin, with tokens made up until there are as many as the model has.
"""

import argparse
import json
import random
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from agent.convert import work

_TWIN = Path(__file__).resolve().parents[1] / ".venv" / "twin"
_SHORT = 5  # letters of the tokens that others are made of
_CONTEXT = 32768


@dataclass(frozen=True)
class _Model:
    """What to build: an architecture of transformers with its configuration, and the builder's recipe."""

    kind: str
    config: Mapping[str, object]
    precision: str = "int4"
    options: Mapping[str, str] = field(default_factory=dict)


def _config(vocabulary: int, hidden: int, inner: int, layers: int, heads: tuple[int, int, int]) -> dict[str, object]:
    """Return a configuration; heads are those of queries, those of keys, and their length."""
    return {
        "vocab_size": vocabulary,
        "hidden_size": hidden,
        "intermediate_size": inner,
        "num_hidden_layers": layers,
        "num_attention_heads": heads[0],
        "num_key_value_heads": heads[1],
        "head_dim": heads[2],
        "max_position_embeddings": _CONTEXT,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 2,
        "tie_word_embeddings": True,
    }


_SLIDING = {
    "sliding_window": 512,
    "layer_types": ["full_attention" if layer % 6 == 5 else "sliding_attention" for layer in range(26)],  # noqa: PLR2004 - every sixth
    "query_pre_attn_scalar": 256,
}
_QWEN3 = _Model("qwen3", _config(151936, 1024, 3072, 28, (16, 8, 128)))
_LLAMA = _Model("llama", _config(128256, 2048, 8192, 16, (32, 8, 64)))
_GEMMA3 = _Model("gemma3_text", _config(262144, 1152, 6912, 26, (4, 1, 256)) | _SLIDING)
_SMOLLM2 = _Model("llama", _config(49152, 960, 2560, 32, (15, 5, 64)))
_ALL_LOGITS = {"prune_lm_head": "false"}
MODELS: Mapping[str, _Model] = {
    "qwen3-0.6b-int4": _QWEN3,
    "qwen3-0.6b-int4-all-logits": replace(_QWEN3, options=_ALL_LOGITS),
    "qwen3-0.6b-int8": replace(_QWEN3, precision="int8"),
    "qwen3-0.6b-fp16": replace(_QWEN3, precision="fp16"),
    "qwen3-0.6b-fp32": replace(_QWEN3, precision="fp32"),
    "llama-3.2-1b-int4": _LLAMA,
    "gemma-3-1b-int4": _GEMMA3,
    "gemma-3-1b-int4-all-logits": replace(_GEMMA3, options=_ALL_LOGITS),
    "smollm2-360m-int4": _SMOLLM2,
    "smollm2-360m-int8": replace(_SMOLLM2, precision="int8"),
}


def make(model: _Model, output: Path) -> None:
    """Build one model; it takes some gigabytes of memory and about a minute."""
    import torch  # noqa: PLC0415 - only in the environment for conversions
    from transformers import AutoConfig, AutoModelForCausalLM  # noqa: PLC0415 - likewise

    torch.manual_seed(0)
    with tempfile.TemporaryDirectory(dir=output.parent) as scratch:
        folder = Path(scratch, "transformers")
        config = AutoConfig.for_model(model.kind, **model.config)
        AutoModelForCausalLM.from_config(config, dtype=torch.float32).save_pretrained(folder)
        _write_tokenizer(folder, int(str(model.config["vocab_size"])))
        recipe = work.Recipe(model.precision, {**work.OPTIONS, **model.options})
        made = Path(scratch, "made")
        work.export(folder, made, Path(scratch, "cache"), recipe)
        made.rename(output)


def _write_tokenizer(folder: Path, size: int) -> None:
    for name in ("tokenizer_config.json", "chat_template.jinja"):
        shutil.copyfile(_TWIN / name, folder / name)
    tokenizer = json.loads((_TWIN / "tokenizer.json").read_text(encoding="utf-8"))
    vocabulary, merges = tokenizer["model"]["vocab"], tokenizer["model"]["merges"]
    short = [token for token, number in vocabulary.items() if len(token) < _SHORT and number > 2 * 256]
    chance = random.Random(0)  # noqa: S311 - reproducible, nothing secret
    while len(vocabulary) < size:
        left, right = chance.choice(short), chance.choice(short)
        if left + right not in vocabulary:
            vocabulary[left + right] = len(vocabulary)
            merges.append([left, right])
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, default=Path.home() / ".cache" / "edgewise" / "random-onnx")
    parser.add_argument("names", nargs="*", default=list(MODELS))
    options = parser.parse_args()
    options.models.mkdir(parents=True, exist_ok=True)
    for name in options.names:
        if not (options.models / name).is_dir():
            make(MODELS[name], options.models / name)


if __name__ == "__main__":
    main()
