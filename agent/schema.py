"""The tables of app.db, as migrations: a migration that was released is never changed, a later one follows it.

Times are seconds since 1970. Ids are random and go into addresses of pages. `settings`, `stats` and `scopes` are JSON.
"""

import sqlite3

from sqlite_utils import Database, Migrations

migrations = Migrations("edgewise")

_TABLES = """
CREATE TABLE device (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE users (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE COLLATE NOCASE,
    role TEXT NOT NULL CHECK (role IN ('admin', 'user', 'guest')),
    password TEXT NOT NULL,
    language TEXT NOT NULL DEFAULT '',
    theme TEXT NOT NULL DEFAULT '',
    created REAL NOT NULL
) STRICT;

CREATE TABLE sessions (
    token BLOB PRIMARY KEY,             -- SHA-256 of what the cookie holds
    id TEXT NOT NULL UNIQUE,            -- what pages and addresses call it
    user_id TEXT NOT NULL REFERENCES users ON DELETE CASCADE,
    csrf TEXT NOT NULL,
    created REAL NOT NULL,
    seen REAL NOT NULL,
    agent TEXT NOT NULL,                -- the browser, as it names itself
    address TEXT NOT NULL
) STRICT;
CREATE INDEX sessions_user ON sessions (user_id);

CREATE TABLE api_keys (
    hash BLOB PRIMARY KEY,              -- SHA-256 of the key
    id TEXT NOT NULL UNIQUE,
    user_id TEXT REFERENCES users ON DELETE CASCADE,  -- NULL: made on the command line
    name TEXT NOT NULL,
    ending TEXT NOT NULL,               -- its last characters, to tell it from others
    scopes TEXT NOT NULL,
    created REAL NOT NULL,
    used REAL
) STRICT;

CREATE TABLE presets (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users ON DELETE CASCADE,
    name TEXT NOT NULL,
    system TEXT NOT NULL,
    settings TEXT NOT NULL
) STRICT;
CREATE INDEX presets_user ON presets (user_id);

CREATE TABLE conversations (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users ON DELETE CASCADE,
    title TEXT NOT NULL,
    created REAL NOT NULL,
    updated REAL NOT NULL,
    pinned INTEGER NOT NULL DEFAULT 0,
    deleted REAL,                       -- in the bin since; NULL: not deleted
    system TEXT NOT NULL DEFAULT '',
    settings TEXT NOT NULL DEFAULT '{}',
    leaf TEXT,                          -- last message of the branch that is shown
    draft TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX conversations_user ON conversations (user_id, deleted, pinned, updated);

CREATE TABLE messages (
    number INTEGER PRIMARY KEY,         -- order of creation, and the row of the search index
    id TEXT NOT NULL UNIQUE,
    conversation_id TEXT NOT NULL REFERENCES conversations ON DELETE CASCADE,
    parent_id TEXT,                     -- NULL: the first of the conversation
    role TEXT NOT NULL CHECK (role IN ('user', 'assistant')),
    text TEXT NOT NULL,
    thinking TEXT NOT NULL DEFAULT '',
    html TEXT NOT NULL DEFAULT '',      -- the text as a page shows it
    state TEXT NOT NULL,
    error TEXT NOT NULL DEFAULT '',     -- why it failed, for people
    cause TEXT NOT NULL DEFAULT '',     -- the same in one word
    model TEXT NOT NULL DEFAULT '',
    stats TEXT NOT NULL DEFAULT '{}',
    created REAL NOT NULL
) STRICT;
CREATE INDEX messages_conversation ON messages (conversation_id, number);
CREATE INDEX messages_running ON messages (state) WHERE state = 'running';

CREATE TABLE attachments (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users ON DELETE CASCADE,
    message_id TEXT,                    -- NULL: uploaded, not yet sent
    composer TEXT REFERENCES conversations ON DELETE CASCADE,  -- where it waits to be sent; NULL: for a new one
    name TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    text TEXT NOT NULL,
    created REAL NOT NULL
) STRICT;
CREATE INDEX attachments_message ON attachments (message_id);
CREATE INDEX attachments_user ON attachments (user_id, message_id);

CREATE VIRTUAL TABLE messages_search USING fts5 (
    text, content='messages', content_rowid='number', tokenize='unicode61 remove_diacritics 2', prefix='2 3'
);
CREATE TRIGGER messages_inserted AFTER INSERT ON messages BEGIN
    INSERT INTO messages_search (rowid, text) VALUES (new.number, new.text);
END;
CREATE TRIGGER messages_deleted AFTER DELETE ON messages BEGIN
    INSERT INTO messages_search (messages_search, rowid, text) VALUES ('delete', old.number, old.text);
END;
CREATE TRIGGER messages_updated AFTER UPDATE OF text ON messages BEGIN
    INSERT INTO messages_search (messages_search, rowid, text) VALUES ('delete', old.number, old.text);
    INSERT INTO messages_search (rowid, text) VALUES (new.number, new.text);
END;
"""


