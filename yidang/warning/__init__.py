"""Warnings that reach people: an outbox filled after each build, a sender, and a form for the answers (rules D2).

`note` raises what newly stands on a ladder; `send` delivers it by the channels of warnings.yml; `form` serves the page
that a message links to. Everything lies in the schema `warning` (tables.py) and is shown as marts.fct_warning.
"""

from yidang.warning.outbox import Noted, note
from yidang.warning.tables import ensure

__all__ = ["Noted", "ensure", "note"]
