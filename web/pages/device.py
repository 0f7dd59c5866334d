"""The device: how it is doing, what it is, what was chosen for it and why, and how fast it was when measured."""

import asyncio
from collections.abc import Sequence

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery

from agent import providers
from agent.config import engine_environment
from agent.errors import EngineUnavailableError, NotFoundError
from agent.hardware import probe
from agent.hardware.sheet import rows
from agent.node import Node
from agent.phrase import Phrase
from agent.providers import Provider
from agent.providers.words import title
from agent.selection.explaining import best_of_each
from agent.selection.suitable import PROMPT
from web.gauges import Span, gauges, memory_bar
from web.measures import measures
from web.page import Form, PageRequest, page, wants_fragment
from web.person import go_to
from web.reports import reports
from web.storage import storage


@get("/device", access="user")
async def show_device(
    request: PageRequest, node: NamedDependency[Node], span: FromQuery[Span] = "hour"
) -> Response[str]:
    """Show everything about the device."""
    hardware = await asyncio.to_thread(probe, storage=node.config.state_dir)
    state = node.selection()
    selection = state.selection if state else None
    return page(
        request,
        "device.html",
        span=span,
        sample=node.vitals.now(),
        gauges=gauges(node.vitals, span),
        measures=measures(node.reading()),
        facts=list(rows(hardware)),
        providers=titled(providers.kept(node.config.state_dir, node.config.onnx_ep_libraries)),
        state=state,
        selection=selection,
        first_token=selection.predicted.first_token(PROMPT) if selection and selection.predicted else None,
        prompt=PROMPT,
        parts=memory_bar(selection.memory, selection.budget) if selection and selection.memory else [],
        considered=best_of_each([selection, *selection.rejected]) if selection and selection.model else [],
        node=node,
        aside=node.set_aside.all(),
        benchmarks=node.benchmarks,
        **await asyncio.to_thread(storage, request, node),
        **reports(node),
    )


@get("/device/live", access="user", sync_to_thread=False)
def show_live(request: PageRequest, node: NamedDependency[Node], span: FromQuery[Span] = "hour") -> Response[str]:
    """Show how the device is doing at this moment."""
    return page(
        request,
        "device/live.html",
        span=span,
        node=node,
        sample=node.vitals.now(),
        gauges=gauges(node.vitals, span),
        measures=measures(node.reading()),
    )


@get("/device/providers", access="user")
async def show_providers(request: PageRequest, node: NamedDependency[Node]) -> Response[str]:
    """Show on what ONNX Runtime computes here; after each start of the device each is tried first."""
    config = node.config
    known = providers.kept(config.state_dir, config.onnx_ep_libraries)
    if known is None:
        known = await providers.find(config.state_dir, config.onnx_ep_libraries, engine_environment(config))
    return page(request, "device/providers.html", providers=titled(known))


@get("/device/reports", access="user", sync_to_thread=False)
def show_reports(request: PageRequest, node: NamedDependency[Node]) -> Response[str]:
    """Show where the device reports to and how it is found."""
    return page(request, "telemetry/device.html", **reports(node))


@get("/device/benchmarks", access="user", sync_to_thread=False)
def show_benchmarks(request: PageRequest, node: NamedDependency[Node]) -> Response[str]:
    """Show what was measured."""
    return page(request, "device/benchmarks.html", benchmarks=node.benchmarks)


@post("/device/benchmark", access="admin")
async def run_benchmark(request: PageRequest, node: NamedDependency[Node]) -> Response[str]:
    """Begin to measure the model that serves."""
    if node.model is None or node.plan is None:
        raise EngineUnavailableError(node.health().detail or "No model is loaded.")
    node.benchmarks.start(node.health().model, node.model, node.plan.threads)
    if wants_fragment(request):
        return page(request, "device/benchmarks.html", benchmarks=node.benchmarks)
    return go_to(request, "/device#benchmarks")


@post("/device/try-again", access="admin")
async def try_again(request: PageRequest, node: NamedDependency[Node], data: Form) -> Response[str]:
    """Give a model another chance that was set aside."""
    if not node.try_again(data.get("model", "")):
        raise NotFoundError(Phrase("errors.not_set_aside", "This model is not set aside."))
    return go_to(request, "/device#engine")


def titled(known: Sequence[Provider] | None) -> list[tuple[str, str]] | None:
    """Return what each provider is, and why it cannot be used if so; None while that is not known."""
    return None if known is None else [(title(provider), provider.reason) for provider in known]


ROUTES = [show_device, show_live, show_providers, show_reports, show_benchmarks, run_benchmark, try_again]
