"""Where reports are kept: numbered versions, each written whole or not at all, none ever overwritten."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from yidang.errors import YidangError
from yidang.reports import layout, pdf
from yidang.settings import Settings

MANIFEST, WORKBOOK, CASES, TEMPLATE = ".json", ".evidence.xlsx", ".cases.csv.gz", ".template.docx"


@dataclass(frozen=True)
class ReportFiles:
    """What was written (or already there). note: one line about what is missing (the PDF, or its fonts), or None."""

    docx: Path
    pdf: Path | None
    note: str | None


@dataclass(frozen=True)
class Made:
    """A document that is not kept yet.

    docx:     its bytes, given the identifier that it is to carry.
    template: the Word file that was filled, to write the document again when the office has changed its own.
    manifest: everything else it was made of and every figure (reports.evidence), as plain values.
    evidence: writes `<stem>.cases.csv.gz` and `<stem>.evidence.xlsx` into a folder.
    """

    title: str
    docx: Callable[[str], bytes]
    template: bytes
    manifest: dict[str, object]
    evidence: Callable[[Path, str], None]

    @property
    def digest(self) -> str:
        """Of what the document shows and of the figures behind it, whatever code and template made it."""
        shown = hashlib.sha256(self.docx(""))
        shown.update(json.dumps(self.manifest["figures"], sort_keys=True, ensure_ascii=False).encode())
        return shown.hexdigest()[:32]


def keep(settings: Settings, made: Made, folder: Path, name: str, *, with_pdf: bool = True) -> ReportFiles:
    """Write `name`.docx, .json (what it was made of), .evidence.xlsx, .cases.csv.gz and, with LibreOffice, .pdf.

    The newest version is kept as it is if it shows the same with the same figures behind it; otherwise the next number
    is taken (`name`-v2 …). Raises YidangError if the folder cannot be written.
    """
    identifier = f"yidang:{name}:{made.digest}"
    with _locked(folder):
        kept = newest(folder, name)
        if kept and layout.identifier_of(kept) == identifier:
            return _with_pdf(settings, kept) if with_pdf else ReportFiles(kept, None, None)
        stem = _next_stem(kept, name)
        with _staging(folder) as staging:
            docx = made.docx(identifier)
            made.evidence(staging, stem)
            manifest = {**made.manifest, "identifier": identifier, "docx_sha256": hashlib.sha256(docx).hexdigest()}
            text = json.dumps(manifest, ensure_ascii=False, indent=1, default=str)
            (staging / f"{stem}{MANIFEST}").write_text(text + "\n", encoding="utf-8")
            (staging / f"{stem}.docx").write_bytes(docx)
            # The .docx comes last: it is what says that a version exists.
            (staging / f"{stem}{TEMPLATE}").write_bytes(made.template)
            for suffix in (CASES, WORKBOOK, TEMPLATE, MANIFEST, ".docx"):
                (staging / f"{stem}{suffix}").replace(folder / f"{stem}{suffix}")
        written = folder / f"{stem}.docx"
        return _with_pdf(settings, written) if with_pdf else ReportFiles(written, None, None)


def manifest_of(docx: Path) -> dict[str, object]:
    """What an archived document was made of. Raises YidangError if the file beside it is not there or not its own."""
    path = docx.with_name(docx.stem + MANIFEST)
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        content = docx.read_bytes()
    except (OSError, ValueError):
        raise YidangError(
            f"{docx} is no report of the archive: it or {path.name} beside it cannot be read.",
            "Name the .docx in the folder where `yidang report` wrote it; a copy needs its .json beside it.",
        ) from None
    manifest["is_untouched"] = hashlib.sha256(content).hexdigest() == manifest["docx_sha256"]
    return manifest


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


def newest(folder: Path, name: str) -> Path | None:
    """The last version of a document that was kept; None if there is none."""
    found = {_version(path, name): path for path in folder.glob(f"{name}*.docx") if not path.name.endswith(TEMPLATE)}
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
