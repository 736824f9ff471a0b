"""A bad config is one line that names the key, the value and what is allowed; the shipped ones mean what they say."""

import copy
import datetime
import json
import math
import re
import shutil
import subprocess
import sys

import pytest
import yaml
from conftest import REPO
from study import SCRIPTS, ConfigError, Study, with_defaults

DEFAULT = yaml.safe_load((REPO / "config" / "config.yaml").read_text())
RANK = {"architecture": "conv_small", "dataset": "digits", "sparsity": 0.9}
SCHEMA = yaml.safe_load((REPO / "workflow" / "schemas" / "config.schema.yaml").read_text())
NETWORK = {"architecture": "resnet20", "classes": 10, "input": [3, 32, 32], "weights": "net.pt"}
ITSELF = []
ITSELF.append(ITSELF)
BOMB = ["x"] * 9
for _ in range(8):
    BOMB = [BOMB] * 9


def changed(path: str, value):
    """The default config with one key set."""
    config = copy.deepcopy(DEFAULT)
    *parents, last = path.split(".")
    place = config
    for parent in parents:
        place = place.setdefault(parent, {})
    place[last] = value
    return config


@pytest.mark.parametrize(
    ("key", "value", "parts"),
    [
        ("datasets", ["mnist"], ["datasets[0]", "'mnist'", "digits", "cifar10"]),
        ("architectures", ["resnet21"], ["architectures[0]", "'resnet21'", "did you mean 'resnet20'?"]),
        ("pruning", ["snip", "snap"], ["pruning[1]", "'snap'", "snip"]),
        ("metrics", ["motif"], ["metrics[0]", "'motif'", "did you mean 'motifs'?"]),
        ("encodings", ["unrolled"], ["encodings[0]", "'unrolled'", "'mge'"]),
        ("sparsities", [0.6, 1.5], ["sparsities[1]", "1.5", "less than 1"]),
        ("sparsities", [0], ["sparsities[0]", "0", "greater than 0"]),
        ("sparsities", ["1e-3"], ["sparsities[0]", "'1e-3'", "number", "0.001"]),
        ("sparsities", [True], ["sparsities[0]", "True", "number"]),
        ("seeds", [], ["seeds", "[]", "at least 1"]),
        ("seeds", [0, 0], ["seeds", "twice"]),
        ("seedz", [1], ["seedz", "did you mean 'seeds'?"]),
        ("training.digits.epoch", 3, ["training.digits.epoch", "did you mean 'epochs'?"]),
        ("training.digits.weight_decay", "1e-4", ["training.digits.weight_decay", "'1e-4'", "0.0001"]),
        ("training.digits.device", "gpu", ["training.digits.device", "'gpu'", "'auto', 'cpu', 'cuda'"]),
        ("training", {}, ["training", "'digits'"]),
        ("options.er.rule", "papers", ["options.er.rule", "'papers'", "'reference', 'paper'"]),
        ("options.snip", {"batches": 2}, ["options.snip", "{'batches': 2}", "no options"]),
        ("pruning", ["snip_shuffled_reinit"], ["pruning[0]", "'snip_shuffled_reinit'", "control of a control", "snip"]),
        ("pruning", ["snip", "snip_static"], ["pruning[1]", "would be 'snip' itself", "snip_shuffled, snip_reinit"]),
        ("pruning", ["snap_shuffled"], ["pruning[0]", "'snap_shuffled' is not known"]),
        ("pruning", ["rigl", "rigl_static", "snip_shuffled", "imp_reinit"], []),
        ("options.rigl_static", {"rate": 0.1}, ["options.rigl_static", "takes the options of rigl"]),
        ("options.set", {"interval": 0}, ["options.set.interval", "0", "at least 1"]),
        ("options.rigl", {"rule": "paper"}, ["options.rigl.rule", "allowed: interval, rate"]),
        ("options.gmp", {"interval": 5}, ["options.gmp", "{'interval': 5}", "no options"]),
        ("options.imp", {"interval": 5}, ["options.imp.interval", "allowed: rewind"]),
        ("options.errr", {}, ["options.errr", "did you mean 'er'?"]),
        ("options.motifs", {"engine": "fast"}, ["options.motifs.engine", "'fast'", "'structured'"]),
        ("options.mine", {"path": "somewhere"}, []),
        ("rank", {"architecture": "resnet20", "dataset": "digits"}, ["rank.sparsity", "missing"]),
        ("rank", RANK | {"method": "mixtures"}, ["rank.method", "'mixtures'", "did you mean 'mixture'?", "paths"]),
        ("rank", RANK | {"method": "mixture"}, []),
        ("rank", RANK | {"architecture": "a.py:Net"}, ["rank.architecture: 'a.py:Net'", "callable are for `external`"]),
        ("external.a.architecture", "resnet20", ["external.a", "missing"]),
        ("data_dir", 3, ["data_dir", "3", "string"]),
        ("data_dir", ["x" * 1000], ["data_dir: ['xxx", "string"]),
        ("training.digits.learning_rate", math.nan, ["training.digits.learning_rate: nan is no finite number"]),
        ("training.digits.architectures", {"conv_small": {"momentum": math.inf}}, ["conv_small.momentum: inf is no"]),
        ("sparsities", [math.nan], ["sparsities[0]: nan is no finite number"]),
        ("sparsities", [1e-300], ["sparsities[0]: 1e-300 must be at least 1e-09"]),
        ("sparsities", [0.9999999, 0.99999999], ["0.9999999", "six digits"]),
        ("seeds", [12345678901234567890], ["seeds[0]: 12345678901234567890 is too large"]),
        ("seeds", [2**32 - 1], ["seeds[0]: 4294967295 must be at most 4000000000"]),
        ("seeds", [1.5], ["seeds[0]: 1.5 is not of type integer"]),
        ("seeds", [0, 0.0], ["seeds: [0, 0.0] holds a value twice"]),
        ("training.digits.epochs", 10**400, ["training.digits.epochs: 10000", "is too large"]),
        ("training.digits.epochs", 1e300, ["training.digits.epochs: 1e+300 must be at most 1000000"]),
        ("training.digits.learning_rate", 1e-300, ["training.digits.learning_rate: 1e-300 must be at least 1e-12"]),
        ("training.digits.learning_rate", 10**400, ["training.digits.learning_rate: 10000", "is too large"]),
        ("training.digits.weight_decay", 1e300, ["training.digits.weight_decay: 1e+300 must be at most"]),
        ("options.ranking", {"bootstrap": 10**15}, ["options.ranking.bootstrap", "must be at most 1000000"]),
        ("training.digitz", {"epochs": 3}, ["training: 'digitz' is not one of", "did you mean 'digits'?"]),
        ("training.digits.architectures", {"conv_smal": {}}, ["architectures: 'conv_smal'", "'conv_small'?"]),
        ("options.conv_small", {"image_sise": 8}, ["options.conv_small.image_sise: 8", "did you mean 'image_size'?"]),
        ("options.conv_small", {"image_size": 8}, []),
        ("options.resnet20", {"depth": 8}, ["options.resnet20.depth: 8", "resnet20 has no options"]),
        ("options.digits", {"size": 8}, ["options.digits: {'size': 8} is not allowed"]),
        ("options.mine", {"path": "images", "sizes": 3}, ["options.mine.sizes: 3", "did you mean 'size'?"]),
        ("options.mine", {"path": "images", "flip": "maybe"}, ["options.mine.flip: 'maybe'", "boolean"]),
        ("options.mine", {"path": "images", "shift": -1}, ["options.mine.shift: -1 must be at least 0"]),
        ("options.digits", {"a": datetime.date(2024, 1, 1)}, ["options.digits.a", "of type date", "text in quotes"]),
        ("options.conv_small", {"a": [{"b": math.nan}]}, ["options.conv_small.a[0].b: nan"]),
        ("options.conv_small", {1: 2}, ["options.conv_small: the key 1 is of type int; allowed: texts"]),
        ("options.conv_small", {"a": ITSELF}, ["options.conv_small.a", "an anchor that holds itself"]),
        ("sparsities", BOMB, ["sparsities", "more than 100,000 values"]),
        ("external", {1: NETWORK}, ["external: the key 1 is of type int"]),
        ("external", {True: NETWORK}, ["external: the key True is of type bool"]),
        ("external", {"net\n": NETWORK}, ["external: 'net\\n' is not allowed"]),
        ("external", {"a" * 300: NETWORK}, ["external: 'aaaa", "at most 100 characters"]),
        ("external.a", NETWORK, []),
        ("external.a", NETWORK | {"weights": "ne{t}.pt"}, ["external.a.weights: 'ne{t}.pt' is not allowed", "{}"]),
        ("published.path", "re{lease}", ["published.path: 're{lease}' is not allowed"]),
        ("datasets", ["digits\n"], ["datasets[0]: 'digits\\n' is not allowed"]),
        ("datasets", ["x" * 1000], ["datasets[0]: 'xxx", "at most 60 characters"]),
        ("x" * 1000, 3, ["xxx: 3 is under an unknown key"]),
        ("options", None, ["options: is empty; leave the key out"]),
    ],
)
def test_bad_config_is_one_line(key, value, parts):
    config = changed(key, value)
    if not parts:
        Study(config)
        return
    with pytest.raises(ConfigError) as caught:
        Study(config)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 500
    for part in parts:
        assert part in message, message


