"""An answer as HTML while it grows.

What can no longer change is committed: sent once, and not looked at again; of lists item by item, of tables row by
row. The block that is being written stays
open. Its text is sent as it comes, and it is parsed again when that would look different: at the beginning of a line,
and when a mark such as `**` closes. What a line begins is decided by its first word, so `- ` and `|---|` are never
shown as text.

The committed HTML does not depend on how the text was cut into deltas, and is what `render` makes of the whole text.
"""

import html
import re
from collections.abc import Callable
from functools import partial

from markdown_it.token import Token

from agent.markdown.changes import Block, Change, Delta, More, Open
from agent.markdown.elements import TAIL, code_block
from agent.markdown.lines import closes_mark, decided
from agent.markdown.open_part import OpenPart
from agent.markdown.parser import to_html
from agent.markdown.pieces import Piece
from agent.markdown.render import as_written
from agent.markdown.source import LIMIT, clean
from agent.markdown.tail import may_become_table, place_tail
from agent.markdown.verbatim import Verbatim, growing

_STALE = 200  # characters that are shown as they are written, at most, where there are marks
_MARKS = re.compile(r"[\n*_`~$)\]\\>&:]")


class Blocks:
    """Renders an answer incrementally."""

    def __init__(self) -> None:
        self._committed: list[str] = []  # the last one ends the last block
        self._open = ""
        self._tail: list[str] = []  # deltas after `_open`
        self._part = OpenPart()
        self._length = 0
        self._return = ""  # a carriage return, which may be half a line end
        self._line = ""  # text that is held back: the beginning of a line
        self._unseen = False  # complete lines were held back
        self._mode: Callable[[str], list[Change]] = self._begin

    @property
    def html(self) -> str:
        """HTML of the committed blocks."""
        return "".join(self._committed)

    @property
    def open(self) -> str:
        """HTML of the open block with the text that was appended to it; empty when there is none."""
        return self._open.replace(TAIL, f'<span class="tail">{html.escape("".join(self._tail))}</span>')

    def push(self, text: str) -> list[Change]:
        """Take more text, and return what changes on the page."""
        text = self._return + text
        self._return = "\r" if text.endswith("\r") else ""
        text = clean(text[: len(text) - len(self._return)])
        room = max(LIMIT - self._length, 0)
        self._length += len(text)
        changes = self._take(text[:room]) if text and room else []
        return changes + self._beyond(text[room:]) if len(text) > room else changes

    def finish(self) -> list[Change]:
        """Commit what is open; the answer has ended."""
        if self._return:
            self._part.add("\n")
        rest = as_written("".join(self._tail)) if self._length > LIMIT else ""
        changes: list[Change] = [self._commit(piece) for piece in self._part.finish()]
        self._open = ""  # where a row could have come
        return [*changes, self._add(rest)] if rest else changes

    def _take(self, text: str) -> list[Change]:
        self._part.add(text)
        return self._mode(text)

    def _begin(self, text: str) -> list[Change]:
        """Hold the beginning of a line back until it tells what it begins."""
        self._line += text
        if "\n" in text:
            complete, _, self._line = self._line.rpartition("\n")
            self._unseen = self._unseen or bool(complete.strip())
        if not decided(self._line):
            return self._advance(len(self._line)) if self._unseen and self._part.due else []
        return self._advance(0) if self._part.due or not self._open else self._go_on()

    def _go_on(self) -> list[Change]:
        line, self._line, self._mode = self._line, "", self._text
        return [self._append("\n" + line)]

    def _text(self, text: str) -> list[Change]:
        """Show text as it comes."""
        if not _MARKS.search(text):
            return [self._append(text)]
        shown, newline, rest = text.partition("\n")
        changes: list[Change] = [self._append(shown)] if shown else []
        if newline:
            self._mode = self._begin
            return changes + self._begin(rest)
        return self._advance(0) if self._part.due and self._looks_different() else changes

    def _looks_different(self) -> bool:
        tail = "".join(self._tail)
        return len(tail) > _STALE or closes_mark(tail)

    def _wait(self, text: str) -> list[Change]:
        """Hold the rest of a line back."""
        self._line += text
        if "\n" not in text:
            return []
        text, self._line, self._mode = self._line, "", self._begin
        return self._begin(text)

    def _grow(self, verbatim: Verbatim, text: str) -> list[Change]:
        """Show code or a formula as it comes."""
        shown = verbatim.push(text)
        changes: list[Change] = [self._append(shown)] if shown else []
        if not verbatim.ended:
            return changes
        self._line = "" if verbatim.line.endswith("\n") else verbatim.line
        self._unseen, self._mode = True, self._begin
        return changes + self._begin("")

    def _advance(self, held: int) -> list[Change]:
        """Commit what is final, and show what is open; `held` characters at the end are not shown."""
        parsed = self._part.advance(held)
        changes: list[Change] = [self._commit(piece) for piece in parsed.final]
        self._mode = self._begin
        if parsed.open is None:
            self._unseen = False
            if parsed.in_table:
                self._open = TAIL
                changes.append(Open(TAIL))
        elif not may_become_table(parsed.open.tokens, parsed.text):
            changes += self._show(parsed.open.tokens, parsed.text)
        return changes

    def _show(self, block: list[Token], text: str) -> list[Change]:
        complete = text.endswith("\n")
        verbatim = growing(block, text)
        flows = place_tail(block, text, grows=verbatim is not None)
        self._open, self._tail, self._unseen = to_html(block), [], False
        if not complete:
            self._line = ""
            self._mode = self._text if flows else self._wait
        changes: list[Change] = [Open(self._open)]
        if verbatim:
            held, self._line = self._line, ""
            self._mode = partial(self._grow, verbatim)
            changes += self._mode(held)
        return changes

    def _append(self, text: str) -> Delta:
        self._tail.append(text)
        return Delta(text)

    def _commit(self, piece: Piece) -> Block | More:
        page = to_html(piece.tokens)
        end = page.rindex(piece.end) if piece.end else len(page)
        if piece.index == 0:
            return self._add(page[:end], page[end:])
        more = page[page.index(f"<{piece.part}") : end]
        self._committed.insert(-1, more)
        self._open, self._tail = "", []
        return More(more)

    def _add(self, page: str, end: str = "") -> Block:
        self._committed += [page, end]
        self._open, self._tail = "", []
        return Block(page + end)

    def _beyond(self, text: str) -> list[Change]:
        """Show what comes after the limit as it is written."""
        changes: list[Change] = []
        if self._length - len(text) <= LIMIT:
            changes += [self._commit(piece) for piece in self._part.finish()]
            self._open = code_block(TAIL)
            changes.append(Open(self._open))
        return [*changes, self._append(text)]
