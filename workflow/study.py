"""A study's configuration: its check, and what it asks for.

Everything the rules read from the config passes through here. An invalid config ends the run with one line that names
the key, the value and what is allowed.
"""

from __future__ import annotations

import ast
import contextlib
import csv
import difflib
import math
from decimal import Decimal
from functools import cached_property
from itertools import product
from pathlib import Path

import yaml
from config_error import ConfigError
from configfiles import VALUES, shown
from external import belonging, check_belonging, with_table

WORKFLOW = Path(__file__).resolve().parent
SCRIPTS = WORKFLOW / "scripts"
PAPER = {
    "datasets": {"cifar10", "cifar100", "tiny_imagenet"},
    "architectures": {"conv6", "resnet20", "resnet32", "wrn28_2"},
}
WITHOUT_OPTIONS = {"snip", "synflow", "prospr", "ntksap", "uniform", "erk", "dsr", "oneshot", "gmp"}
WITHOUT_OPTIONS |= {"rolled", "rolled_channel"}
WITHOUT_OPTIONS |= {"digits", "fashion_mnist", "cifar10", "cifar100", "tiny_imagenet"}
TABLES = {"ranking", "regression"}  # tables that have settings
CONTROLS = ("shuffled", "reinit", "static")  # suffixes on the word of a method
REINIT = 1_000_000  # from a seed to that of the other initialisation of `_reinit`


def words(pattern: str) -> list[str]:
    """The words for which a file `pattern` (with one `*`) exists under workflow/scripts."""
    prefix, suffix = pattern.split("*")
    found = (str(path.relative_to(SCRIPTS)) for path in SCRIPTS.glob(pattern))
    return sorted(word for name in found if not (word := name[len(prefix) : -len(suffix)]).startswith("_"))


def literal(script: str, name: str):
    """The value that a script gives to `name` at its top level, read without running it; None if it does not. One that
    is no literal is given as its code."""
    for node in ast.parse((SCRIPTS / script).read_bytes()).body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == [name]:
            try:
                return ast.literal_eval(node.value)
            except ValueError:
                return ast.unparse(node.value)
    return None


def parameters(script: str, function: str) -> list[str] | None:
    """The names of a function's parameters, read without running its script; None if it takes any, or is not found."""
    for node in ast.parse((SCRIPTS / script).read_bytes()).body:
        if isinstance(node, ast.FunctionDef) and node.name == function and not node.args.kwarg:
            return [argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)]
    return None


def digits(value: float) -> str:
    """A sparsity as the file names have it: all its digits and no exponent, so that two never share a name."""
    return format(Decimal(repr(value)), "f")


