"""What each section of the page says first: one sentence per question, with its number and interval, from the tables.

Every function returns the sentence, or None where its table says nothing. A difference is claimed where its 95 %
interval excludes 0; otherwise the sentence says that nothing can be told apart. Intervals over pairs are bootstrapped
here and need TELLING of them.
"""

import numpy as np
import pandas as pd

from sparse_topology.analysis.bootstrap import interval, pearson, resampling_weights, weighted_pearson
from sparse_topology.analysis.design import MIXTURES, NETWORK
from sparse_topology.report.evaluation import overall
from sparse_topology.words import in_order, printed

RESAMPLES = 1000
# Pairs that an interval of their differences needs: of 5, all have the same sign by chance in more than 5 % of cases.
TELLING = 6
ENOUGH = 3  # networks per feature below which the score of an unpenalised fit is chance


def number(value, digits: int = 2, plus: bool = False) -> str:
    text = f"{value:{'+' if plus else ''}.{digits}f}"
    return (text.lstrip("+-") if float(text) == 0 else text).replace("-", "−")


def estimate(value, low, high, digits: int = 2, plus: bool = False) -> str:
    """0.57 [0.50, 0.64], which no line breaks; without an interval the value alone."""
    text = number(value, digits, plus)
    if pd.isna(low) or pd.isna(high):
        return text
    return f"{text}\u00a0[{number(low, digits, plus)},\u00a0{number(high, digits, plus)}]"


def listed(words) -> str:
    """a, b and c."""
    *first, last = map(str, words)
    return f"{', '.join(first)} and {last}" if first else last


def mean_interval(values) -> tuple[float, float, float]:
    """Mean of values [n] and its 95 % bootstrap interval over them; no interval below TELLING of them."""
    values = np.asarray(values, float)
    if len(values) < TELLING:
        return values.mean() if len(values) else np.nan, np.nan, np.nan
    low, high = interval(resampling_weights(len(values), RESAMPLES) @ values / len(values))
    return values.mean(), float(low), float(high)


def first_of(table: pd.DataFrame, column: str = "encoding"):
    return next(iter(in_order(table[column])), None)


def percent(value) -> str:
    return f"{value:.0%}"


def at(scenario: str, value) -> str:
    """Where a pool of a scenario is: "at sparsity 0.9", "on ResNet-20"."""
    return f"at sparsity {value}" if scenario == "sparsity_fixed" else f"on {printed(value)}"


# -- accuracy


def side_by_side(rows: pd.DataFrame) -> pd.DataFrame:
    """Accuracy drop in percent, one row per data set, architecture, sparsity and seed, one column per algorithm. Rows
    are complete; an algorithm without a value in most of the others' rows cannot be compared with them."""
    wide = rows.pivot_table("drop", [name for name in NETWORK if name != "pruning"], "pruning") * 100
    return wide.loc[:, wide.notna().mean() > 0.5].dropna()


