"""What a study has shown is kept when another one runs in the same folder."""

import json
from pathlib import Path

from keep import keep_other_study


def shown(results: Path, configfiles: list[str], text: str) -> None:
    (results / "tables").mkdir(parents=True, exist_ok=True)
    (results / "tables" / "accuracy.csv").write_text(text)
    (results / "report.html").write_text(text)
    (results / "manifest.json").write_text(json.dumps({"config": {"configfiles": configfiles}}))


def test_the_same_study_again_keeps_nothing(tmp_path):
    assert keep_other_study(tmp_path, ["a.yaml"]) is None
    shown(tmp_path, ["a.yaml"], "a")
    assert keep_other_study(tmp_path, ["a.yaml"]) is None
    assert not (tmp_path / "other").exists()


def test_another_one(tmp_path):
    shown(tmp_path, [], "default")
    assert keep_other_study(tmp_path, ["my/a.yaml"]) == tmp_path / "other" / "config"
    shown(tmp_path, ["my/a.yaml"], "a")
    kept = keep_other_study(tmp_path, [])
    assert kept == tmp_path / "other" / "a"
    assert (kept / "report.html").read_text() == (kept / "tables" / "accuracy.csv").read_text() == "a"
    assert (tmp_path / "other" / "config" / "report.html").read_text() == "default"
    shown(tmp_path, ["a.yaml"], "new")
    assert (keep_other_study(tmp_path, ["b.yaml"]) / "report.html").read_text() == "new"


def test_a_manifest_that_says_nothing(tmp_path):
    for text in ("", "[]", '{"config": {}}'):
        (tmp_path / "manifest.json").write_text(text)
        assert keep_other_study(tmp_path, ["a.yaml"]) is None