class Study:
    """The validated config, with the words it uses resolved to scripts."""

    def __init__(self, config: dict):
        self.methods = {"prune": words("prune_*.py"), "sparsify": words("sparsify_*.py")}
        self.known = {
            "datasets": [word for word in words("dataset_*.py") if word != "folder"],
            "architectures": words("sparse_topology/networks/architectures/*.py"),
            "pruning": sorted({*self.methods["prune"], *self.methods["sparsify"]}),
            "metrics": words("metric_*.py"),
            "encodings": ["mge", "rolled", "rolled_channel"],
        }
        self.rank_methods = words("rank_by_*.py")
        self.controls = [f"{word}_{suffix}" for word in self.known["pruning"] for suffix in CONTROLS]
        self.controls = [word for word in self.controls if word not in self.known["pruning"] and self._has_sense(word)]
        schema = yaml.safe_load((WORKFLOW / "schemas" / "config.schema.yaml").read_text(encoding="utf-8"))
        options = schema["properties"]["options"]["properties"]
        for word in _folders(config):
            options[word] = {"$ref": "#/$defs/folder"}
        config = with_table(config, schema["properties"]["external"]["additionalProperties"])
        _check_plain(config)
        training = schema["properties"]["training"]
        training["propertyNames"] = {"enum": sorted({*self.known["datasets"], *_folders(config)})}
        exceptions = training["additionalProperties"]["properties"]["architectures"]
        exceptions["propertyNames"] = {"enum": self.known["architectures"]}
        _check_schema(config, schema)
        self.config = resolved(config, schema, schema["$defs"])
        self._defaults = {word: resolved({}, entry, schema["$defs"]) for word, entry in options.items()}
        self._check_words()

    # -- what the study asks for

    @cached_property
    def sparsities(self) -> list[str]:
        return [digits(value) for value in self.config["sparsities"]]

    @cached_property
    def networks(self) -> list[dict]:
        """One dict of wildcards per sparse network."""
        keys = ("dataset", "architecture", "pruning", "sparsity", "seed")
        c = self.config
        grid = product(c["datasets"], c["architectures"], c["pruning"], self.sparsities, map(str, c["seeds"]))
        return [dict(zip(keys, cell, strict=True)) for cell in grid]

    @cached_property
    def own(self) -> list[dict]:
        """The external networks that belong to the study (external.py has the keys)."""
        return belonging(self.config.get("external", {}))

    @cached_property
    def dense(self) -> list[dict]:
        """One dict of wildcards per dense network."""
        c = self.config
        grid = product(c["datasets"], c["architectures"], map(str, c["seeds"]))
        return [dict(zip(("dataset", "architecture", "seed"), cell, strict=True)) for cell in grid]

    def starts_from(self, word: str) -> str:
        """What a method of `sparsify` starts from, as its script declares it in STARTS_FROM: init or dense."""
        return literal(f"sparsify_{word}.py", "STARTS_FROM") or "init"

    def control(self, word: str) -> tuple[str, str]:
        """(method, suffix) of a control's word, and (word, "") of a method's."""
        base, _, suffix = word.rpartition("_")
        return (base, suffix) if word in self.controls else (word, "")

    def stages(self, word: str) -> list[str]:
        """The rules that make a network of this word: its mask and its training."""
        _, suffix = self.control(word)
        if suffix:
            return [f"control_{suffix}", "train_sparse"]
        return ["sparsify"] if word in self.methods["sparsify"] else ["prune", "train_sparse"]

    @cached_property
    def evolved(self) -> list[dict]:
        """The sparse networks whose mask was found by `sparsify`, in the order of the study."""
        return [network for network in self.networks if network["pruning"] in self.methods["sparsify"]]

    @cached_property
    def bases(self) -> list[dict]:
        """One dict of wildcards per network that is no part of the study but has a control in it."""
        found = [network | {"pruning": self.control(network["pruning"])[0]} for network in self.networks]
        return [network for network in found if network["pruning"] not in self.config["pruning"]]

    def init_seed(self, word: str, seed: str) -> int:
        """The seed of the initialisation that `train_sparse` trains from."""
        return int(seed) + (REINIT if self.control(word)[1] == "reinit" else 0)

    @cached_property
    def control_pairs(self) -> list[list[str]]:
        """[control, what it is compared with] for the controls of the study.

        That is the method, or, where the method's own training moves the mask, its mask trained as the control is:
        `rigl_shuffled` has its counterpart in `rigl_static`, if the study has that.
        """
        words, pairs = self.config["pruning"], []
        for word in words:
            base, suffix = self.control(word)
            static = f"{base}_static"
            reference = static if suffix in ("shuffled", "reinit") and static in words else base
            if suffix and reference in words:
                pairs.append([word, reference])
        return pairs

    def sparsify_options(self, word: str) -> dict:
        """Settings of a method of `sparsify`."""
        return self.options(word) | ({"rewind": self.rewind} if word == "imp" else {})

    @cached_property
    def rank(self) -> dict:
        """What `rank` is asked for; empty without it."""
        rank = self.config.get("rank", {})
        return {key: rank[key] for key in ("architecture", "dataset", "sparsity") if key in rank}

    @property
    def rank_method(self) -> str:
        """The script rank_by_<method>.py that orders the candidates of `rank`."""
        return self.config.get("rank", {}).get("method", "paths")

    @property
    def rank_learned(self) -> str | None:
        """The file under workflow/resources with what the method of `rank` has learned; None if nothing."""
        return literal(f"rank_by_{self.rank_method}.py", "LEARNED")

    @cached_property
    def rank_metrics(self) -> list[str]:
        """The metric families of the untrained graphs that the method of `rank` reads, as its script declares in READS:
        none for "masks", those that equation 5 weighs for "metrics", or a list of its own.
        """
        reads = literal(f"rank_by_{self.rank_method}.py", "READS")
        return {"masks": [], "metrics": self.ranking_metrics}[reads] if isinstance(reads, str) else sorted(reads)

    @cached_property
    def ranked(self) -> list[dict]:
        """One dict of wildcards per candidate and seed of `rank`."""
        if not self.rank:
            return []
        cell = {**self.rank, "sparsity": digits(self.rank["sparsity"])}
        seeds = self.config["rank"].get("seeds", self.config["seeds"])
        words = [word for word in self.config["pruning"] if word not in self.unranked]
        return [{**cell, "pruning": word, "seed": str(seed)} for word in words for seed in seeds]

    @cached_property
    def unranked(self) -> list[str]:
        """The words that `rank` leaves out: their masks need training, or they are controls."""
        return [word for word in self.config["pruning"] if word not in self.methods["prune"]]

    @cached_property
    def ranking_metrics(self) -> list[str]:
        """The families with a metric of the unrolled graph that the mask alone determines and whose importances `rank`
        knows."""
        with open(WORKFLOW / "resources" / "importance.csv", newline="", encoding="utf-8") as file:
            known = {row["metric"] for row in csv.DictReader(file) if row["mask_only"] == "True"}
        declared = {word: self.declared_metrics[word] for word in self.metrics}
        mask_only = {word: {*of["DIVISORS"]} - {*of["WEIGHTED"]} for word, of in declared.items()}
        return [word for word, of in declared.items() if "mge" in of["ENCODINGS"] and known & mask_only[word]]

    @cached_property
    def encodings(self) -> list[str]:
        """In canonical order, so that reordering the config reruns nothing."""
        return [word for word in self.known["encodings"] if word in self.config["encodings"]]

    def metric_encodings(self, family: str) -> list[str]:
        """The encodings that the study asks of a metric family: those that its script declares.
        A family of layer metrics describes the network's layers, whatever graphs are studied."""
        declared = self.declared_metrics[family]["ENCODINGS"]
        return declared if declared == ["rolled"] else [word for word in self.encodings if word in declared]

    @cached_property
    def declared_metrics(self) -> dict[str, dict]:
        """{metric family: {literal: value}}: what each metric script says of itself.

        ENCODINGS: the encodings that it can measure; ["rolled"] makes its metrics layer metrics, with a value per layer
        in layers.parquet. DIVISORS: {metric: "nodes", "edges" or None}, what the raw value is divided by. WEIGHTED: the
        metrics whose value depends on the weights and not on the mask alone.
        """
        names = ("ENCODINGS", "DIVISORS", "WEIGHTED")
        return {word: {n: literal(f"metric_{word}.py", n) for n in names} for word in self.known["metrics"]}

    def divisors(self, families: list[str]) -> dict[str, str | None]:
        """What each metric of these families is divided by."""
        return {name: by for word in families for name, by in self.declared_metrics[word]["DIVISORS"].items()}

    def weighted(self, families: list[str]) -> list[str]:
        """The metrics of these families that depend on the weights."""
        return [name for word in families for name in self.declared_metrics[word]["WEIGHTED"]]

    @cached_property
    def layer_metrics(self) -> list[str]:
        return list(self.divisors([w for w in self.metrics if self.declared_metrics[w]["ENCODINGS"] == ["rolled"]]))

    @cached_property
    def published_metrics(self) -> list[str]:
        """The families whose metrics the authors have released."""
        released = {*literal("published_pool.py", "UNROLLED").values()}
        return [word for word, of in self.declared_metrics.items() if released & {*(of["DIVISORS"] or ())}]

    @cached_property
    def metrics(self) -> list[str]:
        """The families that have something to measure, in alphabetical order."""
        return [word for word in sorted(self.config["metrics"]) if self.metric_encodings(word)]

    @cached_property
    def encoded(self) -> list[str]:
        """The encodings that must be written: those of the study and those that its metrics read."""
        wanted = {*self.encodings, *(e for family in self.metrics for e in self.metric_encodings(family))}
        return [word for word in self.known["encodings"] if word in wanted]

    @cached_property
    def declared_families(self) -> dict[str, str]:
        """{word: family} of the algorithms whose script has a line `FAMILY = "..."`."""
        stages = product(sorted(self.config["pruning"]), ("prune", "sparsify"))
        scripts = {word: f"{stage}_{word}.py" for word, stage in stages if word in self.methods[stage]}
        found = {word: literal(script, "FAMILY") for word, script in scripts.items()}
        return {word: family for word, family in found.items() if family is not None}

    def options(self, word: str) -> dict:
        """The settings of a word, with the schema's defaults for what the config leaves out."""
        return dict(sorted((self.defaults(word) | self.config.get("options", {}).get(word, {})).items()))

    def defaults(self, word: str) -> dict:
        """What `options.<word>` is where the config says nothing."""
        return self._defaults.get(word, {})

    @cached_property
    def settings(self) -> dict:
        """The config as far as it decides results: all but the places of files, with every default spelled out."""
        places = ("data_dir", "external_table")
        settings = {key: value for key, value in sorted(self.config.items()) if key not in places}
        words = sorted({*self._defaults, *self.config.get("options", {})})
        settings["options"] = {word: {k: v for k, v in self.options(word).items() if k != "path"} for word in words}
        return settings

    def recipe(self, dataset: str, architecture: str) -> dict:
        """The training recipe of one data set and architecture."""
        recipe = dict(self.config["training"][dataset])
        overrides = recipe.pop("architectures", {})
        return dict(sorted({**recipe, **overrides.get(architecture, {})}.items()))

    @property
    def rewind(self) -> int:
        """The epoch of the dense training whose weights `imp` goes back to; every dense training keeps them."""
        return self.options("imp")["rewind"]

    @cached_property
    def drawn(self) -> list[dict]:
        """The networks whose graphs are drawn: of two architectures, the sparsest of the first and last algorithm."""
        c = self.config
        if "mge" not in self.encodings or not c["datasets"]:
            return []
        words = dict.fromkeys([c["pruning"][0], c["pruning"][-1]])
        fixed = {"dataset": c["datasets"][0], "sparsity": digits(max(c["sparsities"])), "seed": str(c["seeds"][0])}
        return [{**fixed, "architecture": a, "pruning": word} for a in c["architectures"][:2] for word in words]

    @cached_property
    def drawn_own(self) -> list[dict]:
        """The user's own networks whose graphs are drawn: the two sparsest."""
        return sorted(self.own, key=lambda n: (-n["sparsity"], n["name"]))[:2] if "mge" in self.encodings else []

    @cached_property
    def shares_cells_with_the_paper(self) -> bool:
        pool = [*self.networks, *self.own]
        return any(n["dataset"] in PAPER["datasets"] and n["architecture"] in PAPER["architectures"] for n in pool)

    # -- the check

    def _has_sense(self, control: str) -> bool:
        """A mask of `prune` never moves, so that its `_static` would be the network itself."""
        base, _, suffix = control.rpartition("_")
        return suffix != "static" or base in self.methods["sparsify"]

    def _check_words(self) -> None:
        check_belonging(self.own, self.networks, self.dense)
        if not self.config["datasets"] and not self.own:
            raise ConfigError("datasets: [] is empty; allowed only beside `external` networks that belong to the study")
        config, options = self.config, self.config.get("options", {})
        folders = _folders(config)
        rank = config.get("rank")
        asked = [(f"datasets[{k}]", w, "datasets") for k, w in enumerate(config["datasets"]) if w not in folders]
        asked += [
            (f"{key}[{k}]", w, key)
            for key in ("architectures", "pruning", "metrics")
            for k, w in enumerate(config[key])
        ]
        for name, entry in config.get("external", {}).items():
            if ":" not in entry["architecture"]:
                asked.append((f"external.{name}.architecture", entry["architecture"], "architectures"))
        if rank:
            asked.append(("rank.architecture", rank["architecture"], "architectures"))
            if rank["dataset"] not in folders:
                asked.append(("rank.dataset", rank["dataset"], "datasets"))
        for key, word, kind in asked:
            if kind == "pruning" and word in self.controls:
                continue
            if kind == "pruning" and word not in self.known[kind]:
                self._refuse_control(key, word)
            if word not in self.known[kind]:
                hint = _HINT.get(kind, "") if kind != "architectures" or ":" in str(word) else ""
                raise ConfigError(f"{key}: {shown(word)} is not known; {_allowed(word, self.known[kind])}{hint}")
        for word in {*self.methods["prune"]} & {*self.methods["sparsify"]}:
            raise ConfigError(
                f"pruning: {word!r} is the word of both prune_{word}.py and sparsify_{word}.py; allowed: one of the two"
            )
        alike = {f"{value:g}": value for value in config["sparsities"]}
        for value in config["sparsities"]:
            if alike[f"{value:g}"] != value:
                raise ConfigError(
                    f"sparsities: {value!r} and {alike[f'{value:g}']!r} would be printed alike; "
                    "allowed: sparsities that differ in their first six digits"
                )
        for family in config["metrics"]:
            self._check_metric(family)
        for name in config.get("external", {}):
            if not any("mge" in self.metric_encodings(family) for family in config["metrics"]):
                raise ConfigError(
                    f"external.{name}: encodings: {shown(self.encodings)} with metrics: {shown(self.metrics)} measures "
                    "nothing of its unrolled graph; allowed: with `mge` and a family that measures it, as `local` does"
                )
        for dataset in [*config["datasets"], *([rank["dataset"]] if rank else [])]:
            if dataset not in config["training"]:
                raise ConfigError(
                    f"training: there is no recipe for the data set {dataset!r}; add `training.{dataset}` with epochs, "
                    "milestones, batch_size, learning_rate, momentum and weight_decay"
                )
        if rank:
            self._check_rank_method(rank["method"])
        if rank and len(self.unranked) == len(config["pruning"]):
            raise ConfigError(
                f"rank: none of pruning: {', '.join(config['pruning'])} gives a mask without training; "
                f"allowed: {', '.join(self.methods['prune'])}"
            )
        families = literal("sparse_topology/families.py", "FAMILIES")
        for word, family in self.declared_families.items():
            if family not in families:
                raise ConfigError(
                    f"pruning: the script of {word!r} has FAMILY = {family!r}; {_allowed(family, families)}"
                )
        everything = {*TABLES, *(w for kind in self.known.values() for w in kind), *config["datasets"], *folders}
        for word, value in options.items():
            if word in self.controls:
                base = self.control(word)[0]
                raise ConfigError(
                    f"options.{word}: {shown(value)} is not allowed; a control takes the options of {base}"
                )
            if word not in everything:
                raise ConfigError(
                    f"options.{word}: {shown(value)} belongs to no known word; {_allowed(word, everything)}"
                )
        for word in WITHOUT_OPTIONS & set(options):
            if options[word]:
                raise ConfigError(f"options.{word}: {shown(options[word])} is not allowed; {word} has no options")
        for word in {*self.known["architectures"]} & {*options}:
            known = parameters(f"sparse_topology/networks/architectures/{word}.py", "build")
            own = None if known is None else [name for name in known if name not in ("num_classes", "in_channels")]
            for name, value in options[word].items():
                if own is not None and name not in own:
                    allowed = _allowed(name, own) if own else f"{word} has no options"
                    raise ConfigError(f"options.{word}.{name}: {shown(value)} is under an unknown key; {allowed}")
        if "imp" in [self.control(word)[0] for word in config["pruning"]]:
            for dataset, architecture in product(config["datasets"], config["architectures"]):
                epochs = self.recipe(dataset, architecture)["epochs"]
                if self.rewind >= epochs:
                    raise ConfigError(
                        f"options.imp.rewind: {self.rewind} (the default is 2) must be less than the {epochs} epochs "
                        f"of {architecture} on {dataset}"
                    )
        if options.get("er", {}).get("stale_epsilon") and options["er"].get("rule") == "paper":
            raise ConfigError("options.er.stale_epsilon: true needs `options.er.rule: reference`, not 'paper'")

    def _check_metric(self, family: str) -> None:
        """Whether a metric script says of itself what a study must know."""
        of = self.declared_metrics[family]
        encodings, divisors, weighted = of["ENCODINGS"], of["DIVISORS"], of["WEIGHTED"]
        known, by = self.known["encodings"], ("nodes", "edges", None)
        right = {
            f"a list of {', '.join(known)}": isinstance(encodings, list) and encodings and _within(encodings, known),
            "a dict {metric: 'nodes', 'edges' or None}": isinstance(divisors, dict) and _within(divisors.values(), by),
            "a list, perhaps empty, of metrics of DIVISORS": isinstance(weighted, list) and _within(weighted, divisors),
        }
        for (name, value), (allowed, is_right) in zip(of.items(), right.items(), strict=True):
            if not is_right:
                raise ConfigError(f"metrics: metric_{family}.py has {name} = {value!r}; allowed: {allowed}")

    def _check_rank_method(self, word: str) -> None:
        """Whether there is such a method, and its script says of itself what `rank` must know."""
        if word not in self.rank_methods:
            raise ConfigError(f"rank.method: {word!r} is not known; {_allowed(word, self.rank_methods)}")
        reads, learned = (literal(f"rank_by_{word}.py", name) for name in ("READS", "LEARNED"))
        unrolled = [family for family, of in self.declared_metrics.items() if "mge" in (of["ENCODINGS"] or ())]
        if not (reads in ("masks", "metrics") or (isinstance(reads, list) and reads and _within(reads, unrolled))):
            raise ConfigError(
                f"rank.method: rank_by_{word}.py has READS = {reads!r}; allowed: 'masks', 'metrics' or a list of "
                f"{', '.join(unrolled)}"
            )
        files = sorted(path.name for path in (WORKFLOW / "resources").iterdir())
        if learned is not None and learned not in files:
            raise ConfigError(
                f"rank.method: rank_by_{word}.py has LEARNED = {learned!r}; allowed: None or a file in "
                f"workflow/resources: {', '.join(files)}"
            )

    def _refuse_control(self, key: str, word: str) -> None:
        """Say why a control does not exist, if the word looks like one."""
        base, _, suffix = word.rpartition("_")
        if suffix not in CONTROLS:
            return
        if base in self.controls:
            allowed = ", ".join(self.known["pruning"])
            raise ConfigError(f"{key}: {word!r} is a control of a control; the suffix goes on a method: {allowed}")
        if base in self.methods["prune"]:
            raise ConfigError(
                f"{key}: {word!r} would be {base!r} itself, whose mask does not move in training; "
                f"allowed: {base}_shuffled, {base}_reinit"
            )


