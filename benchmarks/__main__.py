"""Run all measurements; `python -m benchmarks.serving`, `.footprint` and `.selection` run one."""

from benchmarks import footprint, selection, serving

print("Footprint (seconds, MiB, percent)")
footprint.main()
print("\nServing (tok/s, seconds)")
serving.main()
print("\nChoosing a model (ms)")
selection.main()
