"""Makes tiny ONNX models with random weights, one per architecture or layout that the tests need.

`python -m scripts.zoo TRANSFORMERS TWIN OUTPUT`, in the environment for conversions: the starter model as a folder of
transformers and as ONNX. Each model has two layers and the first 1024 tokens of the starter's tokenizer, but for
`transformers-js`, which is the twin in the layout of transformers.js.
"""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import onnx
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from agent.convert import work
from scripts import zoo_answers

_VOCABULARY = 1024
_TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")
_BASE: Mapping[str, object] = {
    "vocab_size": _VOCABULARY,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "max_position_embeddings": 2048,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 2,
    "tie_word_embeddings": True,
    "initializer_range": 0.2,  # the usual 0.02 leaves all tokens of so small a model about equally likely
}


@dataclass(frozen=True)
class _Model:
    """One model of the zoo: what differs from the base, and how it is built."""

    kind: str = "llama"
    precision: str = "int4"
    config: Mapping[str, object] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    provider: str = ""


_AS_PUBLISHED = {"algo_config": "default"}  # all matrices as int4, as most published models
_SLIDING = {"sliding_window": 32, "layer_types": ["sliding_attention", "full_attention"], "query_pre_attn_scalar": 16}
_LONG_ROPE = {
    "rope_type": "longrope",
    "type": "longrope",
    "rope_theta": 10000.0,
    "original_max_position_embeddings": 512,
    "short_factor": [1.0] * 8,
    "long_factor": [4.0] * 8,
}
ZOO: Mapping[str, _Model] = {
    "llama-fp32": _Model(precision="fp32", options={"prune_lm_head": "false"}),
    "llama-fp16": _Model(precision="fp16"),
    "llama-int8": _Model(precision="int8"),
    "mha": _Model(precision="fp16", config={"num_key_value_heads": 4}, provider="cpu"),  # a cache that grows
    "qwen3": _Model("qwen3"),
    "gemma3": _Model("gemma3_text", config=_SLIDING),
    "gemma3-windowed": _Model("gemma3_text", config=_SLIDING, options={"windowed_kv_cache": "true"}),
    "phi3": _Model("phi3", config={"original_max_position_embeddings": 2048, "tie_word_embeddings": False}),
    "phi3-long": _Model(
        "phi3",
        config={
            "original_max_position_embeddings": 512,
            "rope_parameters": _LONG_ROPE,
            "tie_word_embeddings": False,
        },
    ),
    "lfm2": _Model("lfm2", config={"layer_types": ["conv", "full_attention"], "block_auto_adjust_ff_dim": False}),
}


def main() -> None:
    """Make all models."""
    starter, twin, output = map(Path, sys.argv[1:])
    for name, model in ZOO.items():
        print(name, flush=True)
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch, "transformers")
            _invent(model, folder)
            _cut_tokenizer(starter, folder)
            recipe = work.Recipe(model.precision, {**work.OPTIONS, **_AS_PUBLISHED, **model.options}, model.provider)
            work.export(folder, output / name, Path(scratch, "cache"), recipe)
            if name == "llama-fp32":
                shutil.copytree(folder, output / "safetensors")
            zoo_answers.write(output / name, output / name)
    _lay_out_for_transformers_js(starter, twin, output / "transformers-js")
    zoo_answers.write(twin, output / "transformers-js")


def _invent(model: _Model, folder: Path) -> None:
    torch.manual_seed(0)
    config = AutoConfig.for_model(model.kind, **{**_BASE, **model.config})
    AutoModelForCausalLM.from_config(config, dtype=torch.float32).save_pretrained(folder)


def _cut_tokenizer(source: Path, folder: Path) -> None:
    """Copy a tokenizer without what leads to tokens beyond the vocabulary of the zoo."""
    for name in _TOKENIZER:
        shutil.copyfile(source / name, folder / name)
    tokenizer = json.loads((source / "tokenizer.json").read_text(encoding="utf-8"))
    bpe = tokenizer["model"]
    bpe["vocab"] = {token: number for token, number in bpe["vocab"].items() if number < _VOCABULARY}
    bpe["merges"] = [[left, right] for left, right in bpe["merges"] if left + right in bpe["vocab"]]
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")


def _lay_out_for_transformers_js(starter: Path, twin: Path, folder: Path) -> None:
    """Arrange the twin as the repositories of transformers.js are: names, folders, and no genai_config.json."""
    (folder / "onnx").mkdir(parents=True)
    for name in ("config.json", "generation_config.json", *_TOKENIZER):
        shutil.copyfile(starter / name, folder / name)
    graph = onnx.load(twin / "model.onnx", load_external_data=False)
    for tensor in graph.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = "model_q4.onnx_data"
    onnx.save(graph, folder / "onnx" / "model_q4.onnx")
    os.link(twin / "model.onnx.data", folder / "onnx" / "model_q4.onnx_data")


if __name__ == "__main__":
    main()
