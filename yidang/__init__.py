"""Yidang 一档: pull every department's approval records, build one lifecycle per project, serve honest figures."""

__version__ = "0.1.0"