def with_defaults(config: dict) -> dict:
    """The default study with what `config` says otherwise: nested keys merge, lists are replaced.

    Snakemake does this for `--configfile`; the `config:` of a `module:` statement replaces the defaults.
    """
    from snakemake.utils import update_config

    merged = yaml.safe_load((WORKFLOW.parent / "config" / "config.yaml").read_text(encoding="utf-8"))
    update_config(merged, config)
    return merged


def _within(values, allowed) -> bool:
    return all(value in allowed for value in values)


def _folders(config: dict) -> list[str]:
    """The words of the user's own for folders of images: those with a path."""
    options = config.get("options")
    if not isinstance(options, dict):
        return []
    return [word for word, value in options.items() if isinstance(value, dict) and "path" in value]


def _check_plain(config: dict) -> None:
    """Raises ConfigError for what only YAML can hold (dates, keys that are no text, anchors in themselves), and for
    numbers that no machine holds. JSON, into which the manifest is written, has neither."""
    todo, count = [("", config)], 0
    while todo:
        key, value = todo.pop()
        count += 1
        if count > VALUES:
            raise ConfigError(
                f"{key[:80]}: the config holds more than {VALUES:,} values, or an anchor that holds itself"
            )
        if isinstance(value, dict):
            for name in value:
                if not isinstance(name, str):
                    what = f"the key {shown(name)} is of type {type(name).__name__}"
                    raise ConfigError(f"{key or 'config'}: {what}; allowed: texts; put it in quotes")
            todo += [(f"{key}.{name}" if key else name, entry) for name, entry in value.items()]
        elif isinstance(value, list):
            todo += [(f"{key}[{k}]", entry) for k, entry in enumerate(value)]
        elif not isinstance(value, str | bool | int | float | None):
            raise ConfigError(
                f"{key}: {shown(value)} is of type {type(value).__name__}; allowed: text, numbers, true, false, lists "
                "and keys with values (a date is a text in quotes)"
            )
        elif isinstance(value, float) and not math.isfinite(value):
            raise ConfigError(f"{key}: {value} is no finite number; allowed: finite numbers")
        elif isinstance(value, int) and abs(value) >= 2**63:
            raise ConfigError(f"{key}: {shown(value)} is too large; allowed: integers below 2^63")


