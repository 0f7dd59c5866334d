"""Reads and checks an ONNX file before any native code sees it."""

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from agent.errors import ModelFileError
from agent.gguf.reader import DOWNLOAD_AGAIN
from agent.onnx.external import DataFiles
from agent.onnx.graph import ELEMENT_TYPES, Attribute, Graph, Node, Value
from agent.onnx.tensors import TensorReader
from agent.onnx.wire import Field, WireFile
from agent.phrase import Phrase

MAX_NODES = 1 << 16
_NODE_BYTES = 256  # about what CPython needs for one, without its names
_SNIFF_BYTES = 64
_OTHER_FORMATS = {
    b"version https://git-lfs": "is a Git LFS pointer, not the model it points to",
    b"<": "is a web page, perhaps asking to log in or to accept a licence",
    b"PK\x03\x04": "is a zip archive",
    b"GGUF": "is in the format GGUF, not ONNX",
    b"\0\0\0\0": "starts with zeros, as a download that was never finished",
}
_MAX_NUMBERS = 1 << 16  # of one attribute
_MAX_VALUE = 1 << 12  # bytes of a text that is kept
_DOMAINS = {"", "ai.onnx", "ai.onnx.ml", "com.microsoft", "com.microsoft.nchwc"}
_ANOTHER_BUILD = "Choose a build of this model for plain ONNX Runtime."
_NAME_A_FOLDER = Phrase(
    "errors.name_a_folder", "Name the folder of an ONNX model; `edgewise models list` shows the installed models."
)
_CHECK_DISK = Phrase("errors.check_disk", "Check the permissions of the file, and the disk.")


def read_graph(path: Path) -> Graph:
    """Read and check an ONNX file, in time and memory that no content can inflate.

    Raises:
        ModelFileError: the file is missing, unreadable, no ONNX, truncated or malformed, it uses operators of unknown
            domains, or data beside it are missing, too short or outside of its folder.
    """
    with opened(path) as wire:
        _refuse_other_formats(wire)
        reader = _Reader(wire, DataFiles(wire, path.parent))
        reader.read_model()
        return reader.graph()


def _refuse_other_formats(wire: WireFile) -> None:
    start = wire.start(_SNIFF_BYTES).lstrip()
    for prefix, sentence in _OTHER_FORMATS.items():
        if start.startswith(prefix):
            raise wire.error("format", f"the file {sentence}")


