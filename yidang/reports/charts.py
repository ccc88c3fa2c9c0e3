"""Chart → PNG that reads in black and white: hatches and markers beside greys and blues, values written on."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, DateFormatter, date2num
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import MaxNLocator

from yidang.reports.blocks import Chart, Series
from yidang.reports.fonts import chart_font

WIDTH_MM = 152
_DPI = 200
# Fill, hatch, marker: neighbours differ in lightness and in hatch, so a copier keeps them apart.
_STYLES = (
    ("#1f4e79", "", "o"),
    ("#bdd7ee", "///", "s"),
    ("#7f7f7f", "...", "^"),
    ("#ffffff", "xxx", "D"),
)
# Of states, the first being the worst: red is for what is overdue, and dark on a copier too; yellow is the pace 正常's.
_STATES = (("#9c1f1f", ""), ("#e8913a", "///"), ("#bdbdbd", "..."), ("#ffffff", ""), ("#ffffff", "xxx"))
_INK = "#222222"
_LANE_MM = (5.5, 4.9)  # a row's height: of bars; of a time chart, which has more of them
_LANE_SIZE = 7.5  # points, of the names in a time chart
# What the numbers of two milestones take, as a share of a time chart's width.
_NUMBER_SHARE = 0.07
# Ticks of so short a chart are nearer than a month: they are named by their days.
_SHORT_SPAN = timedelta(days=200)


def draw(chart: Chart) -> bytes:
    """The chart as PNG bytes, the same bytes for the same chart. Raises YidangError if no Chinese font is found."""
    style = {
        "font.family": chart_font(),
        "font.size": 9,
        "axes.unicode_minus": False,
        "hatch.linewidth": 0.6,
        "axes.edgecolor": _INK,
        "text.color": _INK,
    }
    with rc_context(style):
        horizontal = chart.kind in ("ranking", "stacked", "panels", "gantt")
        height = max(46, 16 + _LANE_MM[chart.kind == "gantt"] * len(chart.categories)) if horizontal else 60
        # laying out measures every text twice: too long for the chart that hundreds of files have
        layout = "none" if chart.kind == "gantt" else "constrained"
        canvas = Canvas(figsize=(WIDTH_MM / 25.4, height / 25.4), dpi=_DPI, layout=layout)
        printer = FigureCanvasAgg(canvas)
        if chart.kind == "panels":
            _panels(canvas, chart)
        else:
            axes = canvas.add_subplot()
            _KINDS[chart.kind](axes, chart)
            _finish(axes)
            if len(chart.series) > 1:
                canvas.legend(loc="outside upper center", ncols=len(chart.series), frameon=False, handlelength=2.2)
        buffer = io.BytesIO()
        # savefig lays it out once more before; packing it harder takes twice the time for a twentieth of the size
        printer.print_png(buffer, metadata={"Software": None}, pil_kwargs={"compress_level": 3})
    return buffer.getvalue()


def _lines(axes: Axes, chart: Chart) -> None:
    for place, series in enumerate(chart.series):
        _, _, marker = _STYLES[place % len(_STYLES)]
        heights = [float("nan") if value is None else value for value in series.values]
        axes.plot(
            range(len(heights)),
            heights,
            color=_INK if place == 0 else "#7f7f7f",
            linestyle="-" if place == 0 else "--",
            marker=marker,
            markersize=4.5,
            markerfacecolor=_INK if place == 0 else "white",
            linewidth=1.4 if place == 0 else 1.0,
            label=series.name,
        )
        if place == 0:
            _label_points(axes, series)
    axes.set_xticks(range(len(chart.categories)), chart.categories)
    axes.set_xlim(-0.5, len(chart.categories) - 0.5)
    low, high = axes.get_ylim()
    axes.set_ylim(low - (high - low) * 0.08, high + (high - low) * 0.12)
    axes.set_ylabel(chart.unit)
    axes.grid(axis="y", color="#dddddd", linewidth=0.6)


def _label_points(axes: Axes, series: Series) -> None:
    for place, (value, label) in enumerate(zip(series.values, series.labels, strict=True)):
        if value is not None:
            box = {"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none"}
            axes.annotate(
                label, (place, value), (0, 7), textcoords="offset points", ha="center", fontsize=8, bbox=box, zorder=5
            )


def _steps(axes: Axes, chart: Chart) -> None:
    """Cumulative shares over days: a step at each day, the first series drawn full, the second dashed."""
    for place, series in enumerate(chart.series):
        heights = [float("nan") if value is None else value for value in series.values]
        axes.step(
            range(len(heights)),
            heights,
            where="post",
            color=_INK if place == 0 else "#7f7f7f",
            linestyle="-" if place == 0 else "--",
            linewidth=1.6 if place == 0 else 1.2,
            label=series.name,
        )
    axes.set_ylim(0, 102)
    axes.set_xlim(0, len(chart.categories) - 1)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("受理后工作日")
    axes.set_ylabel(chart.unit)
    axes.grid(color="#dddddd", linewidth=0.6)


def _waterfall(axes: Axes, chart: Chart) -> None:
    """Each bar's height, and between two of them what was taken off."""
    (series,) = chart.series
    heights = [value or 0 for value in series.values]
    fills = [style[0] for style in _STYLES[:3]]
    bars = axes.bar(range(len(heights)), heights, width=0.5, color=fills, edgecolor=_INK, linewidth=0.7)
    axes.bar_label(bars, labels=series.labels, padding=2, fontsize=9)
    for place, (before, after) in enumerate(pairwise(heights)):
        axes.plot([place + 0.25, place + 0.75], [before, before], color=_INK, linestyle=":", linewidth=0.9)
        if before > after:
            middle = (place + 0.5, (before + after) / 2)
            axes.annotate(f"−{before - after:.1f}", middle, ha="center", va="center", fontsize=9)
    axes.set_xticks(range(len(chart.categories)), chart.categories)
    axes.set_ylim(0, 115)
    axes.set_ylabel(chart.unit)