def _check_schema(config: dict, schema: dict) -> None:
    # jsonschema imports much; it is loaded here so that scripts and tests which only need words do not pay for it.
    import jsonschema

    errors = list(jsonschema.Draft202012Validator(schema).iter_errors(config))
    if errors:
        raise ConfigError(_one_line(min(errors, key=lambda e: (len(e.absolute_path), str(e.absolute_path)))))


def resolved(value, schema: dict, definitions: dict):
    """`value`, which `schema` allows, as the rules state it: 4.0 is 4 where an integer belongs, 1 is 1.0 where any
    number does, what has a default is there, keys are in order. Configs that mean the same are then written the same.
    """
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    kind = schema.get("type")
    if kind == "integer":
        return int(value)
    if kind == "number":
        return float(value)
    if kind == "array":
        return [resolved(entry, schema.get("items", {}), definitions) for entry in value]
    if kind == "object":
        known, others = schema.get("properties", {}), schema.get("additionalProperties")
        others = others if isinstance(others, dict) else {}
        given = {key: resolved(entry, known.get(key, others), definitions) for key, entry in value.items()}
        defaults = {key: entry["default"] for key, entry in known.items() if "default" in entry}
        return dict(sorted((defaults | given).items(), key=str))
    return value


_HINT = {
    "datasets": " (a folder of images needs `options.<word>.path`)",
    "architectures": " (a file and its callable are for `external`; what is to be pruned or trained is a module "
    "sparse_topology/networks/architectures/<word>.py, see CONTRIBUTING.md)",
}


