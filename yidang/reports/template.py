"""A Word template, filled: what an office may write between braces, and where it went wrong when it cannot be.

docxtpl does the filling. Around it: punctuation as a Chinese keyboard types it is understood inside tags, and every
error names the paragraph it stands in.
"""

from __future__ import annotations

import html
import io
import re
import traceback
import zipfile

from docx.document import Document as Word
from docx.opc.exceptions import PackageNotFoundError
from docxtpl import DocxTemplate
from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from yidang.errors import YidangError

_TAG = re.compile(r"\{[{%].*?[%}]\}", re.DOTALL)
_QUOTED = re.compile(r"""("[^"]*"|'[^']*')""")
_FULL_WIDTH = str.maketrans("（），＝＋－：．｜！＜＞［］　", "(),=+-:.|!<>[] ")


class FillError(Exception):
    """Something that a template asks for and cannot have; `cure` says what it may ask for."""

    def __init__(self, message: str, cure: str) -> None:
        super().__init__(message)
        self.cure = cure


def fill(content: bytes, called: str, names: dict[str, object]) -> Word:
    """A template (.docx bytes) with its tags replaced, as a document that is not saved yet.

    called: the template, in messages. names: what tags may use. Raises YidangError that names paragraph and cure.
    """
    environment = SandboxedEnvironment(undefined=StrictUndefined, autoescape=True)
    try:
        filled = _Template(io.BytesIO(content))
        filled.render(names, environment)
    except (OSError, PackageNotFoundError, KeyError, zipfile.BadZipFile):
        raise YidangError(
            f"{called} is no Word document (.docx) that can be read.",
            "Save it as .docx in Word or WPS and close it there, or write a new one: yidang report template",
        ) from None
    except _AtParagraph as error:
        raise YidangError(f"{called}, paragraph “{error.paragraph}”: {error.reason}", error.cure) from None
    return filled.docx


class _AtParagraph(Exception):
    def __init__(self, paragraph: str, reason: str, cure: str) -> None:
        super().__init__(reason)
        self.paragraph, self.reason, self.cure = paragraph, reason, cure


class _Template(DocxTemplate):
    def patch_xml(self, src_xml: str) -> str:
        return _TAG.sub(lambda tag: _half_width(tag[0]), super().patch_xml(src_xml))

    def render_xml_part(self, src_xml: str, part: object, context: dict, jinja_env: SandboxedEnvironment) -> str:
        lines: list[str] = re.sub(r"<w:p([ >])", r"\n<w:p\1", src_xml).splitlines()
        try:
            return super().render_xml_part(src_xml, part, context, jinja_env)
        except Exception as error:
            paragraph = _words(lines, _line(error))
            raise _AtParagraph(paragraph, *_reason(error)) from error


def _half_width(tag: str) -> str:
    parts = _QUOTED.split(tag)
    return "".join(part if place % 2 else part.translate(_FULL_WIDTH) for place, part in enumerate(parts))


def _line(error: Exception) -> int:
    """The line of the template's XML, one per paragraph, in which the error came up."""
    if isinstance(error, TemplateError) and getattr(error, "lineno", None):
        return error.lineno
    found = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "<template>"]
    return found[-1] if found else 0


def _words(lines: list[str], number: int) -> str:
    """What is to be read in the paragraph, in short; the last one with words where the line has none."""
    for line in reversed(lines[: max(number, 1)]):
        if text := html.unescape(re.sub(r"<[^>]+>", "", line)).strip():
            return text if len(text) <= 80 else f"{text[:77]}…"
    return "?"


def _reason(error: Exception) -> tuple[str, str]:
    if isinstance(error, FillError):
        return str(error), error.cure
    message = str(error)
    if "is undefined" in message:
        return f"{message.replace(' is undefined', '')} is no name that a template knows.", _NAMES
    if isinstance(error, TemplateError):
        return f"the tag cannot be read: {message}.", f"Every {{% if %}} and {{% for %}} needs its end. {_NAMES}"
    return f"{message or type(error).__name__}.", _NAMES


_NAMES = "What tags may say is written in docs/templates.md."
