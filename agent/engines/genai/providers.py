"""Opens a folder with onnxruntime-genai on the execution provider of the plan, and on no other."""

import json

import onnxruntime_genai as og

from agent.engines import LoadOptions
from agent.engines.onnx.names import library_name, provider_name
from agent.errors import ModelFileError
from agent.onnx import ModelFolder

_LONGEST = 400  # characters of the library's message


def open_model(folder: ModelFolder, options: LoadOptions) -> og.Model:
    """Load a folder.

    Raises:
        ModelFileError: it is compiled for another provider, or the library refuses it.
    """
    provider = options.plan.provider
    asked = {provider_name(name) for name in folder.providers}
    if folder.compiled and provider not in asked:
        raise ModelFileError(
            f"{folder.root.name} is compiled for {' or '.join(sorted(asked)) or 'an accelerator'}, not for {provider}.",
            field="provider",
            hint="Choose a build of this model for this computer.",
        )
    try:
        for library in options.libraries:
            og.register_execution_provider_library(library.stem, str(library))
        config = og.Config(str(folder.root))
        config.overlay(_session(options.plan.threads))
        if provider not in asked:  # else its options stay, which its own folder knows best
            config.clear_providers()
        if provider not in {"cpu", *asked}:
            config.append_provider(library_name(provider))
        return og.Model(config)
    except RuntimeError as error:
        text = " ".join(str(error).split())[:_LONGEST].rstrip(".")
        raise ModelFileError(
            f"{folder.root.name} cannot be opened on {provider} by onnxruntime-genai: {text}.",
            field="provider",
            hint="`edgewise probe` lists the execution providers of this computer and why one cannot be used.",
        ) from error


def _session(threads: int) -> str:
    """Return settings of a session: threads that wait shall leave the processor to others."""
    options = {"intra_op_num_threads": threads, "session.intra_op.allow_spinning": "0"}
    return json.dumps({"model": {"decoder": {"session_options": options}}})
