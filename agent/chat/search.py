"""Search in all that a user and the models have written, and in titles.

Words are looked up in the full-text index by their beginnings, without accents; all of them must occur in a message.
Scripts without blanks between words cannot be indexed like that: what is typed in them is looked for in the text.
"""

import re
from collections.abc import Sequence
from typing import Any

from sqlite_utils import Database

from agent.chat.excerpt import excerpt
from agent.chat.folding import fold
from agent.chat.records import Hit
from agent.store import Store

_LONGEST = 200  # characters of a query that are looked at
_MOST_WORDS = 12
_MOST_RANKED = 1000  # newest messages: a word that more of them have tells little, and ranking all would take long
# Thai and Lao, Burmese, Khmer, kana, Chinese characters, Hangul, Chinese characters again.
_UNDIVIDED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]"
)

_IN_INDEX = """
    WITH newest AS MATERIALIZED (
        SELECT number, messages.id, conversation_id, title, updated
        FROM messages_search
        JOIN messages ON number = messages_search.rowid
        JOIN conversations ON conversations.id = conversation_id
        WHERE messages_search MATCH :terms AND user_id = :user AND deleted IS NULL
        ORDER BY messages_search.rowid DESC LIMIT :ranked
    )
    SELECT number, newest.id, conversation_id, title, updated, min(rank) AS best
    FROM messages_search CROSS JOIN newest ON number = messages_search.rowid
    WHERE messages_search MATCH :terms AND messages_search.rowid >= (SELECT min(number) FROM newest)
    GROUP BY conversation_id ORDER BY best, updated DESC LIMIT :limit"""

_IN_TEXTS = """
    SELECT max(number) AS number, messages.id, conversation_id, title, updated
    FROM messages JOIN conversations ON conversations.id = conversation_id
    WHERE user_id = :user AND deleted IS NULL {likes}
    GROUP BY conversation_id ORDER BY updated DESC LIMIT :limit"""


async def search(store: Store, user_id: str, query: str, limit: int = 30) -> list[Hit]:
    """Return where a query is found, one hit per conversation: first where its title has it, then best, then newest.

    Whatever is typed is looked for; there is no syntax. `message_id` of a hit is empty when only the title has it.
    """
    words = _words(query)
    if not words:
        return []
    return await store.read(lambda database: _search(database, user_id, words, limit))


def _words(query: str) -> list[str]:
    printable = "".join(c if c.isprintable() else " " for c in query[:_LONGEST])
    return [word for word in printable.split() if any(c.isalnum() for c in word)][:_MOST_WORDS]


def _search(database: Database, user_id: str, words: Sequence[str], limit: int) -> list[Hit]:
    values: dict[str, str | int] = {"user": user_id, "limit": limit}
    look = _in_texts if _UNDIVIDED.search("".join(words)) else _in_index
    found = look(database, words, values)
    in_text = {row["conversation_id"]: _hit(database, row, words) for row in found}
    in_title = {hit.conversation_id: hit for hit in _in_titles(database, user_id, words)}
    return list({**in_title, **in_text, **{i: in_text[i] for i in in_title if i in in_text}}.values())[:limit]


def _in_index(database: Database, words: Sequence[str], values: dict[str, str | int]) -> list[dict[str, Any]]:
    terms = " ".join(_term(word) for word in words)
    return list(database.query(_IN_INDEX, {**values, "terms": terms, "ranked": _MOST_RANKED}))


def _term(word: str) -> str:
    """Return a word as a term of FTS5: a phrase, whose last token may go on; one letter would go on in every text."""
    phrase = word.replace('"', " ").strip()
    return f'"{phrase}"' if len(phrase) == 1 else f'"{phrase}"*'


def _in_texts(database: Database, words: Sequence[str], values: dict[str, str | int]) -> list[dict[str, Any]]:
    likes = " ".join(f"AND text LIKE :word{number} ESCAPE '\\'" for number in range(len(words)))
    patterns = {f"word{number}": f"%{_escaped(word)}%" for number, word in enumerate(words)}
    return list(database.query(_IN_TEXTS.format(likes=likes), {**values, **patterns}))


def _escaped(word: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", word)


def _in_titles(database: Database, user_id: str, words: Sequence[str]) -> list[Hit]:
    """Return the conversations with all words in their title, from new to old."""
    query = """SELECT id, title, updated FROM conversations WHERE user_id = ? AND deleted IS NULL
               ORDER BY updated DESC"""
    terms = [fold(word) for word in words]
    return [
        Hit(row["id"], row["title"], "", row["updated"], *excerpt(row["title"], words))
        for row in database.query(query, (user_id,))
        if all(term in fold(row["title"]) for term in terms)
    ]


def _hit(database: Database, row: dict[str, Any], words: Sequence[str]) -> Hit:
    (text,) = database.execute("SELECT text FROM messages WHERE number = ?", (row["number"],)).fetchone()
    return Hit(row["conversation_id"], row["title"], row["id"], row["updated"], *excerpt(text, words))
