"""What people do with conversations: ask, stop, ask again, change a question, go on. Owns the running answers."""

import asyncio
import logging
from collections.abc import Sequence

from msgspec.structs import replace

from agent.chat import history
from agent.chat.attachments import Attachments, as_prompt
from agent.chat.conversations import Conversations
from agent.chat.emptying import empty_every_hour
from agent.chat.events import Snapshot
from agent.chat.feed import Feed
from agent.chat.generation import Generation
from agent.chat.host import Host
from agent.chat.importing import import_into
from agent.chat.keeping import keep, save_now_and_then
from agent.chat.messages import Messages
from agent.chat.presets import Presets
from agent.chat.question import Question
from agent.chat.quota import UNBOUNDED, Quota, size_of
from agent.chat.records import ChatSettings, Conversation, Message
from agent.chat.titles import first_title
from agent.errors import InputError, UnwritableError
from agent.phrase import Phrase
from agent.store import Store

logger = logging.getLogger(__name__)

_MAX_RUNNING = 4  # answers of one person at a time, so that nobody fills the queue alone


class Chat:
    """Conversations of all people on one device, of which each may keep as much as the quota says."""

    def __init__(self, store: Store, host: Host, quota: Quota = UNBOUNDED) -> None:
        self.feed = Feed()
        self.conversations = Conversations(store, quota)
        self.messages = Messages(store, quota)
        self.presets = Presets(store)
        self.attachments = Attachments(store, quota)
        self._store = store
        self._quota = quota
        self._host = host
        self._running: dict[str, Generation] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._emptying: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    async def open(self) -> None:
        """Put in order what an earlier run has left."""
        try:
            if lost := await self.messages.interrupted():
                logger.warning("%d answers were cut off when the device stopped; what they had is kept", lost)
        except UnwritableError as error:  # it can be read all the same
            logger.error("%s %s", error.message, error.hint)  # noqa: TRY400 - the message says it all
        self._emptying = asyncio.create_task(empty_every_hour(self.conversations, self.attachments), name="emptying")

    async def close(self) -> None:
        """Wait until what was being answered is kept; the engine has ended it before."""
        self._closing.set()
        if self._emptying is not None:
            self._emptying.cancel()
        for generation in self._running.values():
            generation.stop()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def send(  # noqa: PLR0913 - what a question consists of
        self,
        user_id: str,
        conversation_id: str | None,
        text: str,
        *,
        attachments: Sequence[str] = (),
        system: str = "",
        settings: ChatSettings | None = None,
    ) -> tuple[Conversation, Message, Message]:
        """Add a question and begin its answer, in a new conversation if none is named.

        Returns:
            The conversation, the question and the answer.

        Raises:
            InputError: there is nothing to send, or too much is going on already.
            NoRoomError: this person keeps too much, or the disk has no room for a long text.
            NotFoundError: no such conversation or attachment.
        """
        text = text.strip()
        if not text and not attachments:
            raise InputError(Phrase("errors.nothing_to_send", "There is nothing to send."), field="text")
        self._require_place(user_id, conversation_id)
        if conversation_id is None:
            file = await self.attachments.name(user_id, attachments[0]) if attachments else ""
            conversation = await self.conversations.create(
                user_id, title=first_title(text, file), system=system, settings=settings or ChatSettings()
            )
        else:
            conversation = await self.conversations.get(user_id, conversation_id)
        question = await self.messages.append(
            user_id,
            conversation.id,
            parent_id=conversation.leaf,
            role="user",
            text=text,
            state="sent",
            attachments=attachments,
        )
        return conversation, question, await self._begin(user_id, conversation, question)

    async def regenerate(self, user_id: str, message_id: str) -> Message:
        """Begin another answer to the same question, beside the one there is; returns it."""
        before = await self.messages.get(user_id, message_id)
        if before.role != "assistant" or before.parent_id is None:
            raise InputError(Phrase("errors.only_answers_anew", "Only an answer can be written anew."))
        self._require_place(user_id, before.conversation_id)
        conversation = await self.conversations.get(user_id, before.conversation_id)
        return await self._begin(user_id, conversation, await self.messages.get(user_id, before.parent_id))

    async def edit(self, user_id: str, message_id: str, text: str) -> tuple[Conversation, Message, Message]:
        """Ask differently: a new version of a question, with an answer of its own; the others stay.

        Returns:
            The conversation, the question and the answer.
        """
        before = await self.messages.get(user_id, message_id)
        if before.role != "user":
            raise InputError(Phrase("errors.only_questions_change", "Only a question can be changed."))
        if not text.strip() and not before.attachments:
            raise InputError(Phrase("errors.nothing_to_send", "There is nothing to send."), field="text")
        self._require_place(user_id, before.conversation_id)
        conversation = await self.conversations.get(user_id, before.conversation_id)
        copies = await self.attachments.copy(user_id, [attachment.id for attachment in before.attachments])
        question = await self.messages.append(
            user_id,
            conversation.id,
            parent_id=before.parent_id,
            role="user",
            text=text.strip(),
            state="sent",
            attachments=copies,
        )
        return conversation, question, await self._begin(user_id, conversation, question)

    async def resume(self, user_id: str, message_id: str) -> Message:
        """Go on with an answer that was cut, stopped or lost; returns it."""
        before = await self.messages.get(user_id, message_id)
        if before.role != "assistant" or before.state not in {"cut", "stopped", "failed"} or before.parent_id is None:
            raise InputError(Phrase("errors.only_cut_continue", "Only an answer that was cut off can be continued."))
        self._require_place(user_id, before.conversation_id)
        conversation = await self.conversations.get(user_id, before.conversation_id)
        answer = await self.messages.reopen(user_id, message_id)
        await self._start(user_id, conversation, answer)
        return answer

    async def stop(self, user_id: str, message_id: str) -> None:
        """End an answer here; without effect on one that has ended."""
        message = await self.messages.get(user_id, message_id)
        if generation := self._running.get(message.id):
            generation.stop()

    async def delete(self, user_id: str, conversation_id: str) -> None:
        """Throw a conversation into the bin; what was being written there ends, and is kept with it.

        Raises:
            NotFoundError: this user has no such conversation.
        """
        await self.conversations.delete(user_id, conversation_id)
        if generation := self.running_in(conversation_id):
            generation.stop()
        self.feed.changed(user_id, conversation_id)

    async def delete_all(self, user_id: str) -> None:
        """Remove all conversations of a person for good; what was being written there ends at once."""
        await self.conversations.throw_all_away(user_id)
        self.stop_all(user_id)
        await self.conversations.empty_bin(user_id)
        self.feed.changed(user_id)

    def stop_all(self, user_id: str) -> None:
        """End all answers that are being written for a person; whose account is gone has nothing kept of them."""
        for generation in self._running.values():
            if generation.user_id == user_id:
                generation.stop()

    async def bring(self, user_id: str, data: bytes) -> int:
        """Keep the conversations of a file; returns how many are new.

        Raises:
            InputError: the file is of no known format, damaged or too large.
            NoRoomError: this person has no room for all of them, or the disk has none.
        """
        try:
            return await import_into(self._store, user_id, data, self._quota)
        finally:
            self.feed.changed(user_id)  # some may have come before there was no more room

    async def thread(self, user_id: str, conversation_id: str) -> list[Message]:
        """Return the messages that a conversation shows, each answer with its HTML.

        Imported ones come without; they are rendered when they are first seen, and again while there is no room for it.
        """
        messages = await self.messages.thread(user_id, conversation_id)
        answers = [message for message in messages if message.role == "assistant" and message.state != "running"]
        bare = [message for message in answers if message.text and not message.html]
        if not bare:
            return messages
        from agent.markdown.render import render  # noqa: PLC0415 - as in `Draft`

        html = await asyncio.to_thread(lambda: {message.id: render(message.text) for message in bare})
        size = size_of(*html.values())
        if await self._store.read(lambda database: self._quota.fits(database, user_id, size)):
            await self.messages.keep_html(html)
        return [replace(message, html=html.get(message.id, message.html)) for message in messages]

    def running(self, message_id: str) -> Generation | None:
        """Return the running answer that this message is; None once it has ended."""
        return self._running.get(message_id)

    def running_in(self, conversation_id: str) -> Generation | None:
        """Return the answer that is running in a conversation."""
        runs = (run for run in self._running.values() if run.message.conversation_id == conversation_id)
        return next(runs, None)

    def snapshot(self, message_id: str) -> Snapshot | None:
        """Return a running answer as far as it is; None when it is not running."""
        generation = self._running.get(message_id)
        return generation.snapshot() if generation else None

    async def measure(
        self, user_id: str, conversation_id: str | None, text: str, attachments: Sequence[str]
    ) -> history.Room:
        """Return how much of the context a question would take, with the conversation so far."""
        size = history.estimate(text)
        for attachment in attachments:
            size += history.estimate(await self.attachments.text(user_id, attachment))
        if conversation_id is not None:
            thread = await self.messages.thread(user_id, conversation_id)
            size += next((message.stats.used for message in reversed(thread) if message.stats.prompt), 0)
        return history.Room(size, self._context)

    @property
    def _context(self) -> int:
        return self._host.model.context if self._host.model else history.USUAL_CONTEXT

    def _require_place(self, user_id: str, conversation_id: str | None) -> None:
        own = [run for run in self._running.values() if run.user_id == user_id]
        if any(run.message.conversation_id == conversation_id for run in own):
            raise InputError(
                Phrase("errors.answer_running", "An answer is still being written here."),
                hint=Phrase("errors.answer_running_hint", "Wait for it, or stop it."),
            )
        if len(own) >= _MAX_RUNNING:
            raise InputError(
                Phrase("errors.too_many_answers", "{most} answers are being written for you.", most=_MAX_RUNNING),
                hint=Phrase("errors.too_many_answers_hint", "Wait for one of them."),
            )

    async def _begin(self, user_id: str, conversation: Conversation, question: Message) -> Message:
        answer = await self.messages.append(
            user_id, conversation.id, parent_id=question.id, role="assistant", text="", state="running"
        )
        await self._start(user_id, conversation, answer)
        return answer

    async def _start(self, user_id: str, conversation: Conversation, answer: Message) -> None:
        assert answer.parent_id is not None  # noqa: S101 - an answer has a question
        path = await self.messages.path(user_id, answer.parent_id)
        texts = [await self._read(user_id, message) for message in path]
        generation = Generation(answer, user_id, self._host)
        self._running[answer.id] = generation
        run = self._run(generation, Question(conversation, path, texts, answer))
        task = asyncio.create_task(run, name="answer")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.feed.changed(user_id, conversation.id)

    async def _read(self, user_id: str, message: Message) -> str:
        """Return what the model is to read of a message: the text of its files, then its own."""
        files = [(file.name, await self.attachments.text(user_id, file.id)) for file in message.attachments]
        return "\n\n".join(part for part in (as_prompt(files), message.text) if part)

    async def _run(self, generation: Generation, question: Question) -> None:
        """See an answer through, and keep it."""
        saving = asyncio.create_task(save_now_and_then(self.messages, generation), name="checkpoints")
        try:
            await generation.run(question)
        finally:
            saving.cancel()
        await keep(self.messages, generation, self._closing)
        del self._running[generation.message.id]
        generation.end()
        self.feed.changed(generation.user_id)
