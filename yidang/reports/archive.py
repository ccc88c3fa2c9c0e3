"""Where reports are kept: numbered versions, each written whole or not at all, none ever overwritten."""

from __future__ import annotations

import csv
import fcntl
import hashlib
import io
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from yidang.errors import YidangError
from yidang.reports import layout, pdf
from yidang.reports.blocks import Document, numbered_evidence
from yidang.reports.figures import Figure
from yidang.settings import Settings


@dataclass(frozen=True)
class ReportFiles:
    """What was written (or already there). note: one line about what is missing, or None."""

    docx: Path
    pdf: Path | None
    note: str | None


def keep(settings: Settings, document: Document, folder: Path, name: str) -> ReportFiles:
    """Write `name`.docx, .evidence.csv and (with LibreOffice) .pdf into `folder`.

    The newest version is kept as it is if it was made from the same figures by the same code; otherwise the next
    number is taken (`name`-v2 …). Raises YidangError if the folder cannot be written.
    """
    evidence = evidence_csv(document)
    identifier = f"yidang:{name}:{_digest(document, evidence)}"
    with _locked(folder):
        newest = _newest(folder, name)
        if newest and layout.identifier_of(newest) == identifier:
            return _with_pdf(settings, newest)
        stem = _next_stem(newest, name)
        with _staging(folder) as staging:
            (staging / f"{stem}.evidence.csv").write_bytes(evidence)
            (staging / f"{stem}.docx").write_bytes(layout.to_docx(document, identifier=identifier))
            # The .docx comes last: it is what says that a version exists.
            for suffix in (".evidence.csv", ".docx"):
                (staging / f"{stem}{suffix}").replace(folder / f"{stem}{suffix}")
        return _with_pdf(settings, folder / f"{stem}.docx")


def evidence_csv(document: Document) -> bytes:
    """One line per figure in reading order: what it is, over which rows, its value and n, and the SQL that gives it.

    UTF-8 with a byte order mark, so that office programs read it.
    """
    ids = numbered_evidence(document)
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(_EVIDENCE_COLUMNS)
    for source, identity in ids.items():
        if isinstance(source, Figure):
            writer.writerow(
                [
                    identity,
                    source.metric.name,
                    source.metric.label,
                    source.where,
                    source.value,
                    source.metric.unit,
                    source.n,
                    source.numerator,
                    source.denominator,
                    source.snapshot.as_of,
                    source.snapshot.calendar_version,
                    source.snapshot.rule_version,
                    source.sql,
                    "",
                ]
            )
        else:
            formula = source.formula.replace("later", ids[source.later]).replace("earlier", ids[source.earlier])
            snapshot = source.later.snapshot
            stamp = [snapshot.as_of, snapshot.calendar_version, snapshot.rule_version]
            writer.writerow([identity, "", "", "", source.value, "", "", "", "", *stamp, "", formula])
    return buffer.getvalue().encode("utf-8-sig")


_EVIDENCE_COLUMNS = (
    "id",
    "metric",
    "label",
    "slice",
    "value",
    "unit",
    "n",
    "numerator",
    "denominator",
    "as_of",
    "calendar_version",
    "rule_version",
    "sql",
    "formula",
)


def _digest(document: Document, evidence: bytes) -> str:
    """Of what the document says and of the code that lays it out."""
    digest = hashlib.sha256(evidence)
    digest.update(repr(_words(document)).encode())
    for module in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(module.read_bytes())
    return digest.hexdigest()[:32]


def _words(document: Document) -> list[str]:
    return [document.title, document.header, *(str(block) for block in document.blocks)]


# -- files -------------------------------------------------------------------------------------------------
def _with_pdf(settings: Settings, docx: Path) -> ReportFiles:
    target = docx.with_suffix(".pdf")
    if target.exists():
        return ReportFiles(docx, target, None)
    with _staging(docx.parent) as staging:
        made, note = pdf.convert(settings, docx, staging)
        if made:
            made.replace(target)
    return ReportFiles(docx, target if made else None, note)


def _newest(folder: Path, name: str) -> Path | None:
    found = {_version(path, name): path for path in folder.glob(f"{name}*.docx")}
    numbers = [number for number in found if number]
    return found[max(numbers)] if numbers else None


def _version(path: Path, name: str) -> int:
    """1 for name.docx, 2 for name-v2.docx …; 0 for a file that is not ours."""
    rest = path.stem.removeprefix(name)
    if not rest:
        return 1
    return int(rest[2:]) if rest.startswith("-v") and rest[2:].isdigit() else 0


def _next_stem(newest: Path | None, name: str) -> str:
    return f"{name}-v{_version(newest, name) + 1}" if newest else name


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One writer at a time: Airflow and a person may ask for the same report."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise _not_writable(folder, error) from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextmanager
def _staging(folder: Path) -> Iterator[Path]:
    """A folder on the same file system, so that files move in whole; removed whatever happens."""
    try:
        staging = Path(tempfile.mkdtemp(prefix=".writing-", dir=folder))
    except OSError as error:
        raise _not_writable(folder, error) from None
    try:
        yield staging
    except OSError as error:
        raise _not_writable(folder, error) from None
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _not_writable(folder: Path, error: OSError) -> YidangError:
    return YidangError(
        f"The report cannot be written to {folder}: {error.strerror}.",
        "Free the disk or mend the rights of the folder, or choose another with --output-dir.",
    )
