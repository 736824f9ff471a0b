"""What the tables say, in plain words: passages that the page shows in its sections, findings.md in a row.

The sentences are conditional on the numbers where a claim could turn. A passage's parts are paragraphs (str), bullets
(list of str) and small tables (frames of strings, the index their first column).
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from sparse_topology.analysis.design import LAYER_METRICS, STRATEGIES
from sparse_topology.report.evaluation import one_fixed, overall
from sparse_topology.words import in_order, printed


@dataclass
class Passage:
    """Paragraphs, bullets and tables under a heading. name: of the heading, and of the passage's tables on the page."""

    name: str
    title: str
    parts: list = field(default_factory=list)


FEATURES = {
    "topometrics": "topometrics",
    "topometrics_further": "topometrics and further metrics",
    "graph_size": "graph size (N, E, 1/E)",
    "layer_density": "layer density",
    "architecture": "architecture",
    "architecture_dataset": "architecture and data set",
    "architecture_dataset_sparsity": "architecture, data set and sparsity",
    "topometrics_dataset": "topometrics and data set",
    "topometrics_architecture_dataset": "topometrics, architecture and data set",
}
FOLD_TITLES = {
    "random": "random",
    "grouped": "cells kept together",
    "leave_one_architecture_out": "one architecture out",
    "leave_one_dataset_out": "one data set out",
    "leave_one_algorithm_out": "one algorithm out",
}


def number(value, digits: int = 2) -> str:
    """A value for a table cell; a dash without one; powers of ten where a regression fails beyond reading."""
    if value is None or not np.isfinite(value):
        return "–"
    if abs(value) >= 1000:
        return f"{value:.0e}".replace("-", "−")
    return f"{value:.{digits}f}".replace("-", "−")


def span(values: pd.Series) -> str:
    """0.50, or 0.50 to 0.60 over several."""
    values = values.dropna()
    if values.empty:
        return "–"
    low, high = number(values.min()), number(values.max())
    return low if low == high else f"{low} to {high}"


def reproduction(comparison: pd.DataFrame) -> Passage:
    """How much of the paper comes out, and what does not, with the reasons."""
    accuracy = comparison[comparison["table"].isin([8, 9, 10]) & comparison["printed"].notna()]
    off = comparison[comparison["table"].isin([8, 9, 10]) & ~comparison["agrees"]]
    cells = comparison[(comparison["column"] != "Avg") & comparison["table"].isin([3, 4, 11, 12])]
    kind = cells["table"].astype(str) + ", " + cells["row"].map(row_name)
    grouped = cells.assign(kind=kind, size=cells["difference"].abs()).groupby("kind", sort=False)
    table = grouped.agg(cells=("agrees", "size"), agree=("agrees", "sum"), difference=("size", "mean"))
    table["difference"] = [number(v, 4 if k.endswith("MAE") else 3) for k, v in table["difference"].items()]
    table = table.rename_axis("table, row").rename(
        columns={"agree": "equal ± 1 digit", "difference": "mean difference"}
    )
    parts = [
        f"Tables 8 to 10: {int(accuracy['agrees'].sum())} of {len(accuracy)} printed mean accuracies come out to the "
        "printed digit. Tables 3, 4, 11 and 12, cell by cell:",
        table,
        "Accuracy cells that do not come out:",
        pd.DataFrame(
            {
                "cell": off["row"].map(printed) + " " + off["column"],
                "printed": off["printed"].map(lambda v: number(v, 1)),
                "ours": off["ours"].map(lambda v: number(v, 1)),
                "reason": off["note"].fillna(""),
            }
        ).set_index("table " + off["table"].astype(str) + ", " + off["scenario_or_model"].map(paper_name)),
        "All cells, with reasons, are in tables/paper_comparison.csv.",
    ]
    return Passage("reproduction", "What comes out of the paper", parts)


def paper_name(name: str) -> str:
    """A model or scenario of the paper as the page prints it."""
    return name.replace("Resnet", "ResNet")


def row_name(row: str) -> str:
    """A row of a printed table: an algorithm, a strategy, or an encoding and its score."""
    return printed(row).replace("/adjusted_r2", ", adjusted R²").replace("/mae", ", MAE")


