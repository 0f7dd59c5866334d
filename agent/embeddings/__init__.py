"""Embeddings: texts to vectors, by an encoder model in a process of its own.

The model is a folder with the weights as safetensors; its ONNX graph is written here and points into that file.
"""
