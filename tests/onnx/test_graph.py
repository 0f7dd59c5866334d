"""What an ONNX file says is read; what could harm is refused, with the place that is wrong."""

from pathlib import Path

import pytest

from agent.errors import ModelFileError
from agent.onnx import Place, read_graph
from tests.onnx_files import F32, TOKENS, WIDTH, Outside, decoder, model, node, number, piece, tensor, value

DATA = 4 * TOKENS * WIDTH


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "model.onnx.data").write_bytes(bytes(DATA))
    return tmp_path / "model.onnx"


def refusal(path: Path, content: bytes) -> ModelFileError:
    path.write_bytes(content)
    with pytest.raises(ModelFileError) as caught:
        read_graph(path)
    assert path.name in caught.value.message
    return caught.value


def test_all_of_a_graph_is_read(path: Path) -> None:
    path.write_bytes(model(decoder(place=Outside())))
    graph = read_graph(path)
    assert (graph.producer, graph.opsets) == ("tests", {"": 21})
    assert [one.name for one in graph.inputs[:2]] == ["input_ids", "attention_mask"]
    assert graph.inputs[2].shape == ("batch", 2, "past", 8)
    assert (graph.outputs[0].name, graph.outputs[0].type, graph.outputs[0].shape[2]) == ("logits", "f32", TOKENS)
    assert graph.tensors["table"].external == Place("model.onnx.data", 0, DATA)
    assert (graph.tensors["head"].type, graph.tensors["head"].bytes) == ("u8", TOKENS * WIDTH // 2)
    assert graph.nodes[4].attributes == {"K": WIDTH, "N": TOKENS, "bits": 4, "block_size": 16}
    assert graph.files == {"model.onnx.data": DATA}


def test_an_input_that_only_names_a_tensor_is_none(path: Path) -> None:
    path.write_bytes(model(decoder(extra=piece(11, value("q", (WIDTH, WIDTH))))))
    assert "q" not in [one.name for one in read_graph(path).inputs]


def test_graphs_inside_of_others_count(path: Path) -> None:
    inner = piece(1, node("Identity", ["hidden"], ["out"])) + piece(5, tensor("hidden", (3,)))
    branch = piece(5, piece(1, "then_branch") + piece(6, inner))
    path.write_bytes(model(decoder(extra=piece(1, node("If", ["yes"], ["out"], extra=branch)))))
    graph = read_graph(path)
    assert "hidden" in graph.tensors
    assert "Identity" in {one.operator for one in graph.nodes}


def test_a_constant_is_a_tensor_named_as_what_it_gives(path: Path) -> None:
    constant = piece(5, piece(1, "value") + piece(5, tensor("", (5,))))
    path.write_bytes(model(decoder(extra=piece(1, node("Constant", [], ["five"], extra=constant)))))
    assert read_graph(path).tensors["five"].shape == (5,)


@pytest.mark.parametrize(
    "location", ["../secret", "/etc/passwd", "a/../../b", "", ".", "C:\\secret", "..\\secret", "a\0b", "x" * 600]
)
def test_data_outside_of_the_folder_are_refused(path: Path, location: str) -> None:
    error = refusal(path, model(decoder(place=Outside(location))))
    assert "no file of the model's folder" in error.message
    assert error.field == "table.location"


def test_an_address_in_memory_is_refused(path: Path) -> None:
    (path.parent / "*" / "_ORT_MEM_ADDR_").mkdir(parents=True)
    (path.parent / "*" / "_ORT_MEM_ADDR_" / "*").write_bytes(bytes(DATA))
    assert "no file" in refusal(path, model(decoder(place=Outside("*/_ORT_MEM_ADDR_/*")))).message


@pytest.mark.parametrize("inner", [False, True], ids=["file", "folder"])
def test_a_link_out_of_the_folder_is_refused(path: Path, *, inner: bool) -> None:
    outside = path.parent.parent / f"outside-{path.parent.name}"
    outside.mkdir()
    (outside / "data").write_bytes(bytes(DATA))
    (path.parent / "link").symlink_to(outside if inner else outside / "data")
    error = refusal(path, model(decoder(place=Outside("link/data" if inner else "link"))))
    assert "is a link to a place outside" in error.message


def test_a_link_inside_of_the_folder_is_followed(path: Path) -> None:
    (path.parent / "link").symlink_to("model.onnx.data")
    path.write_bytes(model(decoder(place=Outside("link"))))
    assert read_graph(path).files == {"link": DATA}


@pytest.mark.parametrize(
    ("place", "problem"),
    [
        (Outside("other.data"), "is missing"),
        (Outside(offset="1"), "which has only"),
        (Outside(offset="-1"), "impossible offset"),
        (Outside(offset="9" * 30), "impossible offset"),
        (Outside(length="4"), "it needs"),
    ],
)
def test_data_that_are_not_where_they_should_be_are_refused(path: Path, place: Outside, problem: str) -> None:
    assert problem in refusal(path, model(decoder(place=place))).message


def test_a_folder_is_no_data(path: Path) -> None:
    (path.parent / "folder").mkdir()
    assert "not a regular file" in refusal(path, model(decoder(place=Outside("folder")))).message


def test_data_of_constants_are_checked_too(path: Path) -> None:
    constant = piece(5, piece(1, "value") + piece(5, tensor("", (5,), place=Outside("/etc/passwd"))))
    content = model(decoder(extra=piece(1, node("Constant", [], ["five"], extra=constant))))
    assert "no file of the model's folder" in refusal(path, content).message


def test_code_for_an_accelerator_lies_in_the_folder(path: Path) -> None:
    text = piece(5, piece(1, "ep_cache_context") + piece(4, "../context.bin"))
    extra = node("EPContext", [], ["x"], domain="com.microsoft", attributes={"embed_mode": 0}, extra=text)
    assert "no file of the model's folder" in refusal(path, model(decoder(extra=piece(1, extra)))).message


@pytest.mark.parametrize("domain", ["com.evil", "ai.onnx.contrib", "ai.onnx.preview.training"])
def test_operators_of_unknown_domains_are_refused_by_name(path: Path, domain: str) -> None:
    error = refusal(path, model(decoder(extra=piece(1, node("Evil", [], [], domain=domain)))))
    assert domain in error.message
    assert error.field == "domain"


def test_a_function_of_the_file_itself_is_known(path: Path) -> None:
    function = piece(1, "f") + piece(7, node("Add", ["a", "b"], ["c"])) + piece(10, "pkg.torch")
    path.write_bytes(model(decoder(extra=piece(1, node("f", [], [], domain="pkg.torch"))), extra=piece(25, function)))
    assert "Add" in {one.operator for one in read_graph(path).nodes}


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (tensor("t", (4,), place=bytes(15)), "it needs 16"),
        (number(1, 4000) + number(2, F32) + piece(8, "t"), "has no data"),
        (tensor("t", (4,), kind=99), "element type 99"),
        (number(1, -1) + number(2, F32) + piece(8, "t"), "impossible shape"),
        (number(1, 1 << 40) * 2 + number(2, F32) + piece(8, "t"), "impossible shape"),
        (number(1, 1) * 9 + number(2, F32) + piece(8, "t") + piece(9, bytes(4)), "impossible shape"),
        (tensor("t", (4,)) + piece(13, piece(1, "location") + piece(2, "x")), "without saying"),
        (tensor("t", (4,), place=Outside()) + piece(13, piece(1, "location") + piece(2, "x")), "twice"),
    ],
)
def test_tensors_that_lie_are_refused(path: Path, wrong: bytes, problem: str) -> None:
    assert problem in refusal(path, model(decoder(extra=piece(5, wrong)))).message


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (piece(2, "nothing"), "0 graphs"),
        (model(decoder()) + piece(7, decoder()), "2 graphs"),
        (model(decoder(), extra=piece(20, b"")), "training"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        (b"GGUF" + bytes(100), "not ONNX"),
        (b"\x0b", "unknown kind"),
        (b"\x08" + b"\xff" * 11, "more than ten bytes"),
        (piece(7, b"\x80"), "inside a number"),
        (b"\x3a\xff\xff\xff\xff\x7f", "the file ends"),
        (b"\x00\x01", "impossible number"),
    ],
)
def test_what_is_no_model_is_refused(path: Path, content: bytes, problem: str) -> None:
    assert problem in refusal(path, content).message


def test_a_message_cannot_reach_beyond_the_one_around_it(path: Path) -> None:
    inner = piece(1, node("Add", ["a"], ["b"]))
    content = b"\x3a" + bytes([len(inner) - 1]) + inner + bytes(50)
    assert "but one of its fields at byte" in refusal(path, content).message


def test_graphs_inside_of_each_other_have_an_end(path: Path) -> None:
    graph = b""
    for _ in range(40):
        graph = piece(1, node("If", [], [], extra=piece(5, piece(1, "then_branch") + piece(6, graph))))
    assert "deeper than" in refusal(path, model(graph)).message


@pytest.mark.parametrize("name", ["missing.onnx", "folder.onnx", "empty.onnx"])
def test_what_cannot_be_opened_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.onnx").mkdir()
    (tmp_path / "empty.onnx").touch()
    with pytest.raises(ModelFileError, match=name) as caught:
        read_graph(tmp_path / name)
    assert caught.value.hint