def pivot(table: pd.DataFrame, columns: str, names: dict, score: str = "adjusted_r2") -> pd.DataFrame:
    """Scores as text: one row per scenario's value, one column per entry of `names` that occurs."""
    wide = table.pivot_table(index=["scenario", "value"], columns=columns, values=score, sort=False)
    wide = wide[[c for c in names if c in wide]].rename(columns=names)
    wide.index = pd.Index([printed(value) for _, value in wide.index], name="pool")
    return wide.map(number)


def baselines(regression: pd.DataFrame) -> Passage:
    """The topometrics against what needs no graph."""
    table = regression[(regression["folds"] == "random") & (regression["regressor"] == "mean")]
    table = table[table["encoding"] == table["encoding"].iloc[0]]
    text = []
    text.append(
        "Adjusted R² of the accuracy drop, eight regressors, random folds as in the paper's Table 3, with the "
        "topometrics and with features that need no graph:"
    )
    text.append(pivot(table, "features", FEATURES))
    wide = table.pivot_table(index=["scenario", "value"], columns="features", values="adjusted_r2", sort=False)
    for scenario, features in {
        "sparsity_fixed": "architecture_dataset",
        "architecture_fixed": "architecture_dataset_sparsity",
    }.items():
        if features not in wide or scenario not in wide.index:
            continue
        part = wide.loc[scenario].dropna(subset=[features, "topometrics"])
        above = part[part[features] > part["topometrics"]]
        if len(part):
            names = ", ".join(printed(value) for value in above.index)
            where = f" (at {names}: {span(above[features])})" if len(above) else ""
            text.append(
                f"{printed(scenario)}: {FEATURES[features]} alone, without any graph, exceed the topometrics in "
                f"{len(above)} of {len(part)} pools{where}; the topometrics reach {span(part['topometrics'])} over all."
            )
            if scenario == "sparsity_fixed" and "topometrics_dataset" in wide:
                both = part.loc[above.index] if len(above) else part
                text.append(
                    f"Topometrics and data set together reach {span(both['topometrics_dataset'])} there, architecture "
                    f"and data set {span(both[features])}: the difference is what the graphs add to the design."
                )
    return Passage("baselines", "Is it the topology?", text)


def generalisation(regression: pd.DataFrame) -> Passage:
    """Harder splits than random folds."""
    table = regression[regression["features"] == "topometrics"]
    table = table[table["encoding"] == table["encoding"].iloc[0]]
    mean, ridge = (table[table["regressor"] == name] for name in ("mean", "ridge"))
    text = []
    text.append(
        "Adjusted R² of the topometrics where the test networks are less alike those trained on. Random folds put the "
        "seeds of one cell into training and test sets alike; an R² below 0 is worse than predicting the mean."
    )
    text.append("Mean of the eight regressors:")
    text.append(pivot(mean, "folds", FOLD_TITLES))
    text.append("Ridge regression alone, whose penalty keeps it from extrapolating far:")
    text.append(pivot(ridge, "folds", FOLD_TITLES))
    wide = ridge.pivot_table(index=["scenario", "value"], columns="folds", values="adjusted_r2", sort=False)
    for folds in [f for f in FOLD_TITLES if f != "random" and f in wide]:
        values = wide[folds].dropna()
        text.append(
            f"Ridge, {FOLD_TITLES[folds]}: {span(values)} (random folds {span(wide.loc[values.index, 'random'])}); "
            f"{int((values < 0).sum())} of {len(values)} pools below 0."
        )
    return Passage("generalisation", "Does it carry over?", text)


def redundancy(table: pd.DataFrame) -> Passage:
    """Metrics that repeat others."""
    first = table[table["encoding"] == table["encoding"].iloc[0]]
    same = first[first["is_identity"].eq(True)]
    high = first[first["variance_inflation"] > 10].sort_values("variance_inflation", ascending=False)
    sized = first[first["r2_size"] > 0.9]
    lines = []
    for row in same.itertuples():
        lines.append(
            f"{printed(row.metric)} is exactly {row.identity} (largest deviation {row.identity_deviation:.0e})."
        )
    for row in sized.itertuples():
        lines.append(f"{printed(row.metric)}: {row.r2_size:.0%} of its variance is a linear function of N, E and 1/E.")
    for row in high.itertuples():
        lines.append(
            f"{printed(row.metric)}: variance inflation {number(row.variance_inflation, 0)}; closest to "
            f"{printed(row.closest)} (r = {number(row.closest_r)})."
        )
    parts = [f"Among the {len(first)} topometrics of the {printed(first['encoding'].iloc[0])}:", lines]
    if len(high):
        parts.append("Coefficients of a linear model on metrics that inflate each other mean little one by one.")
    return Passage("repeats", "How many metrics are there?", parts)


