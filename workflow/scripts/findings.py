"""What the tables say, in plain words: a Markdown page in which every number comes from a table of this run.

The sentences are conditional on the numbers where a claim could turn; without the paper's comparison (a study of one's
own) that section is left out.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from sparse_topology.analysis.design import LAYER_METRICS, STRATEGIES
from sparse_topology.files import write_text
from sparse_topology.job import job
from sparse_topology.words import printed

TEXT = {"value": str, "sparsity": str, "column": str}
FEATURES = {
    "topometrics": "topometrics",
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


def markdown(frame: pd.DataFrame) -> str:
    """A table of strings, the index as its first column."""
    head = [frame.index.name or "", *map(str, frame.columns)]
    rows = [[str(name), *map(str, row)] for name, row in zip(frame.index, frame.to_numpy(), strict=True)]
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def span(values: pd.Series) -> str:
    """0.50, or 0.50 to 0.60 over several."""
    values = values.dropna()
    if values.empty:
        return "–"
    low, high = number(values.min()), number(values.max())
    return low if low == high else f"{low} to {high}"


def reproduction(comparison: pd.DataFrame) -> str:
    """How much of the paper comes out, and what does not, with the reasons."""
    accuracy = comparison[comparison["table"].isin([8, 9, 10]) & comparison["printed"].notna()]
    off = comparison[comparison["table"].isin([8, 9, 10]) & ~comparison["agrees"]]
    cells = comparison[(comparison["column"] != "Avg") & comparison["table"].isin([3, 4, 11, 12])]
    kind = cells["table"].astype(str) + ", " + cells["row"].str.replace("/", " ")
    grouped = cells.assign(kind=kind, size=cells["difference"].abs()).groupby("kind", sort=False)
    table = grouped.agg(cells=("agrees", "size"), agree=("agrees", "sum"), difference=("size", "mean"))
    table["difference"] = [number(v, 4 if "mae" in k else 3) for k, v in table["difference"].items()]
    table = table.rename_axis("table, row").rename(
        columns={"agree": "equal ± 1 digit", "difference": "mean difference"}
    )
    text = [
        "## What comes out of the paper",
        f"Tables 8 to 10: {int(accuracy['agrees'].sum())} of {len(accuracy)} printed mean accuracies come out to the "
        "printed digit. Tables 3, 4, 11 and 12, cell by cell:",
        markdown(table),
        "Accuracy cells that do not come out:",
        markdown(
            pd.DataFrame(
                {
                    "cell": off["row"] + " " + off["column"],
                    "printed": off["printed"].map(lambda v: number(v, 1)),
                    "ours": off["ours"].map(lambda v: number(v, 1)),
                    "reason": off["note"],
                }
            ).set_index("table " + off["table"].astype(str) + ", " + off["scenario_or_model"])
        ),
        "All cells, with reasons, are in `tables/paper_comparison.csv`.",
    ]
    return "\n\n".join(text)


def pivot(table: pd.DataFrame, columns: str, names: dict, score: str = "adjusted_r2") -> pd.DataFrame:
    """Scores as text: one row per scenario's value, one column per entry of `names` that occurs."""
    wide = table.pivot_table(index=["scenario", "value"], columns=columns, values=score, sort=False)
    wide = wide[[c for c in names if c in wide]].rename(columns=names)
    wide.index = pd.Index([value for _, value in wide.index], name="pool")
    return wide.map(number)


def baselines(regression: pd.DataFrame) -> str:
    """The topometrics against what needs no graph."""
    table = regression[(regression["folds"] == "random") & (regression["regressor"] == "mean")]
    table = table[table["encoding"] == table["encoding"].iloc[0]]
    text = ["## Is it the topology?"]
    text.append(
        "Adjusted R² of the accuracy drop, eight regressors, random folds as in the paper's Table 3, with the "
        "topometrics and with features that need no graph:"
    )
    text.append(markdown(pivot(table, "features", FEATURES)))
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
            where = f" (at {', '.join(above.index)}: {span(above[features])})" if len(above) else ""
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
    return "\n\n".join(text)


def generalisation(regression: pd.DataFrame) -> str:
    """Harder splits than random folds."""
    table = regression[regression["features"] == "topometrics"]
    table = table[table["encoding"] == table["encoding"].iloc[0]]
    mean, ridge = (table[table["regressor"] == name] for name in ("mean", "ridge"))
    text = ["## Does it carry over?"]
    text.append(
        "Adjusted R² of the topometrics where the test networks are less alike those trained on. Random folds put the "
        "seeds of one cell into training and test sets alike; an R² below 0 is worse than predicting the mean."
    )
    text.append("Mean of the eight regressors:")
    text.append(markdown(pivot(mean, "folds", FOLD_TITLES)))
    text.append("Ridge regression alone, whose penalty keeps it from extrapolating far:")
    text.append(markdown(pivot(ridge, "folds", FOLD_TITLES)))
    wide = ridge.pivot_table(index=["scenario", "value"], columns="folds", values="adjusted_r2", sort=False)
    for folds in [f for f in FOLD_TITLES if f != "random" and f in wide]:
        values = wide[folds].dropna()
        text.append(
            f"Ridge, {FOLD_TITLES[folds]}: {span(values)} (random folds {span(wide.loc[values.index, 'random'])}); "
            f"{int((values < 0).sum())} of {len(values)} pools below 0."
        )
    return "\n\n".join(text)


