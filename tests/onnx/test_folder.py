"""A folder is a model when everything is there that turns a text into an answer; else it is said what is missing."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.errors import ModelFileError
from agent.onnx import read_folder
from tests.onnx_files import (
    HEADS,
    SIZE,
    TEMPLATE,
    TOKENS,
    U8,
    WIDTH,
    Outside,
    decoder,
    genai_config,
    model,
    node,
    number,
    piece,
    value,
    write_genai,
    write_transformers_js,
)


@pytest.fixture
def genai(tmp_path: Path) -> Path:
    return write_genai(tmp_path / "tiny")


@pytest.fixture
def web(tmp_path: Path) -> Path:
    return write_transformers_js(tmp_path / "tiny", "_q4", "_q4f16", "_int8", "")


def refusal(path: Path) -> ModelFileError:
    with pytest.raises(ModelFileError) as caught:
        read_folder(path)
    assert caught.value.hint
    return caught.value


def change(folder: Path, edit: Callable[[dict[str, Any]], object]) -> Path:
    """Change what `genai_config.json` says."""
    config = json.loads((folder / "genai_config.json").read_text())
    edit(config)
    (folder / "genai_config.json").write_text(json.dumps(config))
    return folder


def test_all_of_a_genai_folder_is_read(genai: Path) -> None:
    found = read_folder(genai)
    assert (found.layout, found.architecture, found.context_length, found.vocabulary) == ("genai", "llama", 256, TOKENS)
    assert (found.layers, found.heads, found.kv_heads, found.head_size) == (1, HEADS, HEADS, SIZE)
    assert (found.hidden, found.intermediate) == (WIDTH, 4 * WIDTH)
    assert (found.bos, found.eos, found.pad) == (1, (2, 3), 2)
    assert (found.bos_text, found.eos_text, found.adds_bos, found.chat_template) == ("<s>", "</s>", True, TEMPLATE)
    assert (found.runner, found.reason, found.cache, found.names.position_ids) == ("loop", "", "shared", "")
    assert found.quantization == "fp32"
    assert found.bytes == sum((genai / name).stat().st_size for name in found.files)
    assert set(found.files) == {path.name for path in genai.iterdir()}


@pytest.mark.parametrize("name", ["model.onnx", "genai_config.json"])
def test_a_file_of_the_folder_names_it_too(genai: Path, name: str) -> None:
    assert read_folder(genai / name) == read_folder(genai)


def test_all_of_a_transformers_js_folder_is_read(web: Path) -> None:
    found = read_folder(web)
    assert (found.layout, found.architecture, found.context_length) == ("transformers.js", "qwen3", 512)
    assert (found.cache, found.runner, found.eos, found.bos) == ("growing", "loop", (3, 2), 1)
    assert found.graph == web / "onnx/model_q4.onnx"
    assert "onnx/model_q4.onnx_data" in found.files
    assert not [name for name in found.files if "q4f16" in name]


def test_the_graph_that_is_named_is_taken(web: Path) -> None:
    found = read_folder(web / "onnx/model_int8.onnx")
    assert (found.root, found.graph.name) == (web, "model_int8.onnx")


def test_the_best_graph_for_a_processor_comes_first(tmp_path: Path) -> None:
    endings = ["_q4", "_q4f16", "_quantized", "_int8", "_uint8", "", "_fp16"]
    for best in range(len(endings)):
        folder = write_transformers_js(tmp_path / str(best), *endings[best:])
        assert read_folder(folder).graph.name == f"model{endings[best]}.onnx"


def test_a_template_may_lie_in_a_file_of_its_own_or_be_one_of_several(genai: Path) -> None:
    several = [{"name": "tools", "template": "T"}, {"name": "default", "template": "D"}]
    (genai / "tokenizer_config.json").write_text(json.dumps({"chat_template": several}))
    assert read_folder(genai).chat_template == "D"
    (genai / "chat_template.jinja").write_text("J")
    assert read_folder(genai).chat_template == "J"
    (genai / "chat_template.jinja").unlink()
    (genai / "tokenizer_config.json").unlink()
    assert read_folder(genai).chat_template is None


@pytest.mark.parametrize(
    ("says", "adds"), [({"add_bos_token": False}, False), ({"add_bos_token": True}, True), ({}, True)]
)
def test_the_tokenizers_own_word_on_the_first_token_counts(genai: Path, says: dict[str, bool], *, adds: bool) -> None:
    (genai / "tokenizer_config.json").write_text(json.dumps({"bos_token": "<s>", **says}))
    assert read_folder(genai).adds_bos is adds


def test_a_tokenizer_without_rules_adds_nothing(genai: Path) -> None:
    (genai / "tokenizer.json").write_text('{"post_processor": null, "model": {}}')
    assert read_folder(genai).adds_bos is False


@pytest.mark.parametrize("name", ["tokenizer.json", "model.onnx", "model.onnx.data"])
def test_a_file_that_is_missing_is_named(genai: Path, name: str) -> None:
    (genai / name).unlink()
    assert name in refusal(genai).message


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    assert "genai_config.json" in refusal(tmp_path).message
    (tmp_path / "model.bin").touch()
    assert "no .onnx file" in refusal(tmp_path / "model.bin").message


@pytest.mark.parametrize("sense", ["vision", "speech", "encoder", "embedding"])
def test_a_model_with_other_senses_is_refused(genai: Path, sense: str) -> None:
    change(genai, lambda config: config["model"].update({sense: {"filename": "x.onnx"}}))
    assert sense in refusal(genai).message


def test_a_model_that_writes_no_text_is_refused(tmp_path: Path) -> None:
    graph = piece(11, value("input_ids", ("b", "s"))) + piece(12, value("last_hidden_state", ("b", "s", 8)))
    error = refusal(write_genai(tmp_path / "bert", model(graph)))
    assert "takes input_ids and gives last_hidden_state" in error.message


def test_a_state_of_another_kind_is_for_genai(tmp_path: Path) -> None:
    graph = model(decoder(extra=piece(11, value("past.0.conv", ("b", 8)))))
    found = read_folder(write_genai(tmp_path / "lfm2", graph))
    assert found.runner == "genai"
    assert "past.0.conv" in found.reason


def test_where_genai_cannot_run_it_nobody_can(tmp_path: Path) -> None:
    folder = write_transformers_js(tmp_path / "lfm2")
    graph = model(decoder(place=Outside("model_q4.onnx_data"), extra=piece(11, value("past_conv.0", ("b", 8)))))
    (folder / "onnx/model_q4.onnx").write_bytes(graph)
    assert "past_conv.0" in refusal(folder).message


def test_a_pipeline_is_for_genai(genai: Path) -> None:
    stages = [{"embeddings": {"filename": "model.onnx"}}, {"head": {"filename": "model.onnx"}}]
    change(genai, lambda config: config["model"].update(decoder={"pipeline": stages, "num_hidden_layers": 1}))
    found = read_folder(genai)
    assert (found.runner, found.reason) == ("genai", "it is a pipeline of several graphs")


def test_paged_caches_are_for_genai(genai: Path) -> None:
    change(genai, lambda config: config.update(engine={"dynamic_batching": {"block_size": 256}}))
    assert read_folder(genai).runner == "genai"


def test_providers_and_compiled_code_are_told(tmp_path: Path) -> None:
    extra = piece(1, node("EPContext", [], ["x"], domain="com.microsoft"))
    config = genai_config(session_options={"provider_options": [{"QNN": {"backend_path": "QnnHtp.dll"}}]})
    found = read_folder(write_genai(tmp_path / "npu", model(decoder(extra=extra)), config))
    assert (found.providers, found.compiled) == (("QNN",), True)


@pytest.mark.parametrize("library", ["evil.so", "evil.dll", "lib/evil.so.1", "/usr/lib/evil.dylib", "Evil.DLL"])
def test_settings_never_load_native_code(genai: Path, library: str) -> None:
    options = {"custom_ops_library": library}
    change(genai, lambda config: config["model"]["decoder"].update(session_options=options))
    assert "native code" in refusal(genai).message


@pytest.mark.parametrize("name", ["../model.onnx", "/model.onnx", "missing.onnx", ""])
def test_a_graph_elsewhere_is_refused(genai: Path, name: str) -> None:
    (genai.parent / "model.onnx").write_bytes((genai / "model.onnx").read_bytes())
    change(genai, lambda config: config["model"]["decoder"].update(filename=name))
    refusal(genai)


def test_a_graph_that_is_a_link_out_of_the_folder_is_refused(genai: Path) -> None:
    (genai / "model.onnx").rename(genai.parent / "model.onnx")
    (genai / "model.onnx").symlink_to(genai.parent / "model.onnx")
    assert "link" in refusal(genai).message


@pytest.mark.parametrize(
    ("key", "wrong"), [("context_length", 1 << 25), ("context_length", "many"), ("vocab_size", -1)]
)
def test_absurd_numbers_are_refused(tmp_path: Path, key: str, wrong: object) -> None:
    told, untold = (piece(12, value("logits", ("batch", "new", size))) for size in (TOKENS, "vocabulary"))
    folder = write_genai(tmp_path / "tiny", model(decoder(place=Outside()).replace(told, untold)))
    change(folder, lambda config: config["model"].update({key: wrong}))
    assert key in refusal(folder).field


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, '{"a": ' + "1" * 5000 + "}", "\xff"])
def test_settings_that_are_no_json_object_are_refused(genai: Path, text: str) -> None:
    (genai / "genai_config.json").write_bytes(text.encode("latin-1"))
    refusal(genai)


def test_the_twin_is_what_its_maker_says(twin: Path) -> None:
    found = read_folder(twin)
    assert (found.architecture, found.layers, found.heads, found.kv_heads, found.head_size) == ("llama", 30, 9, 3, 64)
    assert (found.hidden, found.intermediate, found.vocabulary, found.context_length) == (576, 1536, 49152, 8192)
    assert (found.parameter_count, found.quantization) == (134_515_008, "int4")
    assert (found.runner, found.cache, found.eos, found.adds_bos) == ("loop", "shared", (2,), False)


def test_a_context_that_is_not_told_is_unknown(genai: Path) -> None:
    change(genai, lambda config: config["model"].pop("context_length"))
    assert read_folder(genai).context_length == 0


def test_a_second_value_of_a_cache_must_not_be_missing(tmp_path: Path) -> None:
    graph = model(decoder(extra=piece(11, value("past_key_values.1.key", ("b", 2, "p", 8)))) + number(99, 1))
    found = read_folder(write_genai(tmp_path / "odd", graph))
    assert found.runner == "genai"
    assert "not every layer" in found.reason


def test_weights_without_a_graph_are_to_be_converted(onnx_zoo: Path) -> None:
    error = refusal(onnx_zoo / "safetensors")
    assert "safetensors" in error.message
    assert "edgewise convert" in error.hint


def test_caches_that_are_no_plain_numbers_are_for_genai(tmp_path: Path) -> None:
    past = ("batch", HEADS, "past", SIZE)
    graph = decoder(place=Outside())
    for name in ("key", "value"):
        graph = graph.replace(
            piece(11, value(f"past_key_values.0.{name}", past)), piece(11, value(f"past_key_values.0.{name}", past, U8))
        )
    found = read_folder(write_genai(tmp_path / "packed", model(graph)))
    assert (found.runner, found.reason) == ("genai", "it keeps keys and values as u8")


def test_an_endless_template_is_refused(genai: Path) -> None:
    (genai / "tokenizer_config.json").write_text(json.dumps({"chat_template": "x" * (1 << 20) + "y"}))
    assert refusal(genai).field == "chat_template"