@pytest.mark.parametrize(("key", "value"), [("encodings", ["rolled"]), ("metrics", ["density", "ramanujan"])])
def test_external_networks_need_a_measure_of_their_unrolled_graph(key, value):
    with pytest.raises(
        ConfigError, match=r"^external\.a: encodings: .* measures nothing of its unrolled graph; allowed"
    ):
        Study(changed(key, value) | {"external": {"a": NETWORK}})


def test_a_word_has_one_script(tmp_path, monkeypatch):
    scripts = shutil.copytree(SCRIPTS, tmp_path / "scripts")
    shutil.copy(scripts / "prune_snip.py", scripts / "sparsify_snip.py")
    monkeypatch.setattr("study.SCRIPTS", scripts)
    with pytest.raises(ConfigError, match=r"^pruning: 'snip' is the word of both prune_snip.py and sparsify_snip.py"):
        Study(copy.deepcopy(DEFAULT))


def test_integers_may_be_written_as_floats():
    given = changed("training.digits", DEFAULT["training"]["digits"] | {"epochs": 4.0, "batch_size": 32.0})
    assert json.dumps(Study(given | {"seeds": [0.0]}).settings) == json.dumps(Study(DEFAULT).settings)


@pytest.mark.parametrize(
    ("text", "target", "message"),
    [
        ("sparsities: [0.6, 2]", "all", "sparsities[1]: 2 must be less than 1"),
        (
            "options: {mine: {path: nowhere}}\ntraining: {mine: {epochs: 1, milestones: [1], batch_size: 2, "
            "learning_rate: 0.1, momentum: 0, weight_decay: 0}}",
            "results/data/mine/dataset.json",
            "options.mine.path: 'nowhere' is no folder with train/<class>/* and test/<class>/*",
        ),
    ],
)
def test_bad_config_ends_the_run_with_one_line(tmp_path, text, target, message):
    config = tmp_path / "bad.yaml"
    config.write_text(text)
    run = subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "1", "-n", "--configfile", config, "--", target],
        cwd=REPO, capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode != 0
    assert f"Error in the config: {message}" in run.stderr.splitlines()
    assert "Traceback" not in run.stderr


