"""What came out, first: the claims of all sections, one picture, and how many networks they rest on."""

import math
from itertools import product

import pandas as pd

from sparse_topology.analysis.design import NETWORK
from sparse_topology.report import charts
from sparse_topology.report.evaluation import overall
from sparse_topology.report.page import Chart, Findings, Paragraph, Section
from sparse_topology.report.page import claims as claims_of
from sparse_topology.report.sections.inputs import PageInputs, empty
from sparse_topology.report.takeaways import estimate, mean_interval
from sparse_topology.words import in_order, printed

# The claims that open the page, the most telling first, MOST of them.
ORDER = ["before-training", "densities-alone", "controls", "regression", "accuracy", "ranking", "families", "scatter"]
ORDER += ["importance", "paper", "layers", "mask-history", "regression-folds"]
MOST = 7


def networks_sentence(pool: pd.DataFrame) -> str:
    """How many networks there are of the full design, and which are missing."""
    found = pool.drop_duplicates(NETWORK)
    values = {name: in_order(found[name]) for name in NETWORK}
    names = {"dataset": "data set", "architecture": "architecture", "pruning": "algorithm", "sparsity": "sparsity"}
    design = []
    for name, words in values.items():
        title = names.get(name, name)
        plural = title[:-1] + "ies" if title == "sparsity" else title + "s"
        design.append(f"{len(words)} {plural if len(words) > 1 else title}")
    full = math.prod(map(len, values.values()))
    head = f"{len(found):,} sparse networks: {' × '.join(design)}"
    if len(found) == full:
        return head + "."
    present = set(found[NETWORK].itertuples(index=False, name=None))
    missing = [network for network in product(*values.values()) if network not in present]
    text = f"{head} would be {full:,}; {len(missing)} {'is' if len(missing) == 1 else 'are'} not in the pool"
    if len(missing) > 4:
        return f"{text}."
    named = [f"{printed(p)} at {s:g} on {printed(d)}, {printed(a)}, seed {seed}" for d, a, p, s, seed in missing]
    return (
        f"{text}, since the results that it was made from have no row for {'it' if len(named) == 1 else 'them'}: "
        + ("; ".join(named) + ".")
    )


def picture(inputs: PageInputs) -> tuple[Chart, str] | None:
    """The chart of the main result and what it shows: the evaluation of `rank`, or the controls, or the strategies of
    the ranking, or the algorithms, whatever the pool has first."""
    for make in (evaluated, controlled, ranked, dropped):
        found = make(inputs)
        if found is not None:
            rows, title, text, reference = found
            frame = pd.DataFrame(rows, columns=["row", "kind", "value", "low", "high"])
            frame["interval"] = [estimate(*v) for v in frame[["value", "low", "high"]].itertuples(index=False)]
            spec = charts.main_result("main_result", list(frame["row"]), title, reference)
            chart = inputs.chart("main_result", spec, frame)
            values = "; ".join(f"{r.row} {r.interval}" for r in frame.itertuples())
            chart.alt = f"Chart: {title}. {values}."
            return chart, text
    return None


def evaluated(inputs: PageInputs):
    table = inputs.table("rank_evaluation")
    if table is None or table.empty:
        return None
    whole = overall(table)
    names = {
        ("perfect_predictor", "ceiling"): ("a perfect predictor, simulated", "ceiling"),
        ("one_seed_trained", "ceiling"): ("every candidate trained once", "ceiling"),
        ("paths", "leave_one_architecture_out"): ("path score", "method"),
        ("log_density_sum", "leave_one_architecture_out"): ("sum of log densities", "method"),
        ("mixture", "leave_one_architecture_out"): ("mixture (equation 5)", "method"),
        ("constant_order", "leave_one_architecture_out"): ("one order for all", "reference"),
        ("random_order", "none"): ("random order", "reference"),
    }
    rows = [
        (*names[key], *whole.loc[key, ["tau", "tau_low", "tau_high"]].astype(float))
        for key in names
        if key in whole.index
    ]
    text = (
        "How well the order of the algorithms can be told before training, on an architecture that was left out: "
        "Kendall's τ with the true order, mean over cells and 95 % interval. Grey: what needs no network, and what "
        "nothing can exceed by much."
    )
    return rows, "Kendall's τ with the true order", text, 0


def controlled(inputs: PageInputs):
    table = inputs.table("controls")
    if table is None:
        return None
    rows = table[(table["metric"] == "drop") & (table["dataset"] == "all") & (table["pairs"] > 0)]
    if rows.empty:
        return None
    values = [
        (f"{printed(r.control)} − {printed(r.reference)}", "method", 100 * r.difference, 100 * r.low, 100 * r.high)
        for r in rows.itertuples()
    ]
    text = (
        "What a method loses with its control: accuracy drop of the control minus that of the method, in points, mean "
        "over pairs of the same seed and 95 % interval. At 0 what the control lacks did not matter."
    )
    return values, "accuracy drop, control − method (points)", text, 0


def ranked(inputs: PageInputs):
    table = inputs.table("ranking")
    if table is None:
        return None
    rows = table[(table["subset"] == "all") & (table["dataset"] == "all") & table["default"].astype(bool)]
    rows = rows[(rows["sparsity"].astype(str) != "average") & rows["rbo"].notna()]
    values = {s: mean_interval(part["rbo"]) for s, part in rows.groupby("strategy", sort=False)}
    if len(values) < 2:
        return None
    order = sorted(values, key=lambda s: -values[s][0])
    text = (
        "How well each strategy orders the pruning algorithms by their accuracy: rank-biased overlap with the true "
        "order, mean over architectures and sparsities and 95 % interval over them."
    )
    kinds = {s: "reference" if s in ("random", "layer_density") else "method" for s in order}
    return [(printed(s), kinds[s], *values[s]) for s in order], "rank-biased overlap with the true order", text, None


def dropped(inputs: PageInputs):
    rows = inputs.pool[inputs.pool["drop"].notna()].drop_duplicates(NETWORK)
    if rows.empty:
        return None
    rows = rows[rows["sparsity"] == rows["sparsity"].max()]
    values = {p: mean_interval(100 * part["drop"]) for p, part in rows.groupby("pruning")}
    order = sorted(values, key=lambda p: values[p][0])
    text = f"Mean accuracy drop at sparsity {rows['sparsity'].iloc[0]:g}, over all networks, with 95 % intervals."
    return [(printed(p), "method", *values[p]) for p in order], "accuracy drop (%)", text, None


def section(inputs: PageInputs, sections: list[Section]) -> Section | None:
    """The first section, from those that follow."""
    part = Section("findings", "Findings")
    if inputs.pool.empty:
        part.blocks.append(empty("The pool holds no network."))
        return part
    found = claims_of(sections)
    chosen = [found[anchor] for anchor in ORDER if anchor in found]
    chosen = sorted(chosen, key=lambda entry: entry[0].text.startswith("Nothing"))[:MOST]
    if chosen:
        part.blocks.append(Findings(chosen))
    shown = picture(inputs)
    if shown:
        part.blocks += [shown[0], Paragraph(shown[1], "soft")]
    if inputs.pool["collapsed"].all():
        part.blocks.append(empty("All networks of this pool collapsed: no path leads from input to output."))
    part.blocks.append(Paragraph(networks_sentence(inputs.pool), "soft"))
    return part
