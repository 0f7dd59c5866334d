"""The conversion itself. Imports nothing of Edgewise: it runs in whatever environment has torch.

`python work.py SOURCE OUTPUT --precision int4 --scratch FOLDER --report FD` writes what happens as lines of JSON to
the file descriptor: `{"stage": "reading"}`, and `{"error": KIND, "detail": TEXT}` before it ends with status 1.
"""

import argparse
import contextlib
import gc
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from gguf import GGUFReader
from onnxruntime_genai.models import builder
from tokenizers import Regex, pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
from transformers.integrations.gguf.gguf_tokenizer_mapping import GGUF_PRE_TOKENIZER_SPLITS

OPTIONS: Mapping[str, str] = {
    "hf_token": "false",
    "accuracy_level": "4",  # activations as int8: the fast kernels
    "block_size": "32",
    "algo_config": "k_quant_mixed",  # the layers that matter most as int8: half the loss for 30 % more bytes
    "prune_lm_head": "true",  # logits of the last position only: else 300 MB for 512 tokens of Qwen's vocabulary
    "windowed_kv_cache": "false",  # a KV cache that forgets cannot begin another conversation again
    "fuse_qk_norm_gqa": "false",  # the processor has no kernel for it
}
_OF_QUANTIZED = {"accuracy_level", "block_size"}
_OF_INT4 = {"algo_config"}
_TRAVELS = ("LICENSE*", "LICENCE*", "NOTICE*", "USE_POLICY*", "README.md")
# llama.cpp, src/llama-vocab.cpp: the names of `tokenizer.ggml.pre` that transformers has no entry for.
_DIGITS_APART = {"smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b"}
_AS_GPT_2 = {"gpt-2", "phi-2", "mpt", "olmo", "gigachat", "mellum", "exaone4", "trillion"}


@dataclass(frozen=True)
class Recipe:
    """How a model is built: int4, int8, fp16 or fp32, the builder's options, and another processor than usual."""

    precision: str
    options: Mapping[str, str] = field(default_factory=lambda: OPTIONS)
    provider: str = ""


Tell = Callable[[dict[str, str]], None]


class _Unusable(Exception):
    """The source cannot be converted: a kind that the caller has a sentence for, and the detail."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind = kind
        self.detail = detail


def main() -> None:
    """Convert as the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("source", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--precision", default="int4")
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument("--tool", choices=["builder", "olive"], default="builder")
    parser.add_argument("--option", action="append", default=[], metavar="KEY=VALUE", help="of the builder")
    parser.add_argument("--report", type=int, default=1, metavar="FD")
    options = parser.parse_args()
    recipe = Recipe(options.precision, {**OPTIONS, **dict(pair.split("=", 1) for pair in options.option)})
    pipe = os.fdopen(options.report, "w", encoding="utf-8", buffering=1, closefd=False)  # stdout is still to be flushed
    with pipe, _reported(_writer(pipe.write)) as tell:
        tell({"stage": "reading"})
        folder = options.source
        if folder.is_file():
            folder = options.scratch / "transformers"
            unpack_gguf(options.source, folder)
        tell({"stage": "building"})
        build = export_with_olive if options.tool == "olive" else export
        build(folder, options.output, options.scratch / "cache", recipe)
        _copy_along(folder, options.output)


def _copy_along(folder: Path, output: Path) -> None:
    for pattern in _TRAVELS:
        for file in folder.glob(pattern):
            shutil.copyfile(file, output / file.name)


def unpack_gguf(source: Path, folder: Path) -> None:
    """Write a GGUF file, its weights as float32, as a Hugging Face folder."""
    where = {"pretrained_model_name_or_path": str(source.parent), "gguf_file": source.name}
    try:
        tokenizer = AutoTokenizer.from_pretrained(**where)
        if _metadata(source, "tokenizer.ggml.model") == "gpt2":  # of the others, the vocabulary says it all
            _split_texts_as_llama_cpp(tokenizer, _metadata(source, "tokenizer.ggml.pre"))
    except (KeyError, NotImplementedError, ValueError) as error:
        raise _Unusable("tokenizer", str(error)) from error
    try:
        dequantize = GgufConfig(dequantize=True)
        model = AutoModelForCausalLM.from_pretrained(**where, dtype=torch.float32, quantization_config=dequantize)
    except (KeyError, NotImplementedError, ValueError) as error:
        raise _Unusable("architecture", str(error)) from error
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    if licence := _metadata(source, "general.license"):
        (folder / "README.md").write_text(f"---\nlicense: {licence}\n---\n", encoding="utf-8")
    del model
    gc.collect()


def _metadata(source: Path, key: str) -> str:
    found = GGUFReader(source).get_field(key)
    return str(found.contents()) if found else ""


def _split_texts_as_llama_cpp(tokenizer: Any, kind: str) -> None:  # noqa: ANN401 - transformers has no types
    """Cut texts into words as the model has learned it; transformers knows some of the ways that llama.cpp knows.

    Raises:
        ValueError: neither knows this one, and the model would read other tokens than it should.
    """
    if kind in _DIGITS_APART:
        digits = pre_tokenizers.Split(Regex(r"\p{N}"), behavior="isolated")
        words = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
        tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, words])
    elif kind not in GGUF_PRE_TOKENIZER_SPLITS and kind not in _AS_GPT_2:
        raise ValueError(f"nothing here knows the pre-tokenizer {kind!r}")