@contextmanager
def opened(path: Path) -> Iterator[WireFile]:
    """Open a file for reading; what the system says against it is raised as `ModelFileError`."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            message = Phrase("errors.not_regular", "{path} is not a regular file.", path=path)
            raise ModelFileError(message, field="file", hint=_NAME_A_FOLDER)
        if status.st_size == 0:
            message = Phrase("errors.model_file_empty", "{path} is empty.", path=path)
            raise ModelFileError(message, field="file", hint=DOWNLOAD_AGAIN)
        with path.open("rb") as file:
            yield WireFile(file, name=path.name, size=status.st_size)
    except FileNotFoundError as error:
        message = Phrase("errors.no_such_file", "{path} does not exist.", path=path)
        raise ModelFileError(message, field="file", hint=_NAME_A_FOLDER) from error
    except OSError as error:
        message = Phrase("errors.file_unreadable", "{path} cannot be read: {reason}.", path=path, reason=error.strerror)
        raise ModelFileError(message, field="file", hint=_CHECK_DISK) from error


@dataclass(slots=True)
class _Reader:
    """Collects what the messages of one file say."""

    wire: WireFile
    files: DataFiles
    tensors: TensorReader = field(init=False)
    producer: str = ""
    opsets: dict[str, int] = field(default_factory=dict)
    inputs: list[Value] = field(default_factory=list)
    outputs: list[Value] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    functions: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.tensors = TensorReader(self.wire, self.files)

    def graph(self) -> Graph:
        """Return all that was read."""
        for node in self.nodes:
            if node.domain not in _DOMAINS | self.functions:
                problem = f"{node.operator} is an operator of {node.domain!r}, which is not known here"
                raise self.wire.error("domain", problem, hint=_ANOTHER_BUILD)
        named = self.tensors.found
        return Graph(
            producer=self.producer,
            opsets=self.opsets,
            inputs=tuple(value for value in self.inputs if value.name not in named),
            outputs=tuple(self.outputs),
            nodes=tuple(self.nodes),
            tensors=named,
            files=self.files.sizes,
            bytes=self.wire.size,
        )

    def read_model(self) -> None:
        """Read the outermost message."""
        graphs = 0
        for entry in self.wire.fields(0, self.wire.size, "the model", 0):
            match entry.number:
                case 2:
                    self.producer = self.wire.text(entry, "producer_name")
                case 7:
                    graphs += 1
                    self._graph(self.wire.message(entry, "the graph", 0), 1, outer=True)
                case 8:
                    self._opset(self.wire.message(entry, "opset_import", 0))
                case 20:
                    raise self.wire.error("training_info", "the file is made for training", hint=_ANOTHER_BUILD)
                case 25:
                    self._function(self.wire.message(entry, "a function", 0), 1)
        if graphs != 1:
            raise self.wire.error("graph", f"the file holds {graphs} graphs instead of one")

    def _graph(self, message: Iterator[Field], depth: int, *, outer: bool) -> None:
        for entry in message:
            match entry.number:
                case 1:
                    self._node(self.wire.message(entry, "a node", depth), depth + 1)
                case 5:
                    self.tensors.read(self.wire.message(entry, "a tensor", depth), depth + 1)
                case 11 | 12 if outer:
                    values = self.inputs if entry.number == 11 else self.outputs  # noqa: PLR2004 - a field's number
                    values.append(self._value(self.wire.message(entry, "a value", depth), depth + 1))
                case 15:
                    self._sparse(self.wire.message(entry, "a sparse tensor", depth), depth + 1)

    def _node(self, message: Iterator[Field], depth: int) -> None:
        inputs: list[str] = []
        outputs: list[str] = []
        texts = {3: "", 4: "", 7: ""}
        attributes: dict[str, Attribute] = {}
        for entry in message:
            match entry.number:
                case 1:
                    inputs.append(self.wire.text(entry, "node.input"))
                case 2:
                    outputs.append(self.wire.text(entry, "node.output"))
                case 3 | 4 | 7:
                    texts[entry.number] = self.wire.text(entry, "a node's name")
                case 5:
                    name, value = self._attribute(self.wire.message(entry, "an attribute", depth), depth + 1, outputs)
                    if value is not None:
                        attributes[name] = value
        if len(self.nodes) >= MAX_NODES:
            raise self.wire.error("node", f"the graph has more than {MAX_NODES} operations")
        self.wire.keep(_NODE_BYTES, "a node")
        node = Node(texts[4], texts[7], texts[3], tuple(inputs), tuple(outputs), attributes)
        self._check_context(node)
        self.nodes.append(node)

    def _attribute(self, message: Iterator[Field], depth: int, outputs: list[str]) -> tuple[str, Attribute | None]:
        name = ""
        value: Attribute | None = None
        numbers: list[int] = []
        for entry in message:
            match entry.number:
                case 1:
                    name = self.wire.text(entry, "attribute.name")
                case 2:
                    value = self.wire.decimal(entry, name)
                case 3:
                    value = self.wire.number(entry, name)
                case 4:
                    value = self._short_text(entry, name)
                case 8:
                    numbers += self.wire.numbers(entry, name, limit=_MAX_NUMBERS)
                case _:
                    self._inner(entry, depth, outputs)
        return name, tuple(numbers) if numbers and value is None else value

    def _inner(self, entry: Field, depth: int, outputs: list[str]) -> None:
        """Read a tensor or a graph inside of an attribute; one tensor alone is what a constant gives."""
        match entry.number:
            case 5 | 10:
                constant = outputs[0] if entry.number == 5 and outputs else ""  # noqa: PLR2004 - a field's number
                self.tensors.read(self.wire.message(entry, "a constant", depth), depth + 1, constant)
            case 6 | 11:
                self._graph(self.wire.message(entry, "an inner graph", depth), depth + 1, outer=False)
            case 22 | 23:
                self._sparse(self.wire.message(entry, "a sparse tensor", depth), depth + 1)

    def _short_text(self, entry: Field, name: str) -> str | None:
        """Return a text that is short and readable; compiled code for an accelerator may have many megabytes."""
        if entry.end - entry.value > _MAX_VALUE:
            return None
        try:
            return self.wire.data(entry, name, limit=_MAX_VALUE).decode()
        except UnicodeDecodeError:
            return None

    def _check_context(self, node: Node) -> None:
        """Check the file with compiled code that a node for an accelerator names."""
        code = node.attributes.get("ep_cache_context")
        if node.operator == "EPContext" and node.number("embed_mode", 1) == 0 and isinstance(code, str) and code:
            self.files.size(code, f"{node.name}.ep_cache_context")

    def _sparse(self, message: Iterator[Field], depth: int) -> None:
        for entry in message:
            if entry.number in {1, 2}:
                self.tensors.read(self.wire.message(entry, "a sparse tensor", depth), depth + 1)

    def _function(self, message: Iterator[Field], depth: int) -> None:
        for entry in message:
            match entry.number:
                case 7:
                    self._node(self.wire.message(entry, "a node", depth), depth + 1)
                case 10:
                    self.functions.add(self.wire.text(entry, "function.domain"))

    def _opset(self, message: Iterator[Field]) -> None:
        domain, version = "", 0
        for entry in message:
            match entry.number:
                case 1:
                    domain = self.wire.text(entry, "opset_import.domain")
                case 2:
                    version = self.wire.number(entry, "opset_import.version")
        self.opsets[domain] = version

    def _value(self, message: Iterator[Field], depth: int) -> Value:
        name, kind = "", 0
        shape: list[int | str] = []
        for entry in message:
            match entry.number:
                case 1:
                    name = self.wire.text(entry, "value.name")
                case 2:
                    for form in self.wire.message(entry, name, depth):
                        if form.number == 1:
                            kind = self._tensor_type(self.wire.message(form, name, depth + 1), name, depth + 2, shape)
        return Value(name, ELEMENT_TYPES.get(kind, ("", 0))[0], tuple(shape))

    def _tensor_type(self, message: Iterator[Field], name: str, depth: int, shape: list[int | str]) -> int:
        kind = 0
        for entry in message:
            match entry.number:
                case 1:
                    kind = self.wire.number(entry, name)
                case 2:
                    sizes = (size for size in self.wire.message(entry, name, depth) if size.number == 1)
                    shape += [self._dimension(self.wire.message(size, name, depth + 1), name) for size in sizes]
        return kind

    def _dimension(self, message: Iterator[Field], name: str) -> int | str:
        size: int | str = ""
        for entry in message:
            match entry.number:
                case 1:
                    size = self.wire.number(entry, name)
                case 2:
                    size = self.wire.text(entry, name)
        return size