# What a row counts, for the quota of a person; computed when it is asked for, and kept in the indexes.
_SIZES = """
ALTER TABLE conversations ADD COLUMN size INTEGER AS (
    500 + length(CAST(title AS BLOB)) + length(CAST(system AS BLOB)) + length(CAST(draft AS BLOB))
);
CREATE INDEX conversations_size ON conversations (user_id, size);
ALTER TABLE messages ADD COLUMN size INTEGER AS (
    500 + length(CAST(text AS BLOB)) + length(CAST(thinking AS BLOB)) + length(CAST(html AS BLOB))
);
CREATE INDEX messages_size ON messages (conversation_id, size);
ALTER TABLE attachments ADD COLUMN size INTEGER AS (500 + length(CAST(text AS BLOB)));
CREATE INDEX attachments_size ON attachments (user_id, size);
"""

# What a hub has asked the device to do in several steps, and how far it is.
_JOBS = """
CREATE TABLE jobs (
    number INTEGER PRIMARY KEY,         -- order in which they came
    id TEXT NOT NULL UNIQUE,            -- chosen by the hub
    record TEXT NOT NULL                -- JSON, see agent.telemetry.jobs.record.Record
) STRICT;
"""

# What was asked over MQTT in the last day, so that what comes twice is carried out once.
_COMMANDS = """
CREATE TABLE commands (
    id TEXT PRIMARY KEY,                -- chosen by whoever asks
    name TEXT NOT NULL,
    hash BLOB NOT NULL,                 -- SHA-256 of name and arguments
    args TEXT NOT NULL,                 -- JSON; empty where they are nobody else's business
    topic TEXT NOT NULL,                -- where the answer goes
    correlation BLOB NOT NULL,
    created REAL NOT NULL,
    response TEXT NOT NULL DEFAULT ''   -- JSON, the last one; empty while it is carried out
) STRICT;
CREATE INDEX commands_created ON commands (created);
"""


@migrations()
def tables(database: Database) -> None:
    """Everything that the first version keeps."""
    for statement in _statements(_TABLES):
        database.execute(statement)


@migrations()
def sizes(database: Database) -> None:
    """How much each person keeps."""
    for statement in _statements(_SIZES):
        database.execute(statement)


@migrations()
def jobs(database: Database) -> None:
    """Jobs of a hub."""
    for statement in _statements(_JOBS):
        database.execute(statement)


@migrations()
def commands(database: Database) -> None:
    """Commands over MQTT."""
    for statement in _statements(_COMMANDS):
        database.execute(statement)


def _statements(script: str) -> list[str]:
    """Return the statements of a script one by one; `executescript` would commit the migration's transaction."""
    statements: list[str] = []
    for line in script.splitlines():
        if statements and not _complete(statements[-1]):
            statements[-1] += f"\n{line}"
        elif line.strip():
            statements.append(line)
    return statements


def _complete(statement: str) -> bool:
    return sqlite3.complete_statement(statement)
