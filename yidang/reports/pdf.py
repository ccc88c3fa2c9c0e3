"""docx → pdf by LibreOffice, where it is installed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from yidang.reports.fonts import substituted, write_fontconfig
from yidang.settings import Settings

HOW_TO_GET_IT = "No PDF: LibreOffice is not installed (apt-get install libreoffice-writer), then run the report again."
_TIMEOUT_SECONDS = 180


def convert(settings: Settings, docx: Path, folder: Path) -> tuple[Path | None, str | None]:
    """Write `folder`/<name of docx>.pdf. Returns its path and one line about it, or None and why there is none."""
    program = shutil.which("soffice") or shutil.which("libreoffice")
    if program is None:
        return None, HOW_TO_GET_IT
    # A profile of our own: a LibreOffice that the user has open would otherwise take the request and not answer.
    profile = settings.home / "libreoffice"
    command = [
        "env",
        f"FONTCONFIG_FILE={write_fontconfig(settings)}",
        program,
        f"-env:UserInstallation={profile.resolve().as_uri()}",
        "--headless",
        "--norestore",
        "--convert-to",
        "pdf",
        "--outdir",
        folder,
        docx,
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return None, f"No PDF: LibreOffice did not finish within {_TIMEOUT_SECONDS} s."
    pdf = folder / f"{docx.stem}.pdf"
    if not pdf.exists():
        message = (done.stderr or done.stdout).strip().splitlines()
        return None, f"No PDF: LibreOffice failed: {message[-1] if message else f'exit code {done.returncode}'}"
    return pdf, substituted()
