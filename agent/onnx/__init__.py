"""ONNX models: graphs and folders, read and checked before any native code sees a file.

Downloaded files are hostile until proven otherwise. Time and memory are bounded for any content, and nothing outside
of a model's folder is looked at.
"""

from agent.onnx.folder import ModelFolder, read_folder
from agent.onnx.graph import Graph, Node, Place, Tensor, Value
from agent.onnx.layout import Names, is_onnx
from agent.onnx.reader import read_graph

__all__ = ["Graph", "ModelFolder", "Names", "Node", "Place", "Tensor", "Value", "is_onnx", "read_folder", "read_graph"]
