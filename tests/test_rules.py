"""What holds for every rule, read from the rule files."""

import re

import pytest
import yaml
from conftest import REPO

FILES = [REPO / "Snakefile", *sorted((REPO / "workflow" / "rules").glob("*.smk"))]
BLOCK = re.compile(
    r"^(?:use rule (?P<base>\w+) as )?(?:rule )?(?P<name>\w+)(?: with)?:\n(?P<body>(?:(?: .*)?\n)+)", re.M
)
SCRIPT = re.compile(r"^    script:\n +f?\"\.\./scripts/(.+)\"$", re.M)
CODE = re.compile(r"^        code=(?:lambda w: )?code_hash\((f?\".+?\")[,)]", re.M)


def rules() -> dict[str, tuple[str | None, str]]:
    """{rule: (the rule that it varies, its text)}."""
    found = {}
    for path in FILES:
        for match in BLOCK.finditer(path.read_text()):
            if match[0].startswith(("rule ", "use rule ")):
                found[match["name"]] = match["base"], match["body"]
    return found


RULES = rules()


def script(rule: str) -> str | None:
    """The script of a rule, or of the one that it varies."""
    base, body = RULES[rule]
    found = SCRIPT.search(body)
    return found[1] if found else base and script(base)


def in_params(text: str, body: str) -> str:
    """A pattern of a script with `params.x` as what the rule says that x is, and wildcards as `w`."""
    for name in re.findall(r"\{params\.(\w+)\}", text):
        meaning = re.search(rf"^        {name}=lambda w: (.+),$", body, re.M)[1]
        text = text.replace(f"{{params.{name}}}", f"{{{meaning}}}")
    return text.replace("{wildcards.", "{w.")


SCRIPTED = [name for name in RULES if script(name)]


def test_all_rules_are_seen():
    written = sum(len(re.findall(r"^(?:use )?rule \w+.*:$", path.read_text(), re.M)) for path in FILES)
    assert len(RULES) == written > 30
    assert set(RULES) - set(SCRIPTED) == {"all", "published", "external", "edges", "rank"}
    assert script("rank_metric") == "metric_{wildcards.metric}.py"


@pytest.mark.parametrize("name", SCRIPTED)
def test_the_code_hash_is_of_the_script_that_runs(name):
    base, body = RULES[name]
    if base and "params:" not in body:
        base, body = RULES[base]
    (hashed,) = CODE.findall(body)
    assert in_params(script(name), body) == hashed.removeprefix("f").strip('"')


def test_the_published_drawing_traces_as_the_study_does():
    keys = {name: re.findall(r'"(\w+)":|\*\*(\w+)', RULES[name][1]) for name in ("geometry", "published_geometry")}
    assert keys["geometry"] == [("architecture", ""), ("architecture_options", ""), ("", "traced")]
    assert keys["published_geometry"] == keys["geometry"]
    common = (REPO / "workflow" / "rules" / "common.smk").read_text()
    assert 'return {key: options[key] for key in ("identity_shortcuts", "attention")}' in common


@pytest.mark.parametrize("name", SCRIPTED)
def test_what_is_the_default_is_not_said(name):
    assert "threads: 1\n" not in RULES[name][1]


def test_the_profile_for_slurm_names_rules():
    profile = yaml.safe_load((REPO / "slurm" / "config.yaml").read_text())
    grouped = [entry.partition("=")[0] for entry in profile["groups"]]
    assert {*grouped, *profile["set-resources"]} <= set(RULES)
    assert {name for name in RULES if name.startswith(("table", "figure"))} - set(grouped) == {
        *("figure_graph", "table_costs")
    }
