"""Conversations for tests."""

from collections.abc import Sequence

from agent.chat.conversations import Conversations
from agent.chat.messages import Messages
from agent.chat.records import Conversation, Message
from agent.store import Store


async def talk(
    store: Store, *texts: str, user: str = "anna", title: str = "A talk"
) -> tuple[Conversation, list[Message]]:
    """Keep a conversation in which the user and the model say these things in turn."""
    conversation = await Conversations(store).create(user, title=title)
    said: list[Message] = []
    for number, text in enumerate(texts):
        said.append(await say(store, conversation, said, text, answer=number % 2 == 1))
    return await Conversations(store).get(user, conversation.id), said


async def say(
    store: Store, conversation: Conversation, after: Sequence[Message], text: str, *, answer: bool = False
) -> Message:
    """Add a message of the conversation's owner, or an answer, after the last of these."""
    return await Messages(store).append(
        conversation.user_id,
        conversation.id,
        parent_id=after[-1].id if after else None,
        role="assistant" if answer else "user",
        text=text,
        state="complete" if answer else "sent",
    )


async def count(store: Store, table: str) -> int:
    """Return how many rows a table has."""
    return await store.read(lambda database: int(database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]))  # noqa: S608 - of tests