def _bars(axes: Axes, chart: Chart) -> None:
    width = 0.8 / len(chart.series)
    for place, series in enumerate(chart.series):
        fill, hatch, _ = _STYLES[place % len(_STYLES)]
        positions = [index + (place - (len(chart.series) - 1) / 2) * width for index in range(len(chart.categories))]
        bars = axes.bar(
            positions,
            [value or 0 for value in series.values],
            width=width * 0.92,
            color=fill,
            hatch=hatch,
            edgecolor=_INK,
            linewidth=0.7,
            label=series.name,
        )
        axes.bar_label(bars, labels=series.labels, padding=2, fontsize=7.5)
    axes.set_xticks(range(len(chart.categories)), chart.categories)
    axes.margins(y=0.14)
    axes.set_ylabel(chart.unit)
    axes.grid(axis="y", color="#dddddd", linewidth=0.6)


def _ranking(axes: Axes, chart: Chart) -> None:
    """One horizontal bar per category, best first, with its interval as a whisker."""
    (series,) = chart.series
    places = range(len(chart.categories))
    axes.barh(
        places,
        [value or 0 for value in series.values],
        height=0.58,
        color=_STYLES[1][0],
        edgecolor=_INK,
        linewidth=0.7,
        label=series.name,
    )
    for place, (value, label) in enumerate(zip(series.values, series.labels, strict=True)):
        interval = series.intervals[place] if series.intervals else None
        if value is not None and interval:
            low, high = interval
            error = [[max(value - low, 0)], [max(high - value, 0)]]
            axes.errorbar(value, place, xerr=error, color=_INK, capsize=3, linewidth=1)
        axes.annotate(
            label,
            (max(value or 0, interval[1] if interval else 0), place),
            (6, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
        )
    _horizontal_categories(axes, chart)
    axes.margins(x=0.16)


def _stacked(axes: Axes, chart: Chart) -> None:
    left = [0.0] * len(chart.categories)
    for place, series in enumerate(chart.series):
        fill, hatch = _STATES[place % len(_STATES)]
        widths = [value or 0 for value in series.values]
        axes.barh(
            range(len(chart.categories)),
            widths,
            left=left,
            height=0.58,
            color=fill,
            hatch=hatch,
            edgecolor=_INK,
            linewidth=0.7,
            label=series.name,
        )
        left = [start + width for start, width in zip(left, widths, strict=True)]
    for place, total in enumerate(left):
        labels = [f"{series.name}{series.labels[place]}" for series in chart.series if (series.values[place] or 0) > 0]
        axes.annotate(
            "　".join(labels) or "0", (total, place), (6, 0), textcoords="offset points", va="center", fontsize=8
        )
    _horizontal_categories(axes, chart)
    axes.margins(x=0.5)
    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _panels(canvas: Canvas, chart: Chart) -> None:
    """One panel per series: what is measured differently has no scale in common."""
    for place, (axes, series) in enumerate(zip(canvas.subplots(1, len(chart.series)), chart.series, strict=True)):
        fill, hatch, _ = _STYLES[place % len(_STYLES)]
        bars = axes.barh(
            range(len(chart.categories)),
            [value or 0 for value in series.values],
            height=0.58,
            color=fill,
            hatch=hatch,
            edgecolor=_INK,
            linewidth=0.7,
        )
        axes.bar_label(bars, labels=[label.replace("\n", "") for label in series.labels], padding=3, fontsize=8)
        axes.axvline(100, color=_INK, linestyle="--", linewidth=1)
        axes.set_title(series.name, fontsize=9)
        _horizontal_categories(axes, chart)
        if place:
            axes.set_yticklabels([])
        axes.set_xlim(0, 1.15 * max(100, *(value or 0 for value in series.values)))
        _finish(axes)


def _gantt(axes: Axes, chart: Chart) -> None:
    """Bars in time: stages dark, cases light, pauses hatched over them; milestones are lines, with numbers above."""
    styles = {"阶段": ("#1f4e79", "", 0.34), "办件": ("#bdd7ee", "", 0.62), "暂停": ("#ffffff", "////", 0.62)}
    for kind, (fill, hatch, height) in styles.items():
        spans = [span for span in chart.spans if span.row >= 0 and span.kind == kind]
        axes.barh(
            [span.row for span in spans],
            [max((span.last - span.first).days, 1) for span in spans],
            left=[date2num(span.first) for span in spans],
            height=height,
            color=fill,
            hatch=hatch,
            edgecolor=_INK,
            linewidth=0.5,
            zorder=3 if kind == "暂停" else 2,
        )
    milestones = [(date2num(span.first), span.state) for span in chart.spans if span.row < 0]
    _number(axes, milestones)
    heights = axes.get_xaxis_transform()
    axes.vlines(
        [day for day, _ in milestones], 0, 1, transform=heights, color="#7f7f7f", linestyle=":", linewidth=0.8, zorder=1
    )
    axes.set_yticks(range(len(chart.categories)), chart.categories, fontsize=_LANE_SIZE)
    axes.invert_yaxis()
    _leave_room(axes, chart.categories)
    days = [day for span in chart.spans for day in (span.first, span.last)]
    is_short = bool(days) and max(days) - min(days) <= _SHORT_SPAN
    axes.xaxis.set_major_locator(AutoDateLocator(minticks=3, maxticks=5 if is_short else 8))
    axes.xaxis.set_major_formatter(DateFormatter("%Y-%m-%d" if is_short else "%Y-%m"))
    axes.grid(axis="x", color="#dddddd", linewidth=0.6)


def _number(axes: Axes, points: Sequence[tuple[float, str]]) -> None:
    """The number of each above its line; of lines too near to each other the first and the last."""
    first, last = axes.dataLim.intervalx
    groups: list[list[tuple[float, str]]] = []
    for point in points:
        if groups and point[0] - groups[-1][0][0] < _NUMBER_SHARE * (last - first):
            groups[-1].append(point)
        else:
            groups.append([point])
    for group in groups:
        numbers = dict.fromkeys((group[0][1], group[-1][1]))
        place = (group[0][0], 1)
        axes.annotate("—".join(numbers), place, (-2, 2), axes.get_xaxis_transform(), "offset points", fontsize=6.5)


def _leave_room(axes: Axes, names: Sequence[str]) -> None:
    """For the names at the left, by their widths: a Chinese character is an em, any other at most 0.6 of it."""
    ems = max((sum(1 if ord(letter) > 0x2E80 else 0.6 for letter in name) for name in names), default=0)
    width, height = (length * 25.4 for length in axes.figure.get_size_inches())
    left = ems * _LANE_SIZE * 25.4 / 72 + 3
    axes.set_position((left / width, 8 / height, 1 - (left + 5) / width, 1 - 13 / height))


def _horizontal_categories(axes: Axes, chart: Chart) -> None:
    axes.set_yticks(range(len(chart.categories)), chart.categories)
    axes.invert_yaxis()
    axes.set_xlabel(chart.unit)
    axes.grid(axis="x", color="#dddddd", linewidth=0.6)


def _finish(axes: Axes) -> None:
    axes.set_axisbelow(True)
    axes.tick_params(length=2.5, colors=_INK)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


_KINDS = {
    "lines": _lines,
    "bars": _bars,
    "ranking": _ranking,
    "stacked": _stacked,
    "gantt": _gantt,
    "steps": _steps,
    "waterfall": _waterfall,
}


def short_label(names: Sequence[str]) -> tuple[str, ...]:
    """Category names that fit an axis: broken after nine characters."""
    return tuple("\n".join(name[start : start + 9] for start in range(0, len(name), 9)) for name in names)