def test_rewinding_to_the_end_of_the_training_is_refused():
    config = changed("options.imp", {"rewind": 4}) | {"pruning": ["snip", "imp"]}
    with pytest.raises(ConfigError, match=r"options.imp.rewind: 4 .* less than the 4 epochs of conv_small on digits"):
        Study(config)
    config["options"]["imp"]["rewind"] = 3
    assert Study(config).sparsify_options("imp") == {"rewind": 3}
    assert Study(config).starts_from("imp") == "dense"
    assert Study(config).starts_from("gmp") == "init"


def test_controls_are_compared_with_what_differs_in_one_thing():
    words = ["snip", "snip_shuffled", "rigl", "rigl_shuffled", "rigl_static", "set_shuffled", "imp", "imp_reinit"]
    study = Study(changed("pruning", words))
    assert study.control_pairs == [
        ["snip_shuffled", "snip"],
        ["rigl_shuffled", "rigl_static"],
        ["rigl_static", "rigl"],
        ["imp_reinit", "imp"],
    ]
    assert {network["pruning"] for network in study.bases} == {"set"}
    assert study.stages("rigl_static") == ["control_static", "train_sparse"]
    assert study.init_seed("imp_reinit", "2") == 1_000_002
    assert study.init_seed("imp", "2") == 2


def test_rank_takes_what_needs_no_training():
    study = Study(changed("pruning", ["rigl", "snip", "snip_shuffled", "erk"]) | {"rank": RANK})
    assert [network["pruning"] for network in study.ranked] == ["snip", "erk"]
    assert study.unranked == ["rigl", "snip_shuffled"]
    with pytest.raises(ConfigError, match=r"^rank: none of pruning: rigl, imp gives a mask without training; allowed"):
        Study(changed("pruning", ["rigl", "imp"]) | {"rank": RANK})


