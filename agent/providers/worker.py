"""A process that answers one question about execution providers: `python -m agent.providers.worker --fd N`."""

import argparse
import socket
from pathlib import Path

import msgspec

from agent.errors import EngineError
from agent.inference.frames import FrameBuffer, encode
from agent.inference.parent import connect
from agent.providers import frames

_CHUNK = 1 << 16  # bytes read at once
_DECODER: msgspec.msgpack.Decoder[frames.ToTrial] = msgspec.msgpack.Decoder(frames.ToTrial)


def main() -> None:
    """Read a frame, answer it, and end."""
    parser = argparse.ArgumentParser(prog="edgewise-providers")
    parser.add_argument("--fd", type=int, required=True, help="connected unix socket to whoever asks")
    connection = connect(parser.parse_args().fd)
    question = _read(connection)
    if question is not None:
        connection.sendall(encode(_answer(question)))


def _read(connection: socket.socket) -> frames.ToTrial | None:
    """Return the first frame; None when whoever asks has gone away."""
    buffer = FrameBuffer()
    while data := connection.recv(_CHUNK):
        for body in buffer.feed(data):
            return _DECODER.decode(body)
    return None


def _answer(question: frames.ToTrial) -> frames.FromTrial:
    try:
        from agent.engines.onnx import providers  # noqa: PLC0415 - fails where onnxruntime or one of its libraries does

        library = Path(question.library) if question.library else None
        if isinstance(question, frames.Look):
            return frames.Listed(providers.listed(library))
        return frames.Tried(providers.run_token(question.provider, library))
    except EngineError as error:
        return frames.Failed(error.message)
    except ImportError as error:
        return frames.Failed(f"ONNX Runtime cannot be loaded: {error}")


if __name__ == "__main__":
    main()
