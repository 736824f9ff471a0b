"""The interactive charts of the report page, as Vega-Lite specifications built with Altair.

Data are named, not contained: the page embeds each data set once. Fields are named as they are printed, so that they
serve as titles. `usermeta` tells the page's script how to lay out a chart (`fitted` in page.js): the number of panels,
the least width of one with its axes, the greatest width without, the pixels that axes take, height over width, the most
panels side by side; where the panels have a brush, the field that names a point and the menu that changes the axes;
the parameter that counts the panels whose text is shown.
"""

import json
import warnings

import altair as alt

from sparse_topology.words import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PALETTE,
    PURPLE,
    SKY,
    VERMILLION,
    colours,
    in_order,
    printed,
    shapes,
)

CONFIG = {
    "font": "system-ui, -apple-system, Segoe UI, Roboto, Helvetica Neue, Arial, sans-serif",
    "axis": {"labelFontSize": 11, "titleFontSize": 12, "titleFontWeight": "normal", "gridColor": "#e8ecf0"},
    "legend": {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal", "orient": "top"},
    "header": {"labelFontSize": 12, "labelFontWeight": "bold", "title": None},
    "view": {"stroke": None},
    "background": "transparent",
    "point": {"filled": True},
}
FADED = 0.08
# A long architecture's name over two lines.
BROKEN = "split(replace(datum.label, 'Wide-', 'Wide-|'), '|')"
# Very small and very large numbers with an exponent, the others as they are.
BRIEF = (
    "datum.value != 0 && (abs(datum.value) < 0.001 || abs(datum.value) >= 10000)"
    " ? format(datum.value, '.2~e') : format(datum.value, '~g')"
)


def specification(chart, **layout) -> dict:
    """A chart as a dict, without Altair's default sizes; layout is what the page's script reads."""
    spec = chart.to_dict(validate=False)
    spec.pop("config", None)
    return spec | {"usermeta": {"margin": 0, "edge": 0} | layout}


def word_colour(field: str, words):
    """Colour of printed words, legend in printing order."""
    found = in_order(words)
    look = colours(found)
    return alt.Color(f"{field}:N", title=None).scale(domain=[printed(w) for w in found], range=[look[w] for w in found])


def word_shape(field: str, words):
    """Shape of the points of printed words, the same that the static figures have."""
    found = in_order(words)
    look = shapes(found)
    return alt.Shape(f"{field}:N", title=None).scale(domain=[printed(w) for w in found], range=[look[w] for w in found])


def picked(field: str):
    """A selection by clicking the legend: what is not picked fades. It belongs to the first layer that has a legend,
    otherwise Vega-Lite merges the legends of the layers into one that does not answer."""
    return alt.selection_point(name=f"{field}_picked", fields=[field], bind="legend")


def lit(selection, opacity: float = 1.0):
    return alt.condition(selection, alt.value(opacity), alt.value(FADED))


def hints(*fields: str):
    """What shows on hover."""
    return [alt.Tooltip(f"{name}:N", title=name) for name in fields]


def menu(name: str, label: str, options: list[str]):
    """A drop-down that filters by the field `name`: the parameter, and the filter's expression."""
    bind = alt.binding_select(options=options, name=f"{label} ")
    parameter = alt.param(name=f"{name}_shown", value=options[0], bind=bind)
    return parameter, f"({name}_shown == 'all' || datum.{name} == {name}_shown)"


def chosen_by(chart, menus: dict[str, tuple[str, list[str]]]):
    """The chart, filtered by menus {field: (label, options)}; returns it and the parameters, which belong on top."""
    pairs = [menu(name, label, options) for name, (label, options) in menus.items()]
    return chart.transform_filter(" && ".join(where for _, where in pairs)), [parameter for parameter, _ in pairs]


def in_panels(chart, panels: list[str], gap: int, **independent):
    """Panels in the order given, `gap` pixels apart (room for what stands between them). Each has an x axis of its own:
    they may stand far below each other."""
    spacing = {"row": 82, "column": gap}
    chart = chart.facet(alt.Facet("panel:N", sort=panels), columns=1, bounds="flush", spacing=spacing)
    return chart.resolve_scale(**independent).resolve_axis(x="independent")


def accuracy(data: str, algorithms, sparsities: list[str], panels: list[str]) -> dict:
    """Accuracy against sparsity, one panel per data set and architecture; the dashed line is the dense network."""
    pick = picked("algorithm")
    base = alt.Chart().encode(
        x=alt.X("sparsity:O", title="sparsity", sort=sparsities).axis(labelAngle=0),
        color=word_colour("algorithm", algorithms),
        opacity=lit(pick),
        tooltip=hints("algorithm", "sparsity", "accuracy (%)", "dense network (%)", "seeds"),
    )
    y = alt.Y("mean:Q", title="accuracy (%)").scale(zero=False)
    line = base.mark_line(strokeWidth=1.5).encode(y=y).add_params(pick)
    bars = base.mark_rule().encode(y="low:Q", y2="high:Q")
    points = base.mark_point(size=45, opacity=1).encode(y=y, shape=word_shape("algorithm", algorithms))
    dense = alt.Chart().mark_rule(color=GREY, strokeDash=[5, 4]).encode(y="mean(dense):Q")
    chart = alt.layer(dense, line, bars, points, data=alt.NamedData(data))
    chart = in_panels(chart, panels, 58, y="independent")
    return specification(chart, panels=len(panels), least=230, edge=58, widest=320, aspect=0.75, most=4)


SCALES = ["linear", "log of the topometric", "ranks"]


def scatter(data: str, fields: list[str], menus: dict, groups: dict, size: int) -> dict:
    """Every topometric against the drop: brush in one panel, the same networks stay lit in all; click the legend.

    Each panel tells Pearson's r over all points shown, and within the groups that the colours are (group means taken
    off both). groups: {field: (label, words)} that the colour menu offers, the first one shown first. The data have
    beside each field `rank <field>`, and `rank drop`. size: of a point, in square pixels.
    """
    pick = picked("group")
    look, legends = {}, {}
    for field, (_, words) in groups.items():
        found = in_order(words)
        colour = colours(found)
        legends[field] = [brief_word(word) for word in found]
        look |= {brief_word(word): colour[word] for word in found}
    labels = [label for label, _ in groups.values()]
    bind = alt.binding_select(options=list(groups), labels=labels, name="colour ")
    coloured = alt.param(name="group_shown", value=next(iter(groups)), bind=bind)
    scaled = alt.param(name="scale_shown", value=SCALES[0], bind=alt.binding_select(options=SCALES, name="scale "))
    known = alt.ExprRef(f"({json.dumps(legends, ensure_ascii=False)})[group_shown]")
    colour = alt.Color("group:N", title=None).scale(domain=list(look), range=list(look.values())).legend(values=known)
    shown = [
        scatter_panel(number, field, colour, lit(pick, 0.75), size).add_params(pick)
        if part == "points"
        else scatter_text(number, field)
        for number, field in enumerate(fields)
        for part in ("points", "text")
    ]
    panels = [alt.layer(*shown[k : k + 2]) for k in range(0, len(shown), 2)]
    with warnings.catch_warnings():
        # The panels share their selections, which is what is wanted.
        warnings.filterwarnings("ignore", message="Automatically deduplicated selection parameter")
        chart = alt.concat(*panels, columns=1, data=alt.NamedData(data), spacing={"row": 34, "column": 14})
    chart, parameters = chosen_by(chart, menus)
    chart = chart.transform_calculate(
        group="datum[group_shown]", y="scale_shown == 'ranks' ? datum['rank drop'] : datum['accuracy drop']"
    )
    for number, field in enumerate(fields):
        value = f"datum[{json.dumps(field)}]"
        log = f"{value} > 0 ? log({value}) / LN10 : null"
        rank = f"datum[{json.dumps(f'rank {field}')}]"
        expression = f"scale_shown == 'ranks' ? {rank} : scale_shown == 'linear' ? {value} : {log}"
        chart = chart.transform_calculate(**{f"x_{number}": expression})
    chart = chart.add_params(coloured, scaled, alt.param(name="panels_told", value=0), *parameters)
    layout = {
        "panels": len(fields),
        "told": "panels_told",
        "least": 165,
        "edge": 68,
        "widest": 300,
        "aspect": 0.9,
        "most": 4,
    }
    return specification(chart, **layout, brush="network", axes="scale_shown")


def brief_word(word) -> str:
    return f"{word:g}" if isinstance(word, float) else printed(word)


def scatter_panel(number: int, field: str, colour, opacity, size: int):
    """The points of one topometric."""
    labels = f"scale_shown == '{SCALES[1]}' ? format(pow(10, datum.value), '.1~e') : {BRIEF}"
    axis = alt.Axis(tickCount=3, labelExpr=labels, labelOverlap=True)
    value = alt.Tooltip(f"{field}:Q", format=".4~g")
    return (
        alt.Chart()
        .mark_point(size=size)
        .encode(
            x=alt.X(f"x_{number}:Q", title=field, axis=axis).scale(zero=False),
            y=alt.Y("y:Q", title="accuracy drop").scale(zero=False).axis(tickCount=5),
            color=colour,
            opacity=opacity,
            tooltip=["network:N", value, alt.Tooltip("accuracy drop:Q", format=".3f"), "accuracy:N"],
        )
        .transform_filter(f"isValid(datum.x_{number}) && isValid(datum.y)")
    )


def scatter_text(number: int, field: str):
    """r over all points of a panel and within their groups, above it."""
    x = f"x_{number}"
    sums = {name: f"sum({name})" for name in ("xy", "xx", "yy", "wxy", "wxx", "wyy")}
    told = (
        "'r = ' + format(datum.r, '.2f') + (datum.groups > 1 && isFinite(datum.within)"
        " ? ', within ' + format(datum.within, '.2f') : '')"
    )
    return (
        alt.Chart()
        .transform_filter(f"{number} < panels_told && isValid(datum.{x}) && isValid(datum.y)")
        # Of each network these fields alone: what follows copies every field that is left.
        .transform_aggregate(networks="count()", groupby=["network", x, "y", "group"])
        .transform_joinaggregate(mx=f"mean({x})", my="mean(y)")
        .transform_joinaggregate(gx=f"mean({x})", gy="mean(y)", groupby=["group"])
        .transform_calculate(
            xy=f"(datum.{x} - datum.mx) * (datum.y - datum.my)",
            xx=f"pow(datum.{x} - datum.mx, 2)",
            yy="pow(datum.y - datum.my, 2)",
            wxy=f"(datum.{x} - datum.gx) * (datum.y - datum.gy)",
            wxx=f"pow(datum.{x} - datum.gx, 2)",
            wyy="pow(datum.y - datum.gy, 2)",
        )
        .transform_aggregate(points="count()", groups="distinct(group)", **sums)
        .transform_calculate(
            r="datum.xy / sqrt(datum.xx * datum.yy)",
            # What is left within the groups of a metric that they determine is rounding.
            within="datum.wxx > 1e-12 * datum.xx ? datum.wxy / sqrt(datum.wxx * datum.wyy) : NaN",
        )
        .transform_filter("datum.points > 2 && isFinite(datum.r)")
        .transform_calculate(told=told)
        .mark_text(align="left", baseline="bottom", fontSize=11, dy=-4)
        .encode(text="told:N", x=alt.value(0), y=alt.value(0))
    )


def interval_dots(data: str, models: list[str], panels: list[str], look: dict[str, str], least: float) -> dict:
    """Adjusted R² of every model with its interval, one panel per scenario. look: {model: colour}. Where a value lies
    below `least`, the axis's left end, an arrow points there."""
    base = alt.Chart().encode(
        y=alt.Y("model:N", sort=models, title=None).axis(grid=True, ticks=False, domain=False, labelLimit=200),
        color=alt.Color("model:N", legend=None).scale(domain=list(look), range=list(look.values())),
        tooltip=hints("model", "adjusted R²", "interval", "mean absolute error", "networks"),
    )
    x = alt.X("low:Q", title="adjusted R²").scale(domain=[least, 1]).axis(tickCount=4)
    bars = base.mark_rule(strokeWidth=2, clip=True).encode(x=x, x2="high:Q")
    beyond = alt.condition(alt.datum.r2 < least, alt.value("triangle-left"), alt.value("circle"))
    points = base.mark_point(size=60, opacity=1).encode(x="at:Q", shape=beyond)
    zero = alt.Chart().mark_rule(color=GREY).encode(x=alt.datum(0))
    chart = in_panels(alt.layer(zero, bars, points, data=alt.NamedData(data)), panels, 22)
    layout = {"height": 20 * len(models), "least": 135, "edge": 22, "margin": 200, "widest": 260, "most": 5}
    return specification(chart, panels=len(panels), **layout)


def ranking(data: str, menus: dict, panels: list[str], sparsities: list[str], strategies) -> dict:
    """RBO against sparsity with intervals: a panel per architecture, a line per strategy; dashed: a random order."""
    pick = picked("strategy")
    base = alt.Chart().encode(
        x=alt.X("sparsity:O", sort=sparsities, title="sparsity").axis(labelAngle=0),
        y=alt.Y("rbo:Q", title="rank-biased overlap").scale(domain=[0, 1]),
    )
    strategy = base.transform_filter(alt.datum.strategy != "random").encode(
        xOffset=alt.XOffset("strategy:N").scale(domain=[printed(s) for s in strategies], paddingOuter=0.5),
        color=word_colour("strategy", strategies),
        opacity=lit(pick),
        tooltip=hints("strategy", "sparsity", "RBO", "interval", "lost points"),
    )
    line = strategy.mark_line(strokeWidth=1.5).add_params(pick)
    points = strategy.mark_point(size=50, opacity=1).encode(shape=word_shape("strategy", strategies))
    bars = strategy.mark_rule(strokeWidth=1.2).encode(y=alt.Y("low:Q"), y2="high:Q")
    chance = alt.Chart().transform_filter(alt.datum.strategy == "random").mark_rule(color=GREY, strokeDash=[5, 4])
    chart = alt.layer(chance.encode(y="mean(rbo):Q"), line, bars, points, data=alt.NamedData(data))
    chart, parameters = chosen_by(chart, menus)
    chart = in_panels(chart, panels, 24).add_params(*parameters)
    return specification(chart, panels=len(panels), least=210, edge=24, margin=48, widest=320, aspect=0.85, most=4)


def layers(data: str, menus: dict, panels: list[str], metrics) -> dict:
    """Share of each metric over the layers, one panel per architecture; lines break where a layer has no value."""
    pick = picked("metric")
    base = alt.Chart().encode(
        x=alt.X("layer:Q", title="layer").axis(tickMinStep=1).scale(nice=False),
        y=alt.Y("share:Q", title="share of the sum over layers"),
        color=word_colour("metric", metrics),
        opacity=lit(pick),
        tooltip=[*hints("name", "metric"), alt.Tooltip("share:Q", format=".3f")],
    )
    line = base.mark_line(strokeWidth=1.5).add_params(pick)
    points = base.mark_point(size=30, opacity=1).encode(shape=word_shape("metric", metrics))
    chart, parameters = chosen_by(alt.layer(line, points, data=alt.NamedData(data)), menus)
    # A layer without a value stays, so that the line breaks there.
    chart = chart.transform_fold([printed(m) for m in in_order(metrics)], as_=["metric", "share"])
    chart = in_panels(chart, panels, 66, x="independent", y="independent").add_params(*parameters)
    return specification(chart, panels=len(panels), least=340, edge=66, widest=560, aspect=0.45, most=2)


def map_layers(base, title: str, numbers: bool = True) -> list:
    """Coloured cells of correlations and the numbers on them, a dash where there is none."""
    colour = alt.Color("r:Q", title=title).scale(scheme="redblue", reverse=True, domain=[-1, 1])
    cells = base.mark_rect(stroke="white").encode(color=colour.legend(gradientLength=160, titleLimit=300))
    if not numbers:
        return [cells]
    ink = alt.condition("abs(datum.r) > 0.6", alt.value("white"), alt.value("#1b1f24"))
    text = base.transform_calculate(text="isValid(datum.r) ? format(datum.r, '.2f') : '–'")
    return [cells, text.mark_text(fontSize=10.5).encode(text="text:N", color=ink)]


def heatmap(data: str, rows: list[str], columns: list[str], tooltip: list[str], title: str, numbers=True) -> dict:
    """One map of correlations `r`, in the orders given."""
    base = alt.Chart(alt.NamedData(data)).encode(
        x=alt.X("column:N", sort=columns, title=None).axis(
            labelAngle=0 if numbers else -60, labelLimit=110, labelExpr=BROKEN, ticks=False, domain=False
        ),
        y=alt.Y("row:N", sort=rows, title=None).axis(ticks=False, domain=False),
        tooltip=hints(*tooltip),
    )
    chart = alt.layer(*map_layers(base, title, numbers)).properties(height=alt.Step(21))
    return specification(chart, widest=760, margin=104)


def heatmaps(data: str, rows: list[str], columns: list[str], panels: list[str], menus: dict, title: str) -> dict:
    """Maps of correlations `r`, one per panel, chosen by menus."""
    base = alt.Chart().encode(
        x=alt.X("column:N", sort=columns, title=None).axis(labelAngle=0, ticks=False, domain=False),
        y=alt.Y("row:N", sort=rows, title=None).axis(ticks=False, domain=False),
        tooltip=hints("panel", "row", "column", "r", "layers"),
    )
    chart, parameters = chosen_by(alt.layer(*map_layers(base, title), data=alt.NamedData(data)), menus)
    chart = in_panels(chart, panels, 22).add_params(*parameters)
    layout = {"height": {"step": 21}, "least": 190, "edge": 22, "margin": 60, "widest": 300, "most": 4}
    return specification(chart, panels=len(panels), **layout)


def against(data: str, x: str, y: str, colour: str, words, menus: dict, tooltip: list[str], **layout) -> dict:
    """Points of y against x with the diagonal on which both are equal, chosen by menus; click the legend."""
    pick = picked(colour)
    points = (
        alt.Chart()
        .mark_point(size=26)
        .encode(
            x=alt.X(f"{x}:Q"),
            y=alt.Y(f"{y}:Q"),
            color=word_colour(colour, words),
            opacity=lit(pick, 0.75),
            tooltip=hints(*tooltip),
        )
    )
    ends = alt.Chart().mark_line(color=GREY, strokeDash=[5, 4])
    ends = ends.transform_aggregate(low=f"min({x})", high=f"max({x})")
    diagonal = ends.transform_fold(["low", "high"], as_=["end", "at"]).encode(
        x=alt.X("at:Q", title=x), y=alt.Y("at:Q", title=y)
    )
    chart, parameters = chosen_by(alt.layer(diagonal, points.add_params(pick), data=alt.NamedData(data)), menus)
    chart = chart.add_params(*parameters).properties(height=380)
    return specification(chart, **({"widest": 560, "margin": 60} | layout))


def reasons(data: str, tables: list[str], names: list[str]) -> dict:
    """A bar per table: cells that agree, and the others by the reason why. names: of the parts, agreement first."""
    look = [GREEN, BLUE, ORANGE, PURPLE, VERMILLION, SKY, GREY, BLACK, "#8c6d31"]
    order = {name: place for place, name in enumerate(names)}
    chart = alt.Chart(alt.NamedData(data)).mark_bar()
    chart = chart.transform_calculate(order=f"({json.dumps(order, ensure_ascii=False)})[datum.reason]").encode(
        x=alt.X("sum(cells):Q", title="cells"),
        y=alt.Y("table:N", sort=tables, title=None).axis(ticks=False, domain=False),
        color=alt.Color("reason:N", title=None)
        .scale(domain=names, range=[look[k % len(look)] for k in range(len(names))])
        .legend(columns=1, labelLimit=alt.ExprRef("max(300, width)")),
        order="order:Q",
        tooltip=hints("table", "reason", "cells"),
    )
    return specification(chart.properties(height=24 * len(tables)), widest=760, margin=70)


def beside(data: str, menus: dict, tooltip: list[str]) -> dict:
    """Ours against the printed value on square axes with the diagonal, and the difference; the colour says whether they
    agree."""
    pick = picked("agrees")
    colour = alt.Color("agrees:N", title=None).scale(domain=["agrees", "differs"], range=[GREEN, VERMILLION])
    shape = alt.Shape("agrees:N", title=None).scale(domain=["agrees", "differs"], range=["circle", "triangle-up"])
    base = (
        alt.Chart()
        .mark_point(size=30)
        .encode(
            x=alt.X("printed:Q", title="printed").scale(zero=False),
            color=colour,
            shape=shape,
            opacity=lit(pick, 0.75),
            tooltip=hints(*tooltip),
        )
    )
    ends = alt.Chart().mark_line(color=GREY, strokeDash=[5, 4])
    ends = ends.transform_calculate(least="min(datum.printed, datum.ours)", most="max(datum.printed, datum.ours)")
    ends = ends.transform_aggregate(least="min(least)", most="max(most)").transform_fold(
        ["least", "most"], as_=["end", "at"]
    )
    diagonal = ends.encode(x=alt.X("at:Q").scale(zero=False), y=alt.Y("at:Q").scale(zero=False))
    zero = alt.Chart().mark_rule(color=GREY).encode(y=alt.datum(0))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Automatically deduplicated selection parameter")
        panels = alt.concat(
            alt.layer(base.encode(y=alt.Y("ours:Q", title="ours").scale(zero=False)).add_params(pick), diagonal),
            alt.layer(zero, base.encode(y=alt.Y("difference:Q", title="ours − printed")).add_params(pick)),
            columns=1,
            data=alt.NamedData(data),
        )
    chart, parameters = chosen_by(panels, menus)
    return specification(chart.add_params(*parameters), panels=2, least=300, edge=70, widest=380, aspect=1, most=2)


def bars(data: str, rows: list[str], value: str, tooltip: list[str]) -> dict:
    """Horizontal bars, one per row, in the order given."""
    chart = alt.Chart(alt.NamedData(data)).mark_bar(color=colours(["mge"])["mge"])
    chart = chart.encode(
        x=alt.X(f"{value}:Q").axis(tickCount=5),
        y=alt.Y("row:N", sort=rows, title=None).axis(ticks=False, domain=False, labelLimit=170),
        tooltip=hints(*tooltip),
    ).properties(height=20 * len(rows))
    return specification(chart, widest=760, margin=180)


def main_result(data: str, rows: list[str], title: str, reference: float | None) -> dict:
    """Values with intervals, one row each, in the order given; what is no method is grey. reference: a value where a
    line stands."""
    kinds = alt.Color("kind:N", legend=None).scale(domain=["method", "reference", "ceiling"], range=[BLUE, GREY, GREY])
    base = alt.Chart().encode(
        y=alt.Y("row:N", sort=rows, title=None).axis(grid=True, ticks=False, domain=False, labelLimit=200),
        color=kinds,
        tooltip=hints("row", "interval"),
    )
    # Without an interval the bar has no length.
    bars = base.mark_rule(strokeWidth=3).encode(x=alt.X("low:Q", title=title).scale(zero=False, padding=8), x2="high:Q")
    bars = bars.transform_filter("isValid(datum.low)")
    points = base.mark_point(size=90, opacity=1).encode(x="value:Q")
    parts = [bars, points]
    if reference is not None:
        parts.insert(0, alt.Chart().mark_rule(color=GREY).encode(x=alt.datum(reference)))
    chart = alt.layer(*parts, data=alt.NamedData(data)).properties(height=28 * len(rows))
    return specification(chart, widest=760, margin=210)


def grouped_dots(
    data, rows: list[str], methods: list[str], title: str, tooltip: list[str], x="tau", least=None
) -> dict:
    """Values with intervals, a row per group and in it a line per method. `least`: the axis's left end; what is marked
    `beyond` has an arrow there."""
    pick = picked("method")
    look = dict(zip(methods, PALETTE, strict=False))
    base = alt.Chart().encode(
        y=alt.Y("row:N", sort=rows, title=None).axis(grid=True, ticks=False, domain=False, labelLimit=230),
        yOffset=alt.YOffset("method:N", sort=methods).scale(paddingOuter=0.8),
        color=alt.Color("method:N", title=None)
        .scale(domain=methods, range=list(look.values()))
        .legend(labelLimit=320, columns=alt.ExprRef("width > 300 ? 2 : 1")),
        opacity=lit(pick),
        tooltip=hints(*tooltip),
    )
    scale = {"zero": False} if least is None else {"domain": [least, 1]}
    across = alt.X("low:Q", title=title).scale(**scale)
    bars = base.mark_rule(strokeWidth=2, clip=True).encode(x=across, x2="high:Q").add_params(pick)
    arrow = alt.condition("datum.beyond === true", alt.value("triangle-left"), alt.value("circle"))
    points = base.mark_point(size=45, opacity=1).encode(x=f"{x}:Q", shape=arrow)
    zero = alt.Chart().mark_rule(color=GREY).encode(x=alt.datum(0))
    chart = alt.layer(zero, bars, points, data=alt.NamedData(data)).properties(
        height=(13 * len(methods) + 12) * len(rows)
    )
    return specification(chart, widest=820, margin=240)


def difference_dots(data: str, rows: list[str], panels: list[str], title: str, log: bool = False) -> dict:
    """Differences with their intervals around 0, one panel per pair; what is over all cells is black."""
    base = alt.Chart().encode(
        y=alt.Y("row:N", sort=rows, title=None).axis(grid=True, ticks=False, domain=False, labelLimit=220),
        color=alt.Color("kind:N", legend=None).scale(domain=["all", "cell"], range=[BLACK, BLUE]),
        tooltip=hints("panel", "row", "difference", "pairs"),
    )
    x = alt.X("low:Q", title=title)
    x = x.scale(type="symlog", constant=1).axis(values=[-100, -10, -1, 0, 1, 10, 100, 1000]) if log else x
    bars = base.mark_rule(strokeWidth=2).encode(x=x, x2="high:Q").transform_filter("isValid(datum.low)")
    points = base.mark_point(size=50, opacity=1).encode(x="value:Q")
    zero = alt.Chart().mark_rule(color=GREY).encode(x=alt.datum(0))
    chart = in_panels(alt.layer(zero, bars, points, data=alt.NamedData(data)), panels, 22)
    layout = {"height": 20 * len(rows), "least": 170, "edge": 22, "margin": 220, "widest": 300, "most": 4}
    return specification(chart, panels=len(panels), **layout)


def mask_history(data: str, menus: dict, panels: list[str]) -> dict:
    """Density of the layers over training, first layer light, last layer dark; one panel per method."""
    base = alt.Chart().encode(
        x=alt.X("training:Q", title="training (%)").scale(domain=[0, 100]),
        y=alt.Y("density:Q", title="layer density").scale(type="log", nice=False).axis(tickCount=4, format="~g"),
        detail="name:N",
        color=alt.Color("position:Q", title="layer")
        .scale(scheme="viridis", reverse=True, domain=[0, 1])
        .legend(type="gradient", gradientLength=120, values=[0, 1], labelExpr="datum.value ? 'last' : 'first'"),
        tooltip=["name:N", alt.Tooltip("training:Q", format=".0f"), alt.Tooltip("density:Q", format=".4f")],
    )
    positive = base.transform_filter(alt.datum.density > 0)
    parts = alt.layer(positive.mark_line(), positive.mark_point(size=14, opacity=1), data=alt.NamedData(data))
    chart, parameters = chosen_by(parts, menus)
    chart = in_panels(chart, panels, 24).add_params(*parameters)
    return specification(chart, panels=len(panels), least=210, edge=24, margin=48, widest=320, aspect=0.85, most=4)


def ratios(data: str, measures: list[str], architectures, menus: dict) -> dict:
    """Recomputed / released per measure and architecture: the median over the cells and where 90 % of them lie."""
    pick = picked("architecture")
    base = alt.Chart().encode(
        y=alt.Y("metric:N", sort=measures, title=None).axis(grid=True, ticks=False, domain=False),
        yOffset=alt.YOffset("architecture:N", sort=[printed(a) for a in in_order(architectures)]),
        color=word_colour("architecture", architectures),
        opacity=lit(pick),
        tooltip=hints("metric", "architecture", "median", "90 % of the cells", "cells"),
    )
    x = alt.X("low:Q", title="recomputed / released").scale(type="symlog", constant=0.1)
    x = x.axis(values=[-10, -1, 0, 0.2, 0.5, 1, 2, 5, 10, 100])
    bars = base.mark_rule(strokeWidth=2).encode(x=x, x2="high:Q").add_params(pick)
    points = base.mark_point(size=26, opacity=1).encode(x="ratio:Q")
    one = alt.Chart().mark_rule(color=GREY).encode(x=alt.datum(1))
    chart, parameters = chosen_by(alt.layer(one, bars, points, data=alt.NamedData(data)), menus)
    chart = chart.add_params(*parameters).properties(height=26 * len(measures))
    return specification(chart, widest=760, margin=130)