def importance(table: pd.DataFrame) -> Passage:
    """The strongest correlations with intervals."""
    table = table[(table["encoding"] == table["encoding"].iloc[0]) & table["r"].notna()]
    rows = []
    for (scenario, value), part in table.groupby(["scenario", "value"], sort=False):
        best = part.loc[part["r"].abs().sort_values(ascending=False).index[:3]]
        unclear = int(((part["low"] < 0) & (part["high"] > 0)).sum())
        strongest = "; ".join(
            f"{printed(r.metric)} {number(r.r)} [{number(r.low)}, {number(r.high)}]" for r in best.itertuples()
        )
        rows.append(
            {"pool": f"{printed(scenario)} {printed(value)}", "strongest r": strongest, "sign unclear": unclear}
        )
    head = (
        "The three largest Pearson r per pool with 95 % bootstrap intervals over networks, and how many metrics have "
        "an interval that contains 0:"
    )
    return Passage("strongest", "The strongest correlations", [head, pd.DataFrame(rows).set_index("pool")])


def ranking(table: pd.DataFrame) -> Passage:
    """Strategies compared, undefined metrics last and first."""
    shown = [*STRATEGIES, "random"]
    overall = table[(table["subset"] == "all") & (table["dataset"] == "all") & (table["strategy"].isin(shown))]
    cells = overall[overall["sparsity"] != "average"]
    means = cells.groupby(["strategy", "missing"])[["rbo", "tau", "lost_points"]].mean()
    rows = []
    for strategy in shown:
        for missing in ("last", "first"):
            if (strategy, missing) in means.index:
                row = means.loc[strategy, missing]
                undefined = cells[(cells["strategy"] == strategy) & (cells["missing"] == missing)]["undefined"].sum()
                name = printed(strategy) + (f", undefined {missing}" if undefined else "")
                if missing == "last" or undefined:
                    values = {"RBO": number(row["rbo"]), "Kendall tau": number(row["tau"])}
                    rows.append({"strategy": name, **values, "points lost": number(row["lost_points"], 1)})
    text = []
    text.append(
        "Means over architectures, sparsities and data sets; points lost is the accuracy drop given away by training "
        "the algorithm that comes first instead of the best one:"
    )
    text.append(pd.DataFrame(rows).set_index("strategy"))
    width = (cells["rbo_high"] - cells["rbo_low"])[cells["strategy"] == "ours"]
    if width.notna().any():
        text.append(
            f"The 95 % interval of one cell of the mixture, seeds drawn anew, is {number(width.median())} wide in RBO "
            "(median): smaller differences between single cells are not to be told from chance."
        )
    both = cells[cells["strategy"].isin(LAYER_METRICS[1:])].pivot_table(
        index=["strategy", "architecture", "sparsity"], columns="missing", values="rbo"
    )
    moved = both[(both["first"] - both["last"]).abs() > 0.1]
    if len(moved):
        text.append("Cells of the Ramanujan metrics that hang on where undefined values are put (RBO):")
        listed = moved[["last", "first"]].map(number)
        names = [" ".join(map(printed, key)) for key in listed.index]
        listed.index = pd.Index(names, name="strategy, architecture, sparsity")
        text.append(listed)
        text.append(
            "Put first, which is what the paper's tables show, an algorithm is preferred for having no value at all."
        )
    return Passage("ranking-means", "Means over all cells", text)


