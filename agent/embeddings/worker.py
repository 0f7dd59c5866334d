"""The embedding process: `python -m agent.embeddings.worker --fd N`. It has no network code and no secrets.

One thread: it reads frames, tokenizes what has come, computes one run after the other, and looks at the socket between
two runs without waiting. With nothing to do it sleeps in `select`.
"""

import argparse
import logging
import socket
import time
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from agent.embeddings import frames
from agent.embeddings.encoder import read_encoder
from agent.embeddings.turns import Text, Turns
from agent.errors import ContextOverflowError, EdgewiseError, RequestError
from agent.inference.channel import Channel
from agent.inference.frames import Shutdown
from agent.inference.parent import connect

if TYPE_CHECKING:
    from agent.embeddings.model import Model


class Worker:
    """Serves one daemon over one socket with one model."""

    def __init__(self, connection: socket.socket) -> None:
        self._channel = Channel(connection)
        self._decoder = msgspec.msgpack.Decoder(frames.ToEncoder)
        self._turns = Turns()
        self._model: Model

    def run(self) -> None:
        """Work until the daemon says so or goes away."""
        while self._channel.open:
            self._receive(wait=not self._turns)
            self._compute()

    def _receive(self, *, wait: bool) -> None:
        for body in self._channel.receive(wait=wait):
            self._handle(self._decoder.decode(body))

    def _handle(self, frame: frames.ToEncoder) -> None:
        match frame:
            case frames.Load():
                self._load(frame)
            case frames.Embed():
                self._prepare(frame)
            case frames.Cancel(id=number):
                self._turns.drop(number)
            case Shutdown():
                self._channel.open = False

    def _load(self, frame: frames.Load) -> None:
        started = time.perf_counter()
        try:
            from agent.embeddings.model import Model  # noqa: PLC0415 - there are computers without onnxruntime

            self._model = Model(read_encoder(Path(frame.folder)), frame.threads)
        except EdgewiseError as error:
            self._refuse_to_load(error.message, error.hint)
        except ImportError as error:
            self._refuse_to_load(f"onnxruntime cannot be used on this computer: {error}.", "")
        except Exception as error:  # noqa: BLE001 - the errors of onnxruntime and tokenizers have nothing else in common
            self._refuse_to_load(f"The embedding model cannot be loaded: {error}.", "Remove it and pull it again.")
        else:
            self._channel.send(frames.Loaded(time.perf_counter() - started))

    def _refuse_to_load(self, message: str, hint: str) -> None:
        self._channel.send(frames.LoadFailed(message, hint))
        self._channel.open = False

    def _prepare(self, frame: frames.Embed) -> None:
        """Tokenize; what is wrong with a request is said at once, not after waiting."""
        try:
            self._turns.add(frame.id, self._model.tokenize(frame.texts, truncate=frame.truncate))
        except RequestError as error:
            too_long = isinstance(error, ContextOverflowError)
            self._channel.send(frames.Refused(frame.id, error.message, error.hint, too_long))

    def _compute(self) -> None:
        """Compute one run, and send each request what is its own."""
        if not self._channel.open or not self._turns:
            return
        run = sorted(self._turns.next_run(), key=lambda text: text.request)
        vectors = self._model.embed([text.tokens for text in run])
        first = 0
        for request, group in groupby(run, key=lambda text: text.request):
            texts: list[Text] = list(group)
            rows = vectors[first : first + len(texts)]
            tokens = sum(len(text.tokens) for text in texts)
            self._channel.send(frames.Embedded(request, [text.place for text in texts], rows.tobytes(), tokens))
            first += len(texts)


def main() -> None:
    """Run the embedding process."""
    parser = argparse.ArgumentParser(prog="edgewise-embeddings")
    parser.add_argument("--fd", type=int, required=True, help="connected unix socket to the daemon")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    Worker(connect(arguments.fd)).run()


if __name__ == "__main__":
    main()