def export(folder: Path, output: Path, cache: Path, recipe: Recipe) -> None:
    """Build the ONNX folder of a Hugging Face folder with the builder of onnxruntime-genai."""
    precision = recipe.precision
    # For fp16 on the processor the builder makes another graph, which fails in onnxruntime 1.31. That for CUDA runs.
    provider = recipe.provider or ("cuda" if precision == "fp16" else "cpu")
    unfit = set() if precision == "int4" else _OF_INT4 if precision == "int8" else _OF_INT4 | _OF_QUANTIZED
    chosen = [f"{key}={value}" for key, value in recipe.options.items() if key not in unfit]
    place = (None, str(folder), str(output), precision, provider, str(cache))
    try:
        details = builder.parse_extra_options(*place, chosen)
        _flatten_rope(details["hf_details"]["hf_config"])
        builder.create_model(*place, **details)
    except NotImplementedError as error:
        raise _Unusable("architecture", _buildable(folder)) from error
    _forget_provider(output / "genai_config.json")


def _buildable(folder: Path) -> str:
    """Return what the model is, and what the builder would take instead."""
    given = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("architectures", ["?"])[0]
    source = Path(builder.__file__).read_text(encoding="utf-8")
    known = sorted(set(re.findall(r'config\.architectures\[0\] == "(\w+)"', source)))
    return f"{given}; the builder knows {', '.join(known)}"


def export_with_olive(folder: Path, output: Path, cache: Path, recipe: Recipe) -> None:
    """Build it with a workflow of Olive: the same builder, as a pass to which users may add others of Olive."""
    options = {key: value for key, value in recipe.options.items() if key in {"hf_token", "prune_lm_head"}}
    build = {
        "type": "ModelBuilder",
        "precision": recipe.precision,
        "extra_options": options | {"int4_algo_config": recipe.options["algo_config"]},  # its name until genai 0.15
    }
    processor = {"device": "cpu", "execution_providers": ["CPUExecutionProvider"]}
    workflow = {
        "input_model": {"type": "HfModel", "model_path": str(folder)},
        "passes": {"build": build},
        "target": {"type": "LocalSystem", "accelerators": [processor]},
        "output_dir": str(output),
        "cache_dir": str(cache),
    }
    config = cache.with_name("olive.json")
    config.write_text(json.dumps(workflow), encoding="utf-8")
    command = [sys.executable, "-m", "olive", "run", "--config", str(config), "--disable_telemetry"]
    subprocess.run(command, check=True)  # noqa: S603 - our own interpreter
    _forget_provider(output / "genai_config.json")


def _forget_provider(path: Path) -> None:
    """Leave it to the device which processor computes."""
    config = json.loads(path.read_text(encoding="utf-8"))
    config["model"]["decoder"]["session_options"]["provider_options"] = []
    path.write_text(json.dumps(config, indent=4), encoding="utf-8")


def _flatten_rope(config: Any) -> None:  # noqa: ANN401 - a configuration of transformers, which has no types
    """Give the builder the rotary parameters of Gemma 3 in the form of transformers 4, the one that it reads."""
    kinds = getattr(config, "rope_parameters", None) or {}
    if config.model_type.startswith("gemma3") and "full_attention" in kinds:
        config.rope_local_base_freq = kinds["sliding_attention"]["rope_theta"]
        config.rope_parameters = kinds["full_attention"]


def _writer(write: Callable[[str], object]) -> Tell:
    return lambda message: (write(json.dumps(message) + "\n"), None)[1]


@contextlib.contextmanager
def _reported(tell: Tell) -> Iterator[Tell]:
    """Tell the caller, too, what goes wrong."""
    try:
        yield tell
    except _Unusable as error:
        tell({"error": error.kind, "detail": error.detail})
        raise
    except MemoryError as error:
        tell({"error": "memory", "detail": str(error)})
        raise
    except OSError as error:
        tell({"error": "file", "detail": str(error)})
        raise
    except Exception as error:
        tell({"error": "failed", "detail": f"{type(error).__name__}: {error}"})
        raise


if __name__ == "__main__":
    main()