def redundancy(table: pd.DataFrame) -> str:
    """Metrics that repeat others."""
    first = table[table["encoding"] == table["encoding"].iloc[0]]
    same = first[first["is_identity"].eq(True)]
    high = first[first["variance_inflation"] > 10].sort_values("variance_inflation", ascending=False)
    sized = first[first["r2_size"] > 0.9]
    text = [f"## How many metrics are there?\n\nAmong the {len(first)} topometrics of `{first['encoding'].iloc[0]}`:\n"]
    for row in same.itertuples():
        text.append(f"- `{row.metric}` is exactly {row.identity} (largest deviation {row.identity_deviation:.0e}).")
    for row in sized.itertuples():
        text.append(f"- `{row.metric}`: {row.r2_size:.0%} of its variance is a linear function of N, E and 1/E.")
    for row in high.itertuples():
        text.append(
            f"- `{row.metric}`: variance inflation {number(row.variance_inflation, 0)}; closest to `{row.closest}` "
            f"(r = {number(row.closest_r)})."
        )
    if len(high):
        text.append("\nCoefficients of a linear model on metrics that inflate each other mean little one by one.")
    return "\n".join(text)


def importance(table: pd.DataFrame) -> str:
    """The strongest correlations with intervals."""
    table = table[(table["encoding"] == table["encoding"].iloc[0]) & table["r"].notna()]
    rows = []
    for (scenario, value), part in table.groupby(["scenario", "value"], sort=False):
        best = part.loc[part["r"].abs().sort_values(ascending=False).index[:3]]
        unclear = int(((part["low"] < 0) & (part["high"] > 0)).sum())
        strongest = "; ".join(
            f"{r.metric} {number(r.r)} [{number(r.low)}, {number(r.high)}]" for r in best.itertuples()
        )
        rows.append({"pool": f"{printed(scenario)} {value}", "strongest r": strongest, "sign unclear": unclear})
    head = (
        "## Which metrics go with the drop\n\nThe three largest Pearson r per pool with 95 % bootstrap intervals over "
    )
    head += "networks, and how many metrics have an interval that contains 0:\n\n"
    return head + markdown(pd.DataFrame(rows).set_index("pool"))


def ranking(table: pd.DataFrame) -> str:
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
                name = strategy if not undefined else f"{strategy}, undefined {missing}"
                if missing == "last" or undefined:
                    values = {"RBO": number(row["rbo"]), "Kendall tau": number(row["tau"])}
                    rows.append({"strategy": name, **values, "points lost": number(row["lost_points"], 1)})
    text = ["## Ranking the algorithms"]
    text.append(
        "Means over architectures, sparsities and data sets; points lost is the accuracy drop given away by training "
        "the algorithm that comes first instead of the best one:"
    )
    text.append(markdown(pd.DataFrame(rows).set_index("strategy")))
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
        listed.index = pd.Index([" ".join(key) for key in listed.index], name="strategy, architecture, sparsity")
        text.append(markdown(listed))
        text.append(
            "Put first, which is what the paper's tables show, an algorithm is preferred for having no value at all."
        )
    return "\n\n".join(text)


def layers(table: pd.DataFrame) -> str:
    """Ramanujan metrics against density, layer by layer."""
    defined = table.dropna(subset=["r"])
    summary = defined.groupby("metric", sort=False)["r"].agg(
        cells="size", median="median", above=lambda r: (r > 0.9).mean()
    )
    summary["median"] = summary["median"].map(number)
    summary["above"] = summary["above"].map("{:.0%}".format)
    summary = summary.rename(columns={"median": "median r", "above": "r above 0.9"})
    head = "## The Ramanujan metrics and density\n\nCorrelation with the layer density over the layers of a cell:\n\n"
    return head + markdown(summary)


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


