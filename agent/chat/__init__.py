"""Conversations that are kept, and answers that go on whoever watches."""