def lowest_drop(pool: pd.DataFrame) -> str | None:
    """Which algorithm loses least accuracy, paired over data set, architecture and seed: at the highest sparsity, or
    where that has too few pairs over all sparsities. Controls do not compete."""
    rows = pool[pool["drop"].notna()].drop_duplicates(NETWORK)
    if "family" in rows:
        rows = rows[rows["family"] != "control"]
    if rows["pruning"].nunique() < 2:
        return None
    highest = rows["sparsity"].max()
    where, wide = f"At sparsity {highest:g}", side_by_side(rows[rows["sparsity"] == highest])
    if len(wide) < TELLING:
        where, wide = "Over all sparsities", side_by_side(rows)
    if wide.shape[1] < 2 or wide.empty:
        return None
    order = wide.mean().sort_values().index
    best = order[0]
    gaps = {name: mean_interval(wide[name] - wide[best]) for name in order[1:]}
    tied = [name for name, (_, low, _) in gaps.items() if not low > 0]
    count = f"{len(wide)} pair{'s' * (len(wide) != 1)} of networks"
    drops = {name: f"{number(wide[name].mean(), 1)} %" for name in order}
    if not tied:
        mean, low, high = gaps[order[1]]
        return (
            f"{where} {printed(best)} loses least: an accuracy drop of {drops[best]}, "
            f"{estimate(mean, low, high, 1)} points less than the next, {printed(order[1])} ({count})."
        )
    mean, low, high = gaps[tied[0]]
    rest = len(gaps) - len(tied)
    worse = f"; the other {rest} are worse" if rest > 1 else "; the other one is worse" if rest else ""
    names = listed(f"{printed(name)} ({drops[name]})" for name in [best, *tied][:4])
    others = f" and {len(tied) - 3} more" if len(tied) > 3 else ""
    by = f"the first two differ by {estimate(mean, low, high, 1)} points over {count}"
    if pd.isna(low):
        by += ", too few for an interval"
    return f"{where} the smallest accuracy drops are those of {names}{others}, which cannot be told apart: {by}{worse}."


# -- topometrics


def strongest(table: pd.DataFrame) -> str | None:
    """Which topometric goes most closely with the drop, of the first encoding; and whether the same one leads."""
    rows = table[(table["encoding"] == first_of(table)) & table["r"].notna()]
    if rows.empty:
        return None
    known = rows[(rows["low"] > 0) | (rows["high"] < 0)]
    count = rows["metric"].nunique()
    if known.empty:
        top = rows.loc[rows["r"].abs().idxmax()]
        return (
            f"None of the {count} topometrics has a correlation with the drop whose interval excludes 0; the largest "
            f"is {printed(top['metric'])} {at(top['scenario'], top['value'])} "
            f"(r = {estimate(top['r'], top['low'], top['high'])})."
        )
    pools = known.groupby(["scenario", "value"], sort=False)["r"]
    leading = known.loc[[r.abs().idxmax() for _, r in pools]]
    top = known.loc[known["r"].abs().idxmax()]
    names = in_order(leading["metric"])
    whole = rows.groupby(["scenario", "value"]).ngroups
    if len(names) == 1:
        led = f"it leads in all {whole} pools" if whole > 1 else "there is no other pool"
    else:
        led = f"{len(names)} different ones lead in the {whole} pools, so that none does for all"
    return (
        f"Of {count} topometrics {printed(top['metric'])} goes most closely with the drop, "
        f"{at(top['scenario'], top['value'])} (r = {estimate(top['r'], top['low'], top['high'])}); {led}."
    )


def clouds(pool: pd.DataFrame, metrics: list[str]) -> str | None:
    """How often a correlation at one sparsity is the gap between architectures: r over all networks of the first
    encoding against r within each architecture. The example is the widest such gap."""
    rows = pool[(pool["encoding"] == first_of(pool)) & pool["drop"].notna()]
    found = []
    for sparsity, part in rows.groupby("sparsity"):
        groups = [group for _, group in part.groupby("architecture") if len(group) >= TELLING]
        if len(groups) < 2:
            continue
        for metric in metrics:
            whole = part[part[metric].notna()]
            r = pearson(whole[[metric]].to_numpy(float), whole["drop"].to_numpy())[0]
            inner = [pearson(g[[metric]].to_numpy(float), g["drop"].to_numpy())[0] for g in groups]
            if np.isfinite([r, *inner]).all():
                found.append((sparsity, metric, r, min(inner), max(inner)))
    if not found:
        return None
    found = pd.DataFrame(found, columns=["sparsity", "metric", "r", "least", "most"])
    outside = (found["r"] > found["most"]) | (found["r"] < found["least"])
    head = (
        f"In {int(outside.sum())} of {len(found)} pairs of topometric and sparsity the correlation over all networks "
        "lies outside those within the single architectures"
    )
    if not outside.any():
        return f"{head}: trends, not gaps between architectures."
    gap = np.maximum(found["r"] - found["most"], found["least"] - found["r"])
    case = found.loc[gap.idxmax()]
    whole = rows[(rows["sparsity"] == case["sparsity"]) & rows[case["metric"]].notna()]
    weights = resampling_weights(len(whole), RESAMPLES)
    draws = weighted_pearson(whole[[case["metric"]]].to_numpy(float), whole["drop"].to_numpy(), weights)[:, 0]
    return (
        f"{head}: there it is made by the gaps between architectures. Most of all {printed(case['metric'])} at "
        f"sparsity {case['sparsity']:g}: r = {estimate(case['r'], *interval(draws))} over all, "
        f"{number(case['least'])} to {number(case['most'])} within."
    )


