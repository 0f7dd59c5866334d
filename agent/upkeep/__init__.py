"""Storage care: models that nobody uses make room, app.db is kept small, copied and brought back when it is broken."""
