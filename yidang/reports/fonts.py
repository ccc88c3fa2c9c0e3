"""The CJK font of charts and PDF: from the package noto-cjk, else one the system has, else a clear error."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from matplotlib import font_manager

from yidang.errors import YidangError
from yidang.settings import Settings

# Simplified faces, in order of preference; the first comes with the package noto-cjk[sans].
_FAMILIES = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei",
    "Microsoft YaHei",
    "SimHei",
    "PingFang SC",
)
# The standard's own (non-free) fonts by all their names, and what they become where they are not installed.
_OWN = {
    "方正小标宋简体": ("FZXiaoBiaoSong-B05S", "方正小标宋_GBK"),
    "仿宋_GB2312": ("FangSong_GB2312", "FangSong", "仿宋", "STFangsong"),
    "楷体_GB2312": ("KaiTi_GB2312", "KaiTi", "楷体", "STKaiti"),
    "黑体": ("SimHei",),
    "宋体": ("SimSun",),
}
_SONG = ("Noto Serif CJK SC", "Source Han Serif SC", "SimSun", *_FAMILIES)
_SUBSTITUTES = {
    "方正小标宋简体": _SONG,
    "仿宋_GB2312": _SONG,
    "楷体_GB2312": ("LXGW WenKai", "AR PL UKai CN", *_SONG),
    "黑体": _FAMILIES,
    "宋体": _SONG,
}


@cache
def chart_font() -> str:
    """The family to draw Chinese with, known to matplotlib. Raises YidangError if there is none."""
    packaged = packaged_font()
    if packaged:
        font_manager.fontManager.addfont(packaged)
    known = {entry.name for entry in font_manager.fontManager.ttflist}
    for family in _FAMILIES:
        if family in known:
            return family
    raise YidangError(
        "No Chinese font was found, so the charts of the report cannot be drawn.",
        "Run `make demo` (it installs noto-cjk[sans]), or install a system font (apt-get install fonts-noto-cjk).",
    )


def packaged_font() -> Path | None:
    """The font file of the package noto-cjk, if it is installed."""
    try:
        import noto_cjk
    except ImportError:
        return None
    try:
        return Path(noto_cjk.otc_path("sans"))
    except noto_cjk.FontNotInstalled:
        return None


@cache
def substituted() -> str | None:
    """One line about the standard's fonts that this machine lacks, since a PDF is set in others; None if it has all."""
    known = set(font_manager.get_font_names())
    missing = [name for name, names in _OWN.items() if not known.intersection((name, *names))]
    if not missing:
        return None
    return f"The PDF is set in free fonts for {', '.join(missing)}, which are not installed; the .docx names them."


def write_fontconfig(settings: Settings) -> Path:
    """A fontconfig file for LibreOffice: the system's fonts, the packaged one, substitutes by name."""
    folder = settings.home / "fonts"
    folder.mkdir(parents=True, exist_ok=True)
    packaged = packaged_font()
    lines = [
        '<?xml version="1.0"?>',
        '<!DOCTYPE fontconfig SYSTEM "fonts.dtd">',
        "<fontconfig>",
        '  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>',
        *([f"  <dir>{packaged.parent}</dir>"] if packaged else []),
        f"  <cachedir>{folder / 'cache'}</cachedir>",
    ]
    for name, substitutes in _SUBSTITUTES.items():
        families = "".join(f"<family>{family}</family>" for family in (*_OWN[name], *substitutes))
        lines.append(f'  <alias binding="same"><family>{name}</family><accept>{families}</accept></alias>')
    lines.append("</fontconfig>\n")
    path = folder / "fonts.conf"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path
