"""What is installed, whether it is whole, and what was set aside."""

from collections.abc import Iterator

from agent.cli.doctor.case import Case
from agent.cli.doctor.finding import Finding, bad, ok, warn
from agent.errors import EdgewiseError
from agent.gguf import read_header
from agent.inference.set_aside import SetAside
from agent.models import ModelStore
from agent.onnx import is_onnx, read_folder
from agent.units import format_bytes


def look(case: Case) -> Iterator[Finding]:
    """Yield each installed model, downloads that have not ended, and what has crashed."""
    case.enter()
    store = ModelStore(case.config.models_dir)
    models = store.installed()
    for model in models:
        try:
            path = store.path(model)
            read_folder(path) if is_onnx(path) else read_header(path)
        except EdgewiseError as error:
            yield bad("model-damaged", error.message, error.hint or f"edgewise models rm {model.name}")
        else:
            yield ok(f"model {model.name}, {model.quantization}, {format_bytes(model.bytes)}")
    for rest in store.unfinished():
        advice = f"go on with `edgewise models pull`, or `edgewise models rm {rest.name}`"
        yield warn("model-unfinished", f"{rest.name} is not complete", advice)
    if not models and not case.config.model:
        yield ok("no model is installed", "`edgewise run` installs the starter model by itself")
    yield from _set_aside(case)


def _set_aside(case: Case) -> Iterator[Finding]:
    for verdict in SetAside(case.config.state_dir / "set-aside.json").all():
        what = f"{verdict.model.split()[0]} with {verdict.build}: {verdict.reason} ({verdict.since})"
        if verdict.aside:
            advice = "`edgewise models verify` its file; a repaired file or a new build is tried again"
            yield bad("set-aside", what, advice)
        else:
            yield ok(what)
