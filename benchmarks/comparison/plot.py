"""A plot as SVG: for each case a group of horizontal bars, one for each server."""

from collections.abc import Iterable, Mapping
from html import escape

WIDTH, MARGIN = 760, 16
LABEL_WIDTH, VALUE_WIDTH = 110, 90
BAR, STEP, HEADING, GAP = 13, 17, 22, 14
"""Pixels: the height of a bar, from one bar to the next, of the title of a group, below it."""
COLORS = ("#1f5fa8", "#8a8f98", "#c7772e", "#3f8f5f", "#8a5aa5", "#a8443f")
FONT = "font-family='system-ui, Helvetica, Arial, sans-serif' font-size='12'"


def render_plot(
    title: str, subtitle: str, groups: Mapping[str, Mapping[str, float]], series: Iterable[str]
) -> str:
    """Render `groups`, which are title → series → value.

    Each group has a scale of its own: its longest bar is as wide as the plot. All series have one
    color in all groups; a series without a value in a group has no bar there.
    """
    colors = dict(zip(series, COLORS, strict=False))
    top, parts = 3 * STEP + GAP, []
    for heading, values in groups.items():
        ordered = {name: values[name] for name in colors if name in values}
        parts += render_group(heading, ordered, colors, top)
        top += HEADING + STEP * len(values) + GAP
    head = [
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{WIDTH}' height='{top}'"
        f" viewBox='0 0 {WIDTH} {top}' role='img' {FONT}>",
        f"<title>{escape(title)}</title>",
        f"<rect width='{WIDTH}' height='{top}' fill='#ffffff'/>",
        render_text(MARGIN, STEP + 4, title, "font-size='16' font-weight='bold'"),
        render_text(MARGIN, 2 * STEP + 6, subtitle, "fill='#555555'"),
    ]
    return "\n".join([*head, *parts, "</svg>", ""])


def render_group(
    heading: str, values: Mapping[str, float], colors: Mapping[str, str], top: int
) -> list[str]:
    """Render the bars of one group, from `top` pixels down."""
    widest = max(values.values(), default=1.0)
    space = WIDTH - 2 * MARGIN - LABEL_WIDTH - VALUE_WIDTH
    left = MARGIN + LABEL_WIDTH
    parts = [render_text(MARGIN, top + 12, heading, "font-weight='bold'")]
    for row, (name, value) in enumerate(values.items()):
        y, width = top + HEADING + row * STEP, max(1.0, space * value / widest)
        parts += [
            render_text(left - 8, y + 10, name, "text-anchor='end' fill='#333333'"),
            f"<rect x='{left}' y='{y}' width='{width:.1f}' height='{BAR}' fill='{colors[name]}'/>",
            render_text(left + width + 6, y + 10, f"{value:,.0f} µs", "fill='#333333'"),
        ]
    return parts


def render_text(x: float, y: float, text: str, attributes: str = "") -> str:
    return f"<text x='{x:.0f}' y='{y:.0f}' {attributes}>{escape(text)}</text>"