def layers(table: pd.DataFrame) -> Passage:
    """Ramanujan metrics against density, layer by layer."""
    defined = table.dropna(subset=["r"])
    summary = defined.groupby("metric", sort=False)["r"].agg(
        cells="size", median="median", above=lambda r: (r > 0.9).mean()
    )
    summary["median"] = summary["median"].map(number)
    summary["above"] = summary["above"].map("{:.0%}".format)
    summary = summary.rename(columns={"median": "median r", "above": "r above 0.9"})
    summary = summary.rename(index=printed).astype(str)
    head = "Correlation with the layer density over the layers of a cell:"
    return Passage("layer-summary", "The Ramanujan metrics and density", [head, summary])


METHODS = {
    "paths": "path score",
    "paths_form_chosen": "path score, its form chosen inside the fold",
    "log_density_sum": "sum of log densities, no parameter",
    "mixture": "mixture (equation 5)",
    "constant_order": "constant order, no network measured",
    "random_order": "random order",
    "one_seed_trained": "every candidate trained once",
    "perfect_predictor": "a perfect predictor, simulated",
    "perfect_predictor_shrunk": "the same, true drops closer together",
}
LEFT_OUT = {
    "leave_one_architecture_out": "one architecture",
    "leave_one_dataset_out": "one data set",
    "leave_both_out": "both at once",
    "leave_one_architecture_on_one_dataset_out": "one architecture on one data set",
    "leave_one_sparsity_out": "one sparsity",
    "leave_one_algorithm_out": "one algorithm (its pairs)",
    "in_sample": "nothing (optimistic)",
}


def with_interval(row: pd.Series, measure: str, digits: int = 2) -> str:
    low, high = (number(row[f"{measure}_{end}"], digits) for end in ("low", "high"))
    value = number(row[measure], digits)
    return value if value == "–" or low == high == value else f"{value} [{low}, {high}]"


def scores(row: pd.Series) -> dict[str, str]:
    first = row["first_is_best"]
    return {
        "Kendall tau": with_interval(row, "tau"),
        "RBO": with_interval(row, "rbo"),
        "points lost": with_interval(row, "lost_points"),
        "first is best": f"{first:.0%}" if np.isfinite(first) else "–",
    }


def prediction(table: pd.DataFrame) -> Passage:
    """How well the order before training does: the methods, the ceiling, what was left out, where each fails."""
    whole = overall(table)
    found = [
        (method, procedure) for procedure in ("leave_one_architecture_out", "none", "ceiling") for method in METHODS
    ]
    rows = {METHODS[key[0]]: scores(whole.loc[key]) for key in found if key in whole.index}
    text = [
        "The order that rank makes from untrained masks against the true one, with the architecture that is "
        "predicted left out of everything fitted; below, what nothing can exceed by much, since the true order is "
        "itself a mean over few seeds. Means over cells (architecture, data set, sparsity), 95 % bootstrap intervals "
        "over cells; points lost is the accuracy drop given away by training the algorithm put first:",
        pd.DataFrame(rows).T.rename_axis("method"),
        "The path score is a sum over layers of the logarithm of their density, a late layer counting more the more "
        "classes there are: it knows how many weights each layer keeps, and nothing of how they are joined. Its form "
        "was found on these same networks, so that its row flatters it; the row with the form chosen inside the fold "
        "is what searching for it anew, without the left-out networks, comes to.",
        "Kendall tau by what is left out, and paired differences:",
        left_out_table(whole),
        verdict(whole),
        "Where each fails (one architecture left out, Kendall tau and points lost):",
        weak_spots(table),
        failures(table),
    ]
    parts = [part for part in text if not isinstance(part, str) or part]
    return Passage("predicting", "Predicting before training", parts)


def left_out_table(whole: pd.DataFrame) -> pd.DataFrame:
    rows = {}
    for procedure, name in LEFT_OUT.items():
        methods = ["paths", "mixture", "log_density_sum", "paths - mixture", "paths - log_density_sum"]
        known = [method for method in methods if (method, procedure) in whole.index]
        titles = {"paths": "path score", "mixture": "mixture", "log_density_sum": "no parameter"}
        titles |= {"paths - mixture": "path score − mixture", "paths - log_density_sum": "path score − no parameter"}
        rows[name] = {titles[m]: with_interval(whole.loc[(m, procedure)], "tau") for m in known}
    return pd.DataFrame({k: v for k, v in rows.items() if v}).T.fillna("–").rename_axis("left out")