def repeated(table: pd.DataFrame) -> str | None:
    """How many topometrics of the first encoding say what others say."""
    rows = table[table["encoding"] == first_of(table)]
    if rows.empty:
        return None
    same = int((rows["is_identity"].astype(str) == "True").sum())
    inflated = rows[rows["variance_inflation"] > 10]
    text = f"Of {len(rows)} topometrics {len(inflated)} are nearly a linear function of the others "
    text += "(variance inflation above 10)"
    if len(inflated):
        top = inflated.loc[inflated["variance_inflation"].idxmax()]
        if isinstance(top["closest"], str):
            text += f", most of all {printed(top['metric'])}, with r = {number(top['closest_r'])} to "
            text += printed(top["closest"])
    return (
        f"{text}; {same or 'none'} {'is' if same <= 1 else 'are'} exactly a formula of the graph's size or of another."
    )


# -- regression


def predicted(table: pd.DataFrame) -> str | None:
    """What the topometrics of the first encoding reach in random folds, and what needs no graph."""
    rows = table[(table["folds"] == "random") & (table["regressor"] == "mean") & table["adjusted_r2"].notna()]
    rows = rows[rows["networks"] >= ENOUGH * rows["feature_count"]]
    encoding = first_of(table)
    rows = rows[rows["encoding"] == encoding].set_index(["features", "scenario", "value"])
    if "topometrics" not in rows.index:
        return "Nothing can be told: there are too few networks for this many topometrics." if len(table) else None
    ours = rows.loc["topometrics"]
    top, least = (ours.loc[i] for i in (ours["adjusted_r2"].idxmax(), ours["adjusted_r2"].idxmin()))

    def reach(row) -> str:
        return estimate(row["adjusted_r2"], row["adjusted_r2_low"], row["adjusted_r2_high"])

    text = f"The topometrics of the {printed(encoding)} predict the drop with an adjusted R² of {reach(top)} "
    text += at(*top.name)
    if len(ours) > 1:
        text += f" down to {reach(least)} {at(*least.name)}"
    free = [name for name in ("architecture_dataset", "architecture", "layer_density") if name in rows.index]
    wins = {}
    for name in free:
        both = ours.merge(rows.loc[name], on=["scenario", "value"], suffixes=("", "_free"))
        if len(both):
            more = int((both["adjusted_r2_free"] > both["adjusted_r2"]).sum())
            clear = int((both["adjusted_r2_low"] > both["adjusted_r2_high_free"]).sum())
            wins[name] = more, clear, len(both)
    if not wins:
        return text + "."
    name = max(wins, key=lambda key: (wins[key][2], wins[key][0]))
    more, clear, count = wins[name]
    titles = {"architecture_dataset": "Architecture and data set alone, without any graph, reach"}
    titles |= {"architecture": "The architecture alone, without any graph, reaches"}
    titles |= {"layer_density": "The layer density alone reaches"}
    return f"{text}. {titles[name]} more in {more} of {count} pools, and less beyond both intervals in {clear}."