@pytest.mark.parametrize(
    ("text", "metrics", "refused"),
    [
        ('READS = "masks"', [], None),
        ('READS = ["paths", "kcore"]\nLEARNED = "importance.csv"', ["kcore", "paths"], None),
        ("", None, "has READS = None; allowed: 'masks', 'metrics' or a list of components,"),
        ('READS = ["density"]', None, "has READS = ['density']; allowed"),
        ('READS = "masks"\nLEARNED = "mine.csv"', None, "has LEARNED = 'mine.csv'; allowed: None or a file"),
    ],
)
def test_a_rank_method_of_ones_own_says_what_it_reads(tmp_path, monkeypatch, text, metrics, refused):
    scripts = shutil.copytree(SCRIPTS, tmp_path / "scripts")
    monkeypatch.setattr("study.SCRIPTS", scripts)
    (scripts / "rank_by_mine.py").write_text(text)
    config = changed("rank", RANK | {"method": "mine"})
    if refused:
        with pytest.raises(ConfigError, match=re.escape(f"rank.method: rank_by_mine.py {refused}")):
            Study(config)
    else:
        assert Study(config).rank_metrics == metrics


def test_sparsities_keep_their_digits_in_file_names():
    study = Study(changed("sparsities", [0.6, 0.00001, 0.99999999]))
    assert study.sparsities == ["0.6", "0.00001", "0.99999999"]


def test_default_study():
    study = Study(copy.deepcopy(DEFAULT))
    assert len(study.networks) >= 42
    assert DEFAULT["datasets"] == ["digits"]
    assert len(DEFAULT["pruning"]) == 7
    assert len(DEFAULT["sparsities"]) == 3


def test_order_of_config_changes_nothing():
    config = copy.deepcopy(DEFAULT)
    config["encodings"].reverse()
    config["metrics"].reverse()
    config = dict(reversed(config.items()))
    a, b = Study(copy.deepcopy(DEFAULT)), Study(config)
    assert (a.encodings, a.metrics, a.encoded) == (b.encodings, b.metrics, b.encoded)
    assert a.recipe("digits", "conv_small") == b.recipe("digits", "conv_small")


def merged_paper_config():
    """What `--configfile config/paper.yaml` resolves to: nested keys merge, lists are replaced."""
    from snakemake.utils import update_config

    config = copy.deepcopy(DEFAULT)
    update_config(config, yaml.safe_load((REPO / "config" / "paper.yaml").read_text()))
    return config


def test_the_device_of_one_architecture():
    config = changed("training.digits.device", "cpu")
    config["training"]["digits"]["architectures"] = {
        "resnet_small": {"device": "cuda"},
        "conv_small": {"epochs": 3},
    }
    recipes = Study(config).recipe
    assert (recipes("digits", "resnet_small")["device"], recipes("digits", "conv_small")["device"]) == ("cuda", "cpu")


def test_every_data_set_has_a_recipe():
    """`datasets: [cifar10]` is enough; those of the paper are the paper's, and no two are one object, which a merge of
    the user's keys would change together."""
    recipes, papers = DEFAULT["training"], merged_paper_config()["training"]
    assert set(recipes) == set(Study(DEFAULT).known["datasets"])
    assert {word: recipes[word] for word in ("cifar10", "cifar100", "tiny_imagenet")} == {
        word: papers[word] for word in ("cifar10", "cifar100", "tiny_imagenet")
    }
    changed = with_defaults({"training": {"cifar10": {"epochs": 1}}})["training"]
    assert [changed[word]["epochs"] for word in ("cifar10", "cifar100")] == [1, 160]


def test_paper_study_is_the_papers():
    study = Study(merged_paper_config())
    assert len(study.networks) == 1260
    assert len(study.dense) == 36
    assert study.config["seeds"] == [0, 1, 2]
    assert study.sparsities == ["0.6", "0.8", "0.9", "0.95", "0.98"]
    sgd = {"batch_size": 128, "learning_rate": 0.1, "momentum": 0.9}
    for dataset in ("cifar10", "cifar100", "tiny_imagenet"):
        for architecture in ("conv6", "resnet20", "resnet32", "wrn28_2"):
            epochs = (
                {"epochs": 100, "milestones": [30, 60, 80]}
                if dataset == "tiny_imagenet"
                else {"epochs": 160, "milestones": [80, 120]}
            )
            decay = {"weight_decay": 5e-4 if architecture == "wrn28_2" else 1e-4}
            assert study.recipe(dataset, architecture) == {
                **sgd,
                **epochs,
                **decay,
                "device": "auto",
                "deterministic": False,
            }
    assert study.encodings == ["mge", "rolled", "rolled_channel"]
    assert len(study.metrics) == 10
    assert study.config["options"] == {
        "er": {"rule": "reference", "stale_epsilon": False},
        "grasp": {"reinit": "all"},
        "mge": {"identity_shortcuts": "ignore", "attention": "all", "parquet": True, "weight_names": False},
        "ranking": {"missing": "last", "bootstrap": 1000},
        "regression": {"repetitions": 100, "bootstrap": 1000},
    }


