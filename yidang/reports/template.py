"""A Word template, filled: what an office may write between braces, and where it went wrong when it cannot be.

docxtpl does the filling. Around it: punctuation as a Chinese keyboard types it is understood inside tags, and every
error names the paragraph it stands in, in Chinese, because the office reads it.
"""

from __future__ import annotations

import html
import io
import re
import traceback
import zipfile
from functools import lru_cache

from docx.document import Document as Word
from docx.opc.exceptions import PackageNotFoundError
from docx.oxml.ns import qn
from docxtpl import DocxTemplate
from jinja2 import StrictUndefined, Template, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from yidang.errors import YidangError

_TAG = re.compile(r"\{[{%].*?[%}]\}", re.DOTALL)
_STRAY = re.compile(r"\{\{|\}\}|\{%|%\}|｛|｝")
_OPENING = re.compile(r"\{%\w*\s*(?:if|for)\b")
_QUOTED = re.compile(r"""("[^"]*"|'[^']*')""")
_FULL_WIDTH = str.maketrans("（），＝＋－：．｜！＜＞［］　０１２３４５６７８９", "(),=+-:.|!<>[] 0123456789")


class _Environment(SandboxedEnvironment):
    """One template is filled for hundreds of projects: what was compiled is not compiled again."""

    def __init__(self) -> None:
        super().__init__(undefined=StrictUndefined, autoescape=True)
        self._compiled = lru_cache(maxsize=32)(super().from_string)  # a document has about ten parts

    def from_string(self, source: str) -> Template:
        return self._compiled(source)


_ENVIRONMENT = _Environment()


class FillError(Exception):
    """Something that a template asks for and cannot have; `cure` says what it may ask for."""

    def __init__(self, message: str, cure: str) -> None:
        super().__init__(message)
        self.cure = cure


def fill(content: bytes, called: str, names: dict[str, object]) -> Word:
    """A template (.docx bytes) with its tags replaced, as a document that is not saved yet.

    called: the template, in messages. names: what tags may use. Raises YidangError that names paragraph and cure.
    """
    try:
        filled = _Template(io.BytesIO(content))
        filled.render(names, _ENVIRONMENT)
    except (OSError, PackageNotFoundError, KeyError, zipfile.BadZipFile):
        raise YidangError(
            f"{called} 不是可以读的 Word 文件（.docx）。",
            "在 Word 或 WPS 里另存为 .docx 并关闭；或者重新写出一份：yidang report template",
        ) from None
    except _AtParagraph as error:
        raise YidangError(f"{called}，段落“{error.paragraph}”：{error.reason}", error.cure) from None
    for paragraph in filled.docx.element.body.iter(qn("w:p")):
        text = "".join(node.text or "" for node in paragraph.iter(qn("w:t")))
        if _STRAY.search(text):
            raise YidangError(
                f"{called}，段落“{_short(text)}”：有多余的花括号，标签没有认出来。",
                "标签用半角花括号，以 {{ 或 {% 开头、以 }} 或 %} 结尾，不跨段。",
            )
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
        except (TemplateError, FillError, AttributeError, TypeError, ValueError, ArithmeticError) as error:
            # what was not closed is found at the end; the person looks for where it was opened
            opened = [number for number, line in enumerate(lines, start=1) if _OPENING.search(_plain(line))]
            at = opened[-1] if "unexpected end of template" in str(error).lower() and opened else _line(error)
            paragraph = _words(lines, at)
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
        if text := _plain(line).strip():
            return _short(text)
    return "?"


def _plain(line: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", line))


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:77]}…"


def _reason(error: Exception) -> tuple[str, str]:
    if isinstance(error, FillError):
        return str(error), error.cure
    message = str(error).rstrip(".")
    if found := re.search(r"has no attribute '(.+)'", message):
        return (
            f"没有“.{found[1]}”。",
            f"一个数可以问：.数 .n .样本 .区间 .值 .不足 .有 .分子 .分母 .其余 .同比 .环比。{_NAMES}",
        )
    if found := re.search(r"^'(.+)' is undefined", message):
        return (
            f"模板里没有“{found[1]}”这个名字。",
            f'要一个指标，写 {{{{ 指标("{found[1]}") }}}}。{_NAMES}',
        )
    if "unexpected end of template" in message.lower():
        return "这里的 {% if %} 或者 {% for %} 没有结尾。", "在它结束的地方写 {% endif %} 或者 {% endfor %}。"
    if isinstance(error, TemplateError):
        return f"标签读不懂（{message}）。", f"看看是不是少了括号、引号或者花括号。{_NAMES}"
    if isinstance(error, TypeError) and "not supported between" in message:
        return "数本身不能比大小。", "比大小要写 .值，如 指标(…).值 > 90。"
    return f"{message or type(error).__name__}。", _NAMES


_NAMES = "标签的写法见 docs/templates.md。"
