"""Execution providers of ONNX Runtime: which there are, and whether one computes.

Both are asked in a process of their own, because drivers crash and hang (`agent.providers`).
"""

import re
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from agent.engines.onnx import tiny
from agent.engines.onnx.names import library_name, provider_name
from agent.engines.onnx.session import ERRORS, short
from agent.errors import EngineError
from agent.providers.found import Device, Provider

_FATAL = 4  # ORT_LOGGING_LEVEL_FATAL: what fails is told by exceptions
_NO_PROVIDERS = {"AzureExecutionProvider"}  # calls a service on the internet
_MARK = re.compile(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ")
_TOLERANCE = 0.03  # of the largest logit; 16-bit floats, in which NPUs compute, differ by less than 0.005 here


def listed(library: Path | None) -> list[Provider]:
    """Return the providers of ONNX Runtime, or those that a plug-in library brings; of them only the CPU is tried.

    Raises:
        EngineError: the library cannot be used.
    """
    before = _devices()
    if library is not None:
        _register(library)
    devices = _devices()
    built_in = [] if library else [name for name in ort.get_available_providers() if name not in _NO_PROVIDERS]
    brought = [name for name in devices if name not in before]
    if library and not brought:
        raise EngineError("it has found no device that it can use")
    names = brought if library else dict.fromkeys([*built_in, *devices])
    return [_provider(provider_name(name), tuple(devices.get(name, ())), str(library or "")) for name in names]


def run_token(provider: str, library: Path | None) -> str:
    """Compute one token on a provider and on the CPU; returns what is wrong, empty when nothing is."""
    try:
        if library is not None:
            _register(library)
        difference = _difference(_run("cpu"), _run(provider))
    except ERRORS as error:
        return _said(error)
    except EngineError as error:
        return error.message
    return f"its numbers are wrong by {difference:.0%}" if not difference <= _TOLERANCE else ""


def _provider(name: str, devices: tuple[Device, ...], library: str) -> Provider:
    return Provider(name, devices, library, reason=run_token(name, None) if name == "cpu" else "")


def _register(library: Path) -> None:
    try:
        ort.register_execution_provider_library(library.stem, str(library))
    except ERRORS as error:
        raise EngineError(_said(error)) from error


def _devices() -> dict[str, list[Device]]:
    found: dict[str, list[Device]] = {}
    for one in ort.get_ep_devices():
        device, about = one.device, one.device.metadata
        name = about.get("Description") or about.get("name") or ""
        found.setdefault(one.ep_name, []).append(Device(device.type.name.lower(), device.vendor, name))
    return found


def _run(provider: str) -> NDArray[np.float32]:
    """Compute the logits of one token, all of it on this provider.

    Raises:
        EngineError: it is not there, or does not take all of the graph.
    """
    name = library_name(provider)
    options = ort.SessionOptions()
    options.log_severity_level = _FATAL
    plugged = [device for device in ort.get_ep_devices() if provider_name(device.ep_name) == provider]
    if provider != "cpu":
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
        if plugged:
            options.add_provider_for_devices(plugged[:1], {})
        elif name in ort.get_available_providers():
            options.add_provider(name, {})
        else:
            raise EngineError(f"this build of ONNX Runtime {ort.__version__} does not have it")
    session = ort.InferenceSession(tiny.graph(), options)
    if provider_name(session.get_providers()[0]) != provider:
        raise EngineError(f"ONNX Runtime used {provider_name(session.get_providers()[0])} instead")
    logits: NDArray[np.float32] = session.run([tiny.OUTPUT], tiny.feeds())[0]
    return logits


def _said(error: Exception) -> str:
    return _MARK.sub("", short(error))


def _difference(expected: NDArray[np.float32], got: NDArray[np.float32]) -> float:
    return float(np.abs(expected - got).max() / np.abs(expected).max())
