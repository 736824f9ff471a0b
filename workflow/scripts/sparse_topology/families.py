"""Which family of ways to a sparse network a pruning word belongs to.

For the analysis alone: no metric, pruning or training may import this, so that a family reruns no network.
"""

FAMILIES = ("random", "at initialisation", "dynamic", "after training", "control")

WORDS = {
    **dict.fromkeys(("uniform", "er", "erk"), "random"),
    **dict.fromkeys(("set", "rigl", "itop", "snfs", "dsr"), "dynamic"),
    **dict.fromkeys(("oneshot", "imp", "gmp"), "after training"),
}
CONTROLS = ("_shuffled", "_reinit", "_static")


def family(word: str, declared: dict[str, str] | None = None) -> str:
    """The family of a pruning word, one of FAMILIES.

    declared: {word: family} of the scripts that say it themselves (`FAMILY = "dynamic"`); they come first. A word that
    neither they nor this module know was pruned at initialisation.
    """
    if declared and word in declared:
        return declared[word]
    if word.endswith(CONTROLS):
        return "control"
    return WORDS.get(word, "at initialisation")
