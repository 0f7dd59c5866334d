"""Run all measurements; or one: `-m benchmarks.serving`, `.footprint`, `.selection`, `.rendering`, `.pages`, `.outbox`,
`.telemetry`.
"""

from benchmarks import footprint, outbox, rendering, selection, serving, telemetry
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
print("\nHistory that waits (bytes, bytes, MiB, samples, MiB, samples, samples/s, µs)")
outbox.main()
print("\nReporting to a fleet (MB, percent, MiB, ms)")
telemetry.main()
