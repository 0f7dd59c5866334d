"""Answers of models, which are Markdown, as HTML that can be trusted: whole (`render`) and as they grow (`blocks`)."""
