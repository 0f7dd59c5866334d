"""Run all measurements; `python -m benchmarks.serving`, `.footprint`, `.selection`, `.rendering`, `.pages` run one."""

from benchmarks import footprint, rendering, selection, serving
from benchmarks.pages.__main__ import main as pages

print("Footprint (seconds, MiB, percent)")
footprint.main()
print("\nServing (tok/s, seconds)")
serving.main()
print("\nChoosing a model (ms)")
selection.main()
print("\nRendering an answer of 15 kB (ms, bytes, MiB)")
rendering.main()
print("\nPages")
pages()
