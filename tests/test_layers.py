"""The direction of imports and the few places where side effects are allowed."""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("agent", "web", "scripts", "benchmarks", "tests")
FILES = {path.relative_to(ROOT).as_posix(): path for name in FOLDERS for path in (ROOT / name).rglob("*.py")}
PRODUCT = [name for name in FILES if name.startswith(("agent/", "web/"))]
MODULES = {name.removesuffix(".py").removesuffix("/__init__").replace("/", "."): name for name in FILES}
FORMATS = {module for module in MODULES if module.startswith(("agent.gguf", "agent.onnx"))}
BOTTOM = {"agent", "agent.errors", "agent.phrase", "agent.units"} | FORMATS
CLI = "agent/cli/"
WORKER = "agent/inference/worker.py"


@cache
def tree(name: str) -> ast.Module:
    return ast.parse(FILES[name].read_text(encoding="utf-8"))


def imported(node: ast.AST) -> Iterator[str]:
    """Yield what a node imports: the submodule where there is one of that name, else the module."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        for alias in node.names:
            submodule = f"{node.module}.{alias.name}"
            yield submodule if submodule in MODULES else node.module


@cache
def all_imports(name: str) -> frozenset[str]:
    return frozenset(module for node in ast.walk(tree(name)) for module in imported(node))


@cache
def all_names(name: str) -> frozenset[str]:
    """Return the names that a file uses: `print`, `sys.exit`."""
    found = set()
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            found.add(f"{node.value.id}.{node.attr}")
    return frozenset(found)


def offenders(forbidden: tuple[str, ...], within: tuple[str, ...], but: tuple[str, ...] = ()) -> list[str]:
    """Return who, in these folders, imports a forbidden module or something below it."""
    return [
        f"{name} imports {module}"
        for name in PRODUCT
        if name.startswith(within) and not name.startswith(but or ("-",))
        for module in all_imports(name)
        if any(module == top or module.startswith(top + ".") for top in forbidden)
    ]


def users(*expressions: str) -> set[str]:
    """Return the product's files in which one of these names is used."""
    return {name for name in PRODUCT if all_names(name) & set(expressions)}


def test_only_the_command_line_imports_web() -> None:
    assert not offenders(("web",), within=("agent/",), but=(CLI,))


def test_nothing_imports_the_command_line() -> None:
    assert not offenders(("agent.cli",), within=("agent/", "web/"), but=(CLI,))


def test_engines_know_only_what_is_below_them() -> None:
    above = ("agent.inference", "agent.node", "agent.models", "agent.config", "web")
    assert not offenders(above, within=("agent/engines/",))


def test_pages_and_apis_never_reach_an_engine() -> None:
    engines = tuple(module for module in MODULES if module.startswith("agent.engines."))
    assert engines
    assert not offenders((*engines, "llama_cpp"), within=("web/",))


def test_only_the_llama_cpp_engine_imports_llama_cpp() -> None:
    assert not offenders(("llama_cpp",), within=("agent/", "web/"), but=("agent/engines/llama_cpp",))


def test_only_the_link_to_the_broker_imports_paho() -> None:
    assert not offenders(("paho",), within=("agent/", "web/"), but=("agent/telemetry/link/",))


def test_only_discovery_imports_zeroconf() -> None:
    assert not offenders(("zeroconf", "ifaddr"), within=("agent/", "web/"), but=("agent/discovery/",))


@pytest.mark.parametrize("module", sorted(BOTTOM))
def test_the_bottom_imports_only_the_standard_library_and_the_bottom(module: str) -> None:
    others = {other for other in all_imports(MODULES[module]) if other.split(".")[0] not in sys.stdlib_module_names}
    assert others <= BOTTOM


def test_only_the_command_line_prints() -> None:
    assert all(name.startswith(CLI) for name in users("print", "sys.stdout", "sys.stderr"))


def test_only_the_command_line_and_the_end_of_the_worker_exit() -> None:
    ends = users("sys.exit", "os._exit", "exit", "quit", "SystemExit")
    assert all(name.startswith(CLI) or name == WORKER for name in ends)


def test_only_the_configuration_reads_the_environment() -> None:
    assert users("os.environ", "os.environb", "os.getenv") <= {"agent/config.py"}
    assert not [name for name in PRODUCT for node in ast.walk(tree(name)) if _takes_environ(node)]


def _takes_environ(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.ImportFrom)
        and node.module == "os"
        and bool({alias.name for alias in node.names} & {"environ", "environb", "getenv"})
    )


def test_modules_import_each_other_in_one_direction() -> None:
    graph = {
        module: {other for node in tree(name).body for other in imported(node) if other in MODULES}
        for module, name in MODULES.items()
    }
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the cycle


def test_no_file_is_longer_than_300_lines() -> None:
    long = {name: lines for name, path in FILES.items() if (lines := len(path.read_text().splitlines())) > 300}
    assert not long


def test_every_file_is_named_after_what_it_holds() -> None:
    assert not [name for name in FILES if Path(name).stem in {"utils", "util", "common", "helpers", "misc"}]