def prediction(table: pd.DataFrame) -> str:
    """How well the order before training does: the methods, the ceiling, what was left out, where each fails."""
    everything = (table[["architecture", "dataset", "sparsity"]] == "all").all(axis=1)
    overall = table[everything].set_index(["method", "procedure"])
    found = [
        (method, procedure) for procedure in ("leave_one_architecture_out", "none", "ceiling") for method in METHODS
    ]
    rows = {METHODS[key[0]]: scores(overall.loc[key]) for key in found if key in overall.index}
    text = [
        "## Predicting before training",
        "The order that `rank` makes from untrained masks against the true one, with the architecture that is "
        "predicted left out of everything fitted; below, what nothing can exceed by much, since the true order is "
        "itself a mean over few seeds. Means over cells (architecture, data set, sparsity), 95 % bootstrap intervals "
        "over cells; points lost is the accuracy drop given away by training the algorithm put first:",
        markdown(pd.DataFrame(rows).T.rename_axis("method")),
        "The path score is a sum over layers of the logarithm of their density, a late layer counting more the more "
        "classes there are: it knows how many weights each layer keeps, and nothing of how they are joined. Its form "
        "was found on these same networks, so that its row flatters it; the row with the form chosen inside the fold "
        "is what searching for it anew, without the left-out networks, comes to.",
        "Kendall tau by what is left out, and paired differences:",
        left_out_table(overall),
        verdict(overall),
        "Where each fails (one architecture left out, Kendall tau and points lost):",
        weak_spots(table),
    ]
    return "\n\n".join(part for part in text if part)


def left_out_table(overall: pd.DataFrame) -> str:
    rows = {}
    for procedure, name in LEFT_OUT.items():
        methods = ["paths", "mixture", "log_density_sum", "paths - mixture", "paths - log_density_sum"]
        known = [method for method in methods if (method, procedure) in overall.index]
        titles = {"paths": "path score", "mixture": "mixture", "log_density_sum": "no parameter"}
        titles |= {"paths - mixture": "path score − mixture", "paths - log_density_sum": "path score − no parameter"}
        rows[name] = {titles[m]: with_interval(overall.loc[(m, procedure)], "tau") for m in known}
    return markdown(pd.DataFrame({k: v for k, v in rows.items() if v}).T.fillna("–").rename_axis("left out"))


def verdict(overall: pd.DataFrame) -> str:
    """Whether the path score beats the mixture on a new architecture, and what of it needs parameters."""
    key = "leave_one_architecture_out"
    lines = []
    for difference, other in (("paths - mixture", "the mixture"), ("paths - log_density_sum", "the sum without them")):
        if (difference, key) not in overall.index:
            continue
        row = overall.loc[(difference, key)]
        claims = []
        for measure, name, sign in (("tau", "Kendall tau", 1), ("lost_points", "points lost", -1)):
            low, high = sorted((sign * row[f"{measure}_low"], sign * row[f"{measure}_high"]))
            word = "better" if low > 0 else "worse" if high < 0 else "not to be told apart"
            claims.append(f"{word} in {name} ({with_interval(row, measure)})")
        what = "the path score" if difference == "paths - mixture" else "with its parameters the path score"
        lines.append(f"On a new architecture {what} is, against {other}, {' and '.join(claims)}.")
    return " ".join(lines)


def weak_spots(table: pd.DataFrame) -> str:
    """Path score, mixture and one trained seed per architecture and per sparsity."""
    rows = {}
    part = table[table["procedure"].isin(["leave_one_architecture_out", "ceiling"])]
    for column in ("architecture", "sparsity", "dataset"):
        others = [name for name in ("architecture", "sparsity", "dataset") if name != column]
        fixed = part[(part[column] != "all") & (part[others] == "all").all(axis=1)]
        for value, group in fixed.groupby(column, sort=False):
            group = group.set_index("method")
            for method in ("paths", "mixture", "one_seed_trained"):
                if method in group.index:
                    row = group.loc[method]
                    entry = f"{number(row['tau'])}, {number(row['lost_points'])}"
                    rows.setdefault(f"{column} {value}", {})[METHODS[method]] = entry
    return markdown(pd.DataFrame(rows).T.fillna("–").rename_axis("cells with"))


SECTIONS = {
    "paper_comparison": reproduction,
    "regression": [baselines, generalisation],
    "redundancy": redundancy,
    "importance": importance,
    "layer_correlation": layers,
    "ranking": ranking,
    "rank_evaluation": prediction,
}


def page(tables: dict[str, pd.DataFrame], title: str) -> str:
    """The sections of the tables that are there and hold at least one value."""
    parts = [f"# {title}", "Generated from the tables of the run that made it; every number stands in one of them."]
    for name, sections in SECTIONS.items():
        table = tables.get(name)
        if table is None:
            continue
        for section in sections if isinstance(sections, list) else [sections]:
            parts.append(section(table) if has_values(table) else f"## {name}\n\nThe table holds no values.")
    return "\n\n".join(parts) + "\n"


def has_values(table: pd.DataFrame) -> bool:
    scores = [c for c in ("adjusted_r2", "r", "rbo", "variance_inflation", "agrees") if c in table]
    return len(table) > 0 and bool(table[scores].notna().any(axis=None))


def main(tables: dict, output, cfg: dict) -> None:
    """tables: {name: path of the CSV} for the keys of SECTIONS that there are; cfg: title."""
    found = {name: pd.read_csv(Path(path), dtype=TEXT) for name, path in tables.items()}
    write_text(output, page(found, cfg["title"]))


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(dict(snakemake.input.items()), snakemake.output[0], snakemake.params.cfg)
