"""How much memory the embedding process takes, before it is started."""

from agent.config import Config
from agent.embeddings.encoder import WEIGHTS
from agent.embeddings.installed import find
from agent.models import ModelStore

# Interpreter, onnxruntime and the states of a run: 70 MiB with all-MiniLM-L6-v2 (docs/benchmarks.md, "Embeddings").
_OWN = 70 << 20


def may_take(config: Config) -> int:
    """Return the bytes that embeddings take while somebody asks for vectors; 0 where nobody can.

    The weights count although their file is mapped: with less the kernel would read them from the disk again and again.
    """
    encoder = None if config.embeddings == "off" else find(ModelStore(config.models_dir))
    return _OWN + (encoder.folder / WEIGHTS).stat().st_size if encoder else 0