def verdict(whole: pd.DataFrame) -> str:
    """Whether the path score beats the mixture on a new architecture, what of it needs parameters, and how far layer
    densities alone go.
    """
    key = "leave_one_architecture_out"
    pairs = {
        "paths - mixture": ("the path score", "the mixture"),
        "paths - log_density_sum": ("with its parameters the path score", "the sum without them"),
        "log_density_sum - mixture": ("the sum without parameters", "the mixture"),
    }
    lines = []
    for difference, (what, other) in pairs.items():
        if (difference, key) not in whole.index:
            continue
        row = whole.loc[(difference, key)]
        claims = []
        for measure, name, sign in (("tau", "Kendall tau", 1), ("lost_points", "points lost", -1)):
            low, high = sorted((sign * row[f"{measure}_low"], sign * row[f"{measure}_high"]))
            word = "better" if low > 0 else "worse" if high < 0 else "not to be told apart"
            claims.append(f"{word} in {name} ({with_interval(row, measure)})")
        lines.append(f"On a new architecture {what} is, against {other}, {' and '.join(claims)}.")
    known = [("one_seed_trained", "ceiling"), ("log_density_sum", key), ("paths", key)]
    if all(row in whole.index for row in known):
        trained, free, fitted = (whole.loc[row, "tau"] for row in known)
        lines.append(
            f"In Kendall tau, layer densities alone go {free / trained:.0%} of the way from a random order to training "
            f"every candidate once without any parameter, and {fitted / trained:.0%} with three fitted ones."
        )
    return " ".join(lines)


def failures(table: pd.DataFrame) -> str:
    """In words, the architecture and the sparsity where each method orders worst and where it loses most, and where
    one of path score and mixture beats the other beyond the interval.
    """
    part = table[table["procedure"] == "leave_one_architecture_out"]
    lines = []
    for method in ("paths", "mixture"):
        own = part[part["method"] == method].dropna(subset=["tau", "lost_points"])
        parts = []
        for column in ("architecture", "sparsity"):
            fixed = one_fixed(own, column)
            if len(fixed):
                order, loss = fixed.loc[fixed["tau"].idxmin()], fixed.loc[fixed["lost_points"].idxmax()]
                parts.append(
                    f"by {column} it orders worst with {printed(order[column])} (tau {with_interval(order, 'tau')}) "
                    f"and loses most with {printed(loss[column])} ({with_interval(loss, 'lost_points')} points)"
                )
        if parts:
            lines.append(f"The {METHODS[method]}: {'; '.join(parts)}.")
    paired, better = part[part["method"] == "paths - mixture"], {"paths": [], "mixture": []}
    for column in ("architecture", "sparsity", "dataset"):
        for _, row in one_fixed(paired, column).iterrows():
            winner = "paths" if row["tau_low"] > 0 else "mixture" if row["tau_high"] < 0 else None
            if winner:
                where = f"sparsity {row[column]}" if column == "sparsity" else printed(row[column])
                better[winner].append(f"{where} ({with_interval(row, 'tau')})")
    lines += [
        f"Beyond the interval of the difference in tau, the {METHODS[method]} orders better with {', '.join(cells)}."
        for method, cells in better.items()
        if cells
    ]
    return " ".join(lines)


def weak_spots(table: pd.DataFrame) -> pd.DataFrame:
    """Path score, mixture and one trained seed per architecture and per sparsity."""
    rows = {}
    part = table[table["procedure"].isin(["leave_one_architecture_out", "ceiling"])]
    names = {"architecture": "architecture", "sparsity": "sparsity", "dataset": "data set"}
    for column in names:
        fixed = one_fixed(part, column)
        for value in in_order(fixed[column]):
            group = fixed[fixed[column] == value]
            group = group.set_index("method")
            for method in ("paths", "mixture", "one_seed_trained"):
                if method in group.index:
                    row = group.loc[method]
                    entry = f"{number(row['tau'])}, {number(row['lost_points'])}"
                    rows.setdefault(f"{names[column]} {printed(value)}", {})[METHODS[method]] = entry
    return pd.DataFrame(rows).T.fillna("–").rename_axis("cells with")
