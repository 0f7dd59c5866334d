"""The peer of benchmarks.embeddings: transformers on torch. Run by the Python of an environment that has both.

    python embeddings_peer.py FOLDER THREADS

Each line of stdin is a JSON list of texts; each line of stdout has their vectors, wall and processor seconds, and the
resident bytes.
"""

import importlib
import json
import sys
import time
from pathlib import Path
from typing import Any


def main() -> None:
    # By name: the environment in which this project is checked has neither of them.
    torch: Any = importlib.import_module("torch")
    transformers: Any = importlib.import_module("transformers")
    torch.set_num_threads(int(sys.argv[2]))
    tokenizer = transformers.AutoTokenizer.from_pretrained(sys.argv[1])
    model = transformers.AutoModel.from_pretrained(sys.argv[1], dtype=torch.float32).eval()
    for line in sys.stdin:
        begin, spent = time.perf_counter(), time.process_time()
        batch = tokenizer(json.loads(line), padding=True, truncation=True, max_length=256, return_tensors="pt")
        with torch.no_grad():
            states = model(**batch).last_hidden_state
        mask = batch["attention_mask"].unsqueeze(-1).float()
        vectors = torch.nn.functional.normalize((states * mask).sum(1) / mask.sum(1))
        seconds = [time.perf_counter() - begin, time.process_time() - spent]
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        print(json.dumps({"vectors": vectors.tolist(), "seconds": seconds, "memory": pages << 12}), flush=True)


if __name__ == "__main__":
    main()
