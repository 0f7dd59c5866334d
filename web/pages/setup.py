"""The setup after the claim: four short questions, which can be put off, resumed and gone through again."""

from collections.abc import Awaitable, Callable
from typing import Any, get_args

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from agent import pinned
from agent.device import SetupStep
from agent.errors import InputError, NotFoundError
from agent.node import Node
from agent.phrase import Phrase
from web.locale import LANGUAGES
from web.page import Form, PageRequest, page, translator
from web.setup_model import file_name, offered, reason


class _Again(Exception):
    """An answer cannot be; `text` says why, in the language of whoever has given it."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


STEPS = tuple(step for step in get_args(SetupStep) if step != "done")


@get("/setup", access="admin", sync_to_thread=False)
def resume_setup(node: NamedDependency[Node]) -> Redirect:
    """Go to where it was left, or to the beginning once it is done."""
    device = node.settings.device
    return Redirect(f"/setup/{STEPS[0] if device.setup_done else device.setup}", status_code=303)


@get("/setup/{step:str}", access="admin")
async def show_setup_step(request: PageRequest, node: NamedDependency[Node], step: FromPath[str]) -> Response[str]:
    """Show one of the questions."""
    if step not in STEPS:
        raise NotFoundError(Phrase("errors.no_step", "The setup has no step {step!r}.", step=step))
    return _show(request, node, step)


@post("/setup/{step:str}", access="admin")
async def answer_setup_step(
    request: PageRequest, node: NamedDependency[Node], step: FromPath[str], data: Form
) -> Response[str] | Redirect:
    """Keep an answer and go on to the next question; ask again when it cannot be."""
    if step not in _ANSWERS:
        raise NotFoundError(Phrase("errors.no_step", "The setup has no step {step!r}.", step=step))
    try:
        await _ANSWERS[step](request, node, data)
    except _Again as again:
        return _show(request, node, step, status=400, error=again.text, **data)
    following = (*STEPS, "done")[STEPS.index(step) + 1]
    if not node.settings.device.setup_done:
        await node.settings.change(setup=following)
    return Redirect(_end(node) if following == "done" else f"/setup/{following}", status_code=303)


@post("/setup/later", access="admin")
async def put_off_setup(node: NamedDependency[Node]) -> Redirect:
    """Leave everything as it is; the settings lead back here."""
    await node.settings.change(setup="done")
    return Redirect("/", status_code=303)


async def _set_name(request: PageRequest, node: Node, data: Form) -> None:
    try:
        await node.settings.change(name=data.get("name", ""))
    except InputError as error:
        raise _Again(translator(request)("settings.name_wrong")) from error
    language = data.get("language", "")
    if language in LANGUAGES and request.user:
        await node.settings.change(language=language)
        await node.security.users.set_language(request.user.user_id, language)


async def _set_use(_request: PageRequest, node: Node, data: Form) -> None:
    await node.settings.change(**{name: data[name] for name in ("use", "prefer") if name in data})


async def _set_model(request: PageRequest, node: Node, data: Form) -> None:
    """Leave the model to Edgewise, or have one of those that were shown; what is missing is downloaded."""
    wanted = data.get("file")
    if not wanted:
        if wanted is not None:
            pinned.write(node.config.state_dir, "")
        return
    entry = next((entry for entry in offered(node.selection()) if entry.file == wanted), None)
    if entry is None:
        raise _Again(translator(request)("setup.model_gone"))
    if not entry.installed:
        node.downloads.start(entry.file, name=file_name(entry), title=entry.title)
    pinned.write(node.config.state_dir, file_name(entry))


async def _set_telemetry(_request: PageRequest, node: Node, data: Form) -> None:
    if "telemetry" in data:  # else it is set elsewhere
        await node.settings.change(telemetry=data["telemetry"])


def _end(node: Node) -> str:
    """Return where the setup ends: where a broker is named if one is wanted, else the start page."""
    wanted = node.settings.device.telemetry == "on" and not node.config.mqtt_url
    return "/settings/device#telemetry" if wanted else "/"


_ANSWERS: dict[str, Callable[[PageRequest, Node, Form], Awaitable[None]]] = {
    "name": _set_name,
    "use": _set_use,
    "model": _set_model,
    "telemetry": _set_telemetry,
}


def _show(request: PageRequest, node: Node, step: str, *, status: int = 200, **more: str) -> Response[str]:
    context: dict[str, Any] = {"error": "", "name": node.settings.device.name}
    if step == "use":
        context |= {name: node.settings.in_force(name) for name in ("use", "prefer")}
    elif step == "model":
        context |= _model(request, node)
    elif step == "telemetry":
        device, place = node.settings.device, node.settings.in_force("mqtt_url").place
        context |= {"telemetry": "on" if place else device.telemetry, "place": place, "named": device.mqtt_url}
    number = STEPS.index(step) + 1
    return page(
        request, f"setup_{step}.html", status=status, step=step, steps=STEPS, number=number, **{**context, **more}
    )


def _model(request: PageRequest, node: Node) -> dict[str, object]:
    """Return what the template says about the choice."""
    t, config, state = translator(request), node.config, node.selection()
    entries = offered(state)
    chosen = pinned.read(config.state_dir)
    why = ""
    if not config.chooses:
        why = t("setup.model_engine", engine=config.engine)
    elif config.model:
        why, entries = t("setup.model_configured", setting="model", model=config.model), []
    elif state and entries:
        why = reason(t, state.selection)
    return {
        "why": why,
        "looking": not why and state is None,
        "nothing": state.selection.reason if state and not state.selection.model else "",
        "entries": entries,
        "picked": next((entry.file for entry in entries if file_name(entry) == chosen), chosen),
    }


ROUTES = [resume_setup, show_setup_step, answer_setup_step, put_off_setup]
