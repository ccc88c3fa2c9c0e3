"""The history of a rule as a small line: the share that failed, check by check, oldest to newest."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

_WIDTH, _HEIGHT, _MARGIN = 132, 30, 3


def svg(shares: Sequence[float], allowed: float | None) -> Markup:
    """An inline SVG; higher is worse. A dashed line is the share that is allowed, where one is."""
    top = max(*shares, (allowed or 0) * 1.25, 0.01)
    step = (_WIDTH - 2 * _MARGIN) / max(len(shares) - 1, 1)

    def height(share: float) -> float:
        return round(_HEIGHT - _MARGIN - share / top * (_HEIGHT - 2 * _MARGIN), 1)

    points = [(round(_MARGIN + place * step, 1), height(share)) for place, share in enumerate(shares)]
    if len(points) == 1:
        points = [(_WIDTH - _MARGIN, points[0][1])]
    line = " ".join(f"{x},{y}" for x, y in points)
    limit = (
        f'<line class="limit" x1="0" x2="{_WIDTH}" y1="{height(allowed)}" y2="{height(allowed)}"/>' if allowed else ""
    )
    told = f"{len(shares)} 次检查：{shares[0]:.1%} → {shares[-1]:.1%}，最高 {max(shares):.1%}"
    last_x, last_y = points[-1]
    return Markup(
        f'<svg class="spark" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" role="img"'
        f' aria-label="{told}"><title>{told}</title>{limit}<polyline points="{line}"/>'
        f'<circle cx="{last_x}" cy="{last_y}" r="2.5"/></svg>'
    )