def carried_over(table: pd.DataFrame) -> str | None:
    """Ridge on the topometrics with a whole architecture (else another group) left out, against random folds."""
    rows = table[(table["features"] == "topometrics") & (table["regressor"] == "ridge") & table["adjusted_r2"].notna()]
    rows = rows[rows["encoding"] == first_of(table)]
    wide = rows.pivot_table("adjusted_r2", ["scenario", "value"], "folds", sort=False)
    titles = {"leave_one_architecture_out": "architecture", "leave_one_dataset_out": "data set"}
    titles["leave_one_algorithm_out"] = "algorithm"
    for folds, title in titles.items():
        if folds in wide and "random" in wide:
            values = wide[[folds, "random"]].dropna()
            below = int((values[folds] < 0).sum())
            span = f"{number(values[folds].min())} to {number(values[folds].max())}"
            same = f"{number(values['random'].min())} to {number(values['random'].max())}"
            how = "worse than the mean drop" if below else "never worse than the mean drop"
            count = f" in {below} of {len(values)} pools" if below else ""
            return (
                f"With a whole {title} left out, ridge on the topometrics reaches an adjusted R² of {span} "
                f"(random folds {same}): {how}{count}."
            )
    return None


def across_families(table: pd.DataFrame) -> str | None:
    """Whether what ridge on the topometrics learns from one family holds for another, over all networks."""
    rows = table[(table["scenario"] == "all") & (table["regressor"] == "ridge") & table["adjusted_r2"].notna()]
    rows = rows[rows["trained_networks"] >= ENOUGH * rows["feature_count"]]
    encoding = first_of(table)
    ours = rows[(rows["features"] == "topometrics") & (rows["encoding"] == encoding)]
    other = ours[ours["trained_on"] != ours["tested_on"]]
    if other.empty:
        return None
    useful = other[other["adjusted_r2_low"] > 0]
    top = other.loc[other["adjusted_r2"].idxmax()]
    reached = estimate(top["adjusted_r2"], top["adjusted_r2_low"], top["adjusted_r2_high"])
    text = (
        f"In {len(useful)} of {len(other)} pairs of families what ridge learns from the topometrics of one predicts "
        f"the drop of the other better than its mean; {'best' if len(useful) else 'at most'}, learned on "
        f"“{top['trained_on']}” and tested on “{top['tested_on']}”, with an adjusted R² of {reached}"
    )
    same = (rows["trained_on"] == top["trained_on"]) & (rows["tested_on"] == top["tested_on"])
    own = ours[(ours["trained_on"] == top["tested_on"]) & (ours["tested_on"] == top["tested_on"])]
    free = rows[same & (rows["features"] == "architecture_dataset_sparsity")]
    beside = [f"{number(own['adjusted_r2'].iloc[0])} learned on itself"] if len(own) else []
    beside += [f"{number(free['adjusted_r2'].iloc[0])} without any graph"] if len(free) else []
    return f"{text}, against {listed(beside)}." if beside else f"{text}."


# -- ranking


def strategy_name(strategy: str) -> str:
    mixtures = {"ours": "the topometric mixture", "ours_further": "the mixture with further metrics"}
    return {**mixtures, "random": "a random order"}.get(strategy, printed(strategy))


