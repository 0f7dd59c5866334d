"""The pages: one file for each, with a list `ROUTES`; `web.app` finds them by their names."""