def _closest(word: str, known) -> str | None:
    """What may have been meant; of words equally close, the first by the alphabet."""
    close = difflib.get_close_matches(word, known, len(known) or 1)
    return max(sorted(close), key=lambda other: difflib.SequenceMatcher(None, other, word).ratio(), default=None)


def _allowed(word: str, known) -> str:
    close = _closest(str(word), known)
    return (f"did you mean {close!r}? " if close else "") + f"allowed: {', '.join(sorted(known))}"


_WHAT = {
    "type": "is not of type {}",
    "minItems": "is too short; at least {} needed",
    "maxItems": "is too long; at most {} allowed",
    "uniqueItems": "holds a value twice",
    "exclusiveMinimum": "must be greater than {}",
    "exclusiveMaximum": "must be less than {}",
    "minimum": "must be at least {}",
    "maximum": "must be at most {}",
    "enum": "is not one of {}",
    "pattern": "is not allowed; it must match {}",
    "minLength": "is empty",
    "maxLength": "is too long; at most {} characters allowed",
}


def _one_line(error) -> str:
    """A jsonschema error as one line: key, value, what is allowed."""
    key = ""
    for part in error.absolute_path:
        key += f"[{part}]" if isinstance(part, int) else f".{part}" if key else str(part)
    value, rule = error.instance, error.validator_value
    if error.validator == "additionalProperties":
        known = list(error.schema.get("properties", {}))
        unknown = next(name for name in value if name not in known)
        prefix = f"{key}." if key else ""
        return f"{prefix}{unknown[:80]}: {shown(value[unknown])} is under an unknown key; {_allowed(unknown, known)}"
    if error.validator == "required":
        missing = next(name for name in rule if name not in value)
        return f"{f'{key}.' if key else ''}{missing}: is missing; it is required"
    hint = ""
    if error.validator == "enum":
        close = _closest(str(value), [str(word) for word in rule])
        hint = (f"; did you mean {close!r}?" if close else "") + (_HINT["datasets"] if key == "training" else "")
        rule = ", ".join(map(repr, rule))
    if value is None:
        return f"{key}: is empty; leave the key out for its default"
    what = _WHAT[error.validator].format(rule)
    if error.validator == "type" and isinstance(value, str) and rule in ("number", "integer"):
        with contextlib.suppress(ValueError):
            number = float(value)
            meant = int(number) if rule == "integer" and number.is_integer() else number
            what += f"; YAML reads it as text, write it as {meant!r}"
    return f"{key or 'config'}: {shown(value)} {what}{hint}"