def ordered(table: pd.DataFrame) -> str | None:
    """Which strategy orders the algorithms best, paired over the cells of Table 4."""
    rows = table[(table["subset"] == "all") & (table["dataset"] == "all") & table["default"].astype(bool)]
    rows = rows[(rows["sparsity"].astype(str) != "average") & rows["rbo"].notna()]
    wide = rows.pivot_table("rbo", ["architecture", "sparsity"], "strategy")
    wide = wide.loc[:, wide.notna().mean() > 0.5].dropna()
    if wide.shape[1] < 2 or wide.empty:
        return None
    order = wide.mean().sort_values(ascending=False).index
    gaps = {name: mean_interval(wide[order[0]] - wide[name]) for name in order[1:]}
    tied = [name for name, (_, low, _) in gaps.items() if not low > 0]
    cells = f"{len(wide)} cells" if len(wide) > 1 else "one cell"
    first = strategy_name(order[0])
    overlap = number(wide[order[0]].mean())
    compared = tied[0] if tied else order[1]
    gap = estimate(*gaps[compared], plus=True)
    few = ", too few for an interval" if len(wide) < TELLING else ""
    fitted = ", whose weights are fitted on these networks," if order[0] in MIXTURES else ""
    head = f"{first[0].upper()}{first[1:]}{fitted}"
    if not tied:
        text = f"{head} orders the algorithms best: a rank-biased overlap of {overlap}, {gap} against the next, "
        text += f"{strategy_name(compared)}, over {cells}"
    else:
        names = listed(f"{strategy_name(name)} ({number(wide[name].mean())})" for name in tied)
        text = f"{head} has the largest rank-biased overlap, {overlap}, and cannot be told apart from {names}: "
        text += f"{gap} against {'the first of them' if len(tied) > 1 else 'it'} over {cells}{few}"
    if "random" in wide and "random" not in (order[0], *tied, compared):
        text += f"; a random order has {number(wide['random'].mean())}"
    return text + "."


def before_training(table: pd.DataFrame) -> str | None:
    """The path score on an unknown architecture against equation 5, and the ceiling."""
    whole = overall(table)
    left_out = "leave_one_architecture_out"
    if ("paths", left_out) not in whole.index:
        return None

    def tau(method, procedure=left_out, plus=False) -> str:
        row = whole.loc[(method, procedure)]
        return estimate(row["tau"], row["tau_low"], row["tau_high"], plus=plus)

    text = "On an architecture that it has not seen, the path score orders untrained masks with Kendall's τ = "
    text += tau("paths")
    difference = ("paths - mixture", left_out)
    if difference in whole.index:
        row = whole.loc[difference]
        told = row["tau_low"] > 0 or row["tau_high"] < 0
        gap = tau("paths - mixture", plus=True)
        text += f", {gap} against the mixture" if told else f", not to be told from the mixture ({gap})"
    if ("one_seed_trained", "ceiling") in whole.index:
        text += f"; training every candidate once reaches {tau('one_seed_trained', 'ceiling')}"
    return text + "."


def densities_alone(table: pd.DataFrame) -> str | None:
    """What the layer densities alone, without any parameter, reach, and what the topometrics add."""
    whole = overall(table)
    free, gap = ((name, "leave_one_architecture_out") for name in ("log_density_sum", "log_density_sum - mixture"))
    if not {free, gap} <= set(whole.index):
        return None
    free, gap = whole.loc[free], whole.loc[gap]
    value = estimate(gap["tau"], gap["tau_low"], gap["tau_high"], plus=True)
    verdict = "more" if gap["tau_low"] > 0 else "less" if gap["tau_high"] < 0 else "not to be told from it"
    return (
        "The sum of the layers' log densities, which knows nothing of how weights are joined and has no parameter, "
        f"reaches τ = {estimate(free['tau'], free['tau_low'], free['tau_high'])}: against the mixture of topometrics "
        f"{value}, {verdict}."
    )


# -- layers, controls, masks, paper, costs


def repeats_density(table: pd.DataFrame) -> str | None:
    """Which layer metric follows the layer density most closely."""
    defined = table.dropna(subset=["r"])
    if defined.empty:
        return None
    medians = defined.groupby("metric", sort=False)["r"].median().sort_values(ascending=False)
    metric = medians.index[0]
    r = defined.loc[defined["metric"] == metric, "r"].to_numpy()
    low = high = np.nan
    if len(r) >= TELLING:
        draws = np.random.default_rng(0).integers(len(r), size=(RESAMPLES, len(r)))
        low, high = interval(np.median(r[draws], axis=1))
    others = [f"{printed(name)} {number(value)}" for name, value in medians.iloc[1:].items()]
    after = f"; the others: {', '.join(others)}" if others else ""
    return (
        f"{printed(metric)} says most of what the layer density says: median r = "
        f"{estimate(medians.iloc[0], low, high)} over {len(r)} cells, above 0.9 in {percent((r > 0.9).mean())}{after}."
    )