METRIC = """\
ENCODINGS = {encodings}
DIVISORS = {divisors}
WEIGHTED = {weighted}
"""


def own_metric(folder, monkeypatch, encodings='["rolled"]', divisors='{"skew": None}', weighted="[]"):
    """The default study with a metric `own` whose script declares these."""
    scripts = shutil.copytree(SCRIPTS, folder / "scripts")
    text = METRIC.format(encodings=encodings, divisors=divisors, weighted=weighted)
    (scripts / "metric_own.py").write_text("".join(line for line in text.splitlines(True) if "None\n" not in line))
    monkeypatch.setattr("study.SCRIPTS", scripts)
    return changed("metrics", ["own"])


def test_a_metric_of_layers_alone_is_measured_whatever_graphs_are_studied(tmp_path, monkeypatch):
    found = Study(own_metric(tmp_path, monkeypatch) | {"encodings": ["mge"]})
    assert found.metric_encodings("own") == ["rolled"]
    assert found.encoded == ["mge", "rolled"]
    assert found.layer_metrics == ["skew"]


def test_a_metric_of_the_unrolled_graph_alone(tmp_path, monkeypatch):
    config = own_metric(tmp_path, monkeypatch, '["mge"]', '{"girth": "nodes", "weight": None}', '["weight"]')
    found = Study(config)
    assert (found.metrics, found.encoded, found.layer_metrics) == (["own"], found.encodings, [])
    assert found.metric_encodings("own") == ["mge"]
    assert found.weighted(["own"]) == ["weight"]
    assert found.divisors(["own"]) == {"girth": "nodes", "weight": None}
    assert Study(config | {"encodings": ["rolled"]}).metrics == []


@pytest.mark.parametrize(
    ("name", "divisors", "weighted", "expected"),
    [
        ("girth", '{"girth": None}', "[]", []),
        ("an importance", '{"k_core": None}', "[]", ["own"]),
        ("of weights", '{"k_core": None}', '["k_core"]', []),
    ],
)
def test_rank_measures_what_the_mask_decides_and_has_an_importance(
    tmp_path, monkeypatch, name, divisors, weighted, expected
):
    assert Study(own_metric(tmp_path, monkeypatch, '["mge"]', divisors, weighted)).ranking_metrics == expected


def test_ranking_metrics_of_the_paper():
    assert Study(changed("metrics", ["strength", "spectra", "density", "cuts", "paths"])).ranking_metrics == ["cuts"]


@pytest.mark.parametrize(
    ("declared", "part"),
    [
        ({"encodings": '["unrolled"]'}, "ENCODINGS = ['unrolled']; allowed: a list of mge, rolled"),
        ({"encodings": "[]"}, "ENCODINGS = []"),
        ({"encodings": "None"}, "ENCODINGS = None"),
        ({"encodings": "list(WORDS)"}, "ENCODINGS = 'list(WORDS)'"),
        ({"divisors": '{"skew": "layers"}'}, "DIVISORS = {'skew': 'layers'}; allowed: a dict"),
        ({"weighted": '["other"]'}, "WEIGHTED = ['other']; allowed: a list, perhaps empty"),
        ({"weighted": "None"}, "WEIGHTED = None"),
    ],
)
def test_a_metric_that_does_not_say_what_it_is(tmp_path, monkeypatch, declared, part):
    config = own_metric(tmp_path, monkeypatch, **declared)
    with pytest.raises(ConfigError) as caught:
        Study(config)
    message = str(caught.value)
    assert message.startswith(f"metrics: metric_own.py has {part}")
    assert len(message) < 500
    assert "\n" not in message


def test_config_readme_explains_every_setting():
    text = (REPO / "config" / "README.md").read_text()

    def keys(schema, prefix=""):
        for name, entry in schema.get("properties", {}).items():
            yield prefix + name
            yield from keys(entry, f"{prefix}{name}.")
            extra = entry.get("additionalProperties")
            if isinstance(extra, dict):
                yield from keys(extra, f"{prefix}{name}.<{'name' if name == 'external' else 'word'}>.")

    # The overrides of one architecture are the keys of the recipe itself.
    missing = [key for key in keys(SCHEMA) if f"`{key}`" not in text and ".architectures.<word>." not in key]
    assert not missing
