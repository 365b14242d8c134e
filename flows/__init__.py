"""Orchestration only: one flow a file; `__main__.py` is the command line `empathy`."""