def control_effect(row) -> str:
    """One control against its reference, in points of accuracy drop."""
    ends = (100 * row.low, 100 * row.high) if row.pairs >= TELLING else (np.nan, np.nan)
    change = estimate(100 * row.difference, *ends, 1, plus=True)
    pairs = f"{row.pairs:.0f} pair{'s' * (row.pairs != 1)}"
    text = f"{printed(row.control)} {change} points over {pairs}"
    if row.pairs < TELLING:
        return f"{text} (too few to tell)"
    if row.low > 0:
        return f"{text} (worse)"
    return f"{text} (better)" if row.high < 0 else f"{text} (not to be told apart)"


def controls(table: pd.DataFrame) -> str | None:
    """Accuracy drop of every control minus that of its method."""
    rows = table[(table["metric"] == "drop") & (table["dataset"] == "all") & (table["pairs"] > 0)]
    if rows.empty:
        return None
    effects = [control_effect(row) for row in rows.itertuples()]
    return f"Accuracy drop of the controls minus that of their methods: {'; '.join(effects)}."


def explored(table: pd.DataFrame) -> str | None:
    """Which method has tried the largest share of the network."""
    rows = table[table["exploration"].notna()]
    if rows.empty:
        return None
    means = rows.groupby("pruning")["exploration"].mean().sort_values(ascending=False)
    value, low, high = mean_interval(rows.loc[rows["pruning"] == means.index[0], "exploration"])
    ends = f" [{percent(low)}, {percent(high)}]" if np.isfinite(low) else ""
    text = (
        f"{printed(means.index[0])} tried most of the network: {percent(value)}{ends} of all weights were kept at some "
    )
    text += "time"
    return f"{text}; least {printed(means.index[-1])}, {percent(means.iloc[-1])}." if len(means) > 1 else f"{text}."


def moved(table: pd.DataFrame) -> str | None:
    """By how much layers changed their density, from the first update on record to the last, factor per layer."""
    order = table.sort_values("step")
    key = [*NETWORK, "layer_id"]
    first, last = order.groupby(key)["density"].first(), order.groupby(key)["density"].last()
    factor = (last / first.where(first > 0)).dropna()
    factor = factor[factor > 0]
    if factor.empty:
        return None
    change = np.log2(factor).abs().groupby("pruning").mean().sort_values()
    moving = [name for name in change.index if change[name] > np.log2(1.05)]
    still = [name for name in change.index if name not in moving]
    parts = []
    if moving:
        named = [f"{printed(name)} (by a factor of {number(2 ** change[name])} on average)" for name in moving[::-1]]
        parts.append(f"{listed(named)} changed the layers' densities")
    if still:
        parts.append(f"{listed(map(printed, in_order(still)))} kept them within 5 % on average")
    return f"{'; '.join(parts)}."


def reproduced(table: pd.DataFrame) -> str | None:
    """How many printed cells of the paper come out."""
    rows = table[table["printed"].notna() & table["ours"].notna()]
    if rows.empty:
        return None
    is_accuracy = rows["table"].isin([8, 9, 10])
    parts = []
    for part, name in ((rows[is_accuracy], "mean accuracies"), (rows[~is_accuracy], "cells of the other tables")):
        if len(part):
            parts.append(f"{int(part['agrees'].astype(bool).sum())} of {len(part)} {name}")
    return f"{listed(parts)} agree with what the paper prints."


def most_time(table: pd.DataFrame, names: list[str], duration) -> str | None:
    """The dearest stage. names: of the rows; duration: seconds as text."""
    total = table["seconds"].sum()
    if not total > 0:
        return None
    place = int(np.argmax(table["seconds"].to_numpy()))
    share = table["seconds"].iloc[place] / total
    return f"{percent(share)} of {duration(total)} of work went into {names[place]}."
