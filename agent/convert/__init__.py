"""Makes ONNX models out of GGUF files and Hugging Face folders; on a workstation, in an environment with torch."""
