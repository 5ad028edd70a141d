"""The `sitsflow` command."""

from flows.cli.command import app, main

__all__ = ["app", "main"]
