"""Names of execution providers: those for people and plans, and those of ONNX Runtime."""

_SUFFIX = "ExecutionProvider"
_LIBRARY = {
    "cann": "CANN", "coreml": "CoreML", "cpu": "CPU", "cuda": "CUDA", "dml": "Dml", "dnnl": "Dnnl",
    "migraphx": "MIGraphX", "nnapi": "Nnapi", "openvino": "OpenVINO", "qnn": "QNN", "rknpu": "Rknpu",
    "tensorrt": "Tensorrt", "tensorrt_rtx": "NvTensorRTRTX", "vitisai": "VitisAI", "webgpu": "WebGpu",
    "xnnpack": "Xnnpack",
}  # fmt: skip
_PEOPLE = {name.lower(): ours for ours, name in _LIBRARY.items()}


def provider_name(library_name: str) -> str:
    """Return what `Plan.provider` calls a provider, such as `cuda` for `CUDAExecutionProvider`."""
    bare = library_name.lower().removesuffix(_SUFFIX.lower())
    return _PEOPLE.get(bare, bare)


def library_name(provider: str) -> str:
    """Return what ONNX Runtime calls a provider."""
    return _LIBRARY.get(provider, provider) + _SUFFIX
