"""What the report writers promise: one safe page, strict JSON, whole files, equal bytes."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from graphc.compare.report import picture_names, write_report
from graphc.core.errors import ArgumentError, FileError, GraphcError
from tests.compare.report_samples import HOSTILE, SVG, absent, circuit, engine, hostile, network

SAMPLES = {
    "circuit": [circuit()],
    "network": [network()],
    "hostile": [hostile()],
    "three": [circuit(title="at the start"), network(), circuit(title="a third")],
}


class Page(HTMLParser):
    """Collects what a browser would run, fetch and name."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self.data: list[Any] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.policy = ""
        self.handlers: list[str] = []
        self.tags: set[str] = set()
        self.text = ""
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.add(tag)
        self._inside = tag
        self.handlers += [name for name in given if name.startswith("on")]
        if "id" in given:
            self.ids.append(given["id"])
        self.links += [
            given[n] for n in ("href", "src", "xlink:href", "action", "data") if n in given
        ]
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"]
        if tag == "script":
            self._inside = "data" if given.get("type") == "application/json" else "script"

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts.append(data)
        elif self._inside == "data":
            self.data.append(json.loads(data))
        elif self._inside == "style":
            self.styles.append(data)
        else:
            self.text += data


@pytest.fixture(scope="module", params=list(SAMPLES))
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp(request.param)
    write_report(SAMPLES[request.param], folder)
    return folder


def page_of(folder: Path) -> Page:
    return Page((folder / "report.html").read_text(encoding="utf-8"))


def hashed(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_policy_names_the_hash_of_every_script_and_style_and_allows_nothing_else(report: Path):
    page = page_of(report)
    rules = dict(rule.strip().split(" ", 1) for rule in page.policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"].split() == [hashed(text) for text in page.scripts]
    assert rules["style-src"].split() == [hashed(text) for text in page.styles]
    assert len(page.scripts) == 4


def test_page_has_no_handler_no_frame_and_no_address_but_its_own_files(report: Path):
    page = page_of(report)
    assert not page.handlers
    assert not page.tags & {"iframe", "object", "embed", "link", "base", "img", "image", "form"}
    for link in page.links:
        assert link.startswith("#") or (report / link).is_file(), link


def test_page_shows_hostile_names_as_text(tmp_path: Path):
    write_report([hostile()], tmp_path)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "alert(1)</script>" not in text
    assert HOSTILE in Page(text).text


def test_ids_are_unique_with_several_pictures_in_one_page(report: Path):
    ids = page_of(report).ids
    assert len(ids) == len(set(ids))


def test_every_link_within_the_page_has_a_target(report: Path):
    page = page_of(report)
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)


def test_charts_are_vega_lite_specs_with_finite_numbers(report: Path):
    specs = page_of(report).data
    assert specs
    for spec in specs:
        assert spec["$schema"].endswith("vega-lite/v6.json")
        json.dumps(spec, allow_nan=False)


def test_page_begins_with_the_verdict(tmp_path: Path):
    write_report([network()], tmp_path)
    text = page_of(tmp_path).text
    assert text.index("Defect") < text.index("reverse is wrong") < text.rindex("The problem")


def test_the_same_record_gives_the_same_bytes_in_any_process(tmp_path: Path):
    code = (
        "import sys\n"
        "from tests.compare.report_samples import circuit, hostile, network\n"
        "from graphc.compare.report import write_report\n"
        "write_report([circuit(), network(), hostile()], sys.argv[1])"
    )
    root = str(Path(__file__).parents[2])
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": root}
        command = [sys.executable, "-c", code, str(tmp_path / seed)]
        subprocess.run(command, env=environment, check=True)
    first = {path.name: path.read_bytes() for path in (tmp_path / "1").iterdir()}
    assert first == {path.name: path.read_bytes() for path in (tmp_path / "2").iterdir()}


def test_json_is_strict_and_holds_each_engines_gradient(tmp_path: Path):
    write_report([circuit()], tmp_path)
    report = json.loads((tmp_path / "report.json").read_text(), parse_constant=pytest.fail)
    assert (report["format"], report["version"]) == ("graphc-comparison", 1)
    assert report["agreed"] is True
    assert report["engines"]["reverse"]["gradient"] == {"x": -4.0, "y": -4.0, "z": 3.0}
    assert report["engines"]["analytic"]["status"] == "not applicable"
    assert report["comparisons"][0]["engines"] == report["engines"]
    assert report["comparisons"][0]["pictures"][0]["file"] == "forward.svg"


def test_json_writes_nan_infinities_and_huge_integers_as_strings(tmp_path: Path):
    odd = engine(
        "jax", {"x": [math.nan, math.inf, -math.inf, -0.0]}, tree_size=2**1000, nodes=10**5000
    )
    write_report([circuit(engines=(odd,), wrt=("x",), truth={})], tmp_path)
    report = json.loads((tmp_path / "report.json").read_text(), parse_constant=pytest.fail)
    jax = report["engines"]["jax"]
    assert jax["gradient"]["x"] == ["NaN", "Infinity", "-Infinity", 0.0]
    assert math.copysign(1, jax["gradient"]["x"][3]) == -1
    assert int(jax["tree_size"]) == 2**1000
    assert jax["nodes"] == "1.0e5000"


def test_json_of_several_comparisons_has_the_last_ones_engines_on_top(tmp_path: Path):
    write_report([circuit(), network()], tmp_path)
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["agreed"] is False
    assert [c["title"] for c in report["comparisons"]] == ["(x + y) * z", "digits network, trained"]
    assert report["engines"] == report["comparisons"][1]["engines"]


def test_markdown_tables_have_equal_columns_and_link_pictures_that_exist(report: Path):
    text = (report / "report.md").read_text(encoding="utf-8")
    width = 0
    for line in text.splitlines():
        if not line.startswith("|"):
            width = 0
            continue
        columns = len(re.findall(r"(?<!\\)\|", line))
        assert width in (0, columns), line
        width = columns
    for name in re.findall(r"!\[.*\]\(([^)]*)\)", text):
        assert (report / name).is_file()


def test_markdown_holds_no_raw_html_of_the_users(tmp_path: Path):
    write_report([hostile()], tmp_path)
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    fenced = re.sub(r"(?ms)^(`{3,})[^\n]*\n.*?^\1$", "", text)
    plain = re.sub(r"(`+)[^`\n](?:.*?[^`\n])?\1(?!`)", "", fenced)
    tags = set(re.findall(r"(?<!\\)<(/?\w+)", plain))
    assert tags <= {"details", "/details", "summary", "/summary", "ins", "/ins"}


def test_files_are_the_page_the_texts_and_the_pictures_and_nothing_else(tmp_path: Path):
    paths = write_report([network()], tmp_path / "new" / "folder")
    assert [p.name for p in paths] == ["report.html", "report.md", "report.json", "forward.svg"]
    assert sorted(os.listdir(tmp_path / "new" / "folder")) == sorted(p.name for p in paths)
    assert ET.parse(paths[-1]).getroot().tag == "{http://www.w3.org/2000/svg}svg"


def test_pictures_of_the_same_stem_get_names_of_their_own():
    records = [circuit(title="a/b"), circuit(title="A-B"), hostile()]
    names = [list(own.values()) for own in picture_names(records)]
    assert names[:2] == [
        ["a-b-forward", "a-b-engine-reverse"],
        ["A-B-forward-2", "A-B-engine-reverse-2"],
    ]
    assert names[2] == ["script-script-alert-1-script", "report-2"]


def test_a_stem_used_once_stays_as_it_is():
    assert picture_names([circuit()]) == [
        {"forward": "forward", "engine-reverse": "engine-reverse"}
    ]


def test_folder_that_cannot_be_made_is_a_file_error_with_a_mend(tmp_path: Path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(FileError) as error:
        write_report([circuit()], tmp_path / "file" / "out")
    assert error.value.mend
    assert os.listdir(tmp_path) == ["file"]


def test_a_report_of_nothing_is_refused(tmp_path: Path):
    with pytest.raises(ArgumentError):
        write_report([], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_in_the_way_leaves_the_others_whole(tmp_path: Path):
    (tmp_path / "report.html").mkdir()
    with pytest.raises(GraphcError):
        write_report([circuit()], tmp_path)
    assert not [name for name in os.listdir(tmp_path) if name.endswith(".part")]
    json.loads((tmp_path / "report.json").read_text())


def test_a_comparison_with_nothing_in_it_is_still_a_page(tmp_path: Path):
    bare = circuit(
        engines=(absent("jax", "failed", ""),), truth={}, step_curves=(), swell=(), pictures=(),
        output="", output_latex="", inputs={}, values={}, wrt=(), versions={}, machine="",
    )  # fmt: skip
    write_report([bare], tmp_path)
    assert not page_of(tmp_path).scripts
    assert "failed" in page_of(tmp_path).text


def test_engines_are_held_against_jax_where_the_truth_is_not_known(tmp_path: Path):
    write_report([network(truth={"W": [], "b": []})], tmp_path)
    text = page_of(tmp_path).text
    assert "held against one of them" in text
    marked = re.findall(r'<code class="wrong">([^<]*)<', (tmp_path / "report.html").read_text())
    assert marked
    assert "the truth</td>" not in (tmp_path / "report.html").read_text()


def test_engines_graphs_stand_in_the_section_on_sharing(tmp_path: Path):
    write_report([circuit()], tmp_path)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert text.index('id="c1-pictures') < text.index("open forward.svg")
    assert text.index('id="c1-sharing') < text.index("open engine-reverse.svg")


def test_the_swell_chart_holds_counts_past_any_float(tmp_path: Path):
    write_report([hostile()], tmp_path)
    (spec,) = [s for s in page_of(tmp_path).data if '"n"' in json.dumps(s) and "power" in str(s)]
    assert max(row["power"] for row in spec["data"]["values"]) == 9000.0


def test_no_script_of_the_page_names_a_source_map(report: Path):
    assert not any("sourceMappingURL" in script for script in page_of(report).scripts)


def test_the_samples_picture_is_kept_whole(tmp_path: Path):
    write_report([circuit()], tmp_path)
    wanted = [e.tag for e in ET.fromstring(SVG).iter()]
    assert [e.tag for e in ET.parse(tmp_path / "forward.svg").iter()] == wanted


def test_a_longer_input_shows_the_entries_furthest_off_and_folds_its_rest_beside_them(
    tmp_path: Path,
):
    values = [0.25 * i for i in range(12)]
    off = [v + (1e-3 if i == 7 else 0.0) for i, v in enumerate(values)]
    gradient = {"b": values, "c": values[:2]}
    record = circuit(
        engines=(engine("reverse", gradient), engine("jax", gradient | {"b": off})),
        truth={}, wrt=("b", "c"),
    )  # fmt: skip
    write_report([record], tmp_path)
    text = page_of(tmp_path).text
    start = text.index("b has 12 elements; these 5 are the furthest off")
    fold = text.index("7 more entries of b")
    assert start < text.index("b[7]") < fold < text.index("b[5]")
    assert text.index("c[1]") < start


def test_zeros_of_both_signs_share_a_line(tmp_path: Path):
    record = circuit(
        engines=(engine("reverse", {"x": 0.0}), engine("jax", {"x": -0.0})), wrt=("x",),
        truth={"x": "0"},
    )  # fmt: skip
    write_report([record], tmp_path)
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "reverse, jax" in text
    assert "`-0`" not in text


def test_a_truth_that_is_no_finite_number_is_told_in_words(tmp_path: Path):
    odd = engine("jax", {"x": math.inf, "y": math.nan})
    for truth, told in (
        ({"x": "Infinity", "y": "NaN"}, "The true derivative by x is infinite: "),
        ({"x": "1", "y": "NaN"}, "The true derivative by y is not a number: "),
        ({"x": "no two-sided one", "y": "1"}, "The true derivative by x is undefined: "),
    ):
        write_report([circuit(engines=(odd,), wrt=("x", "y"), truth=truth)], tmp_path)
        assert told in page_of(tmp_path).text
    assert "the truth, undefined here" in page_of(tmp_path).text
    write_report([circuit()], tmp_path)
    assert "The true derivative by" not in page_of(tmp_path).text


def test_a_loose_rounding_bound_is_explained_once_where_it_is_loose(tmp_path: Path):
    write_report([circuit(engines=(engine("jax", digits_expected={"x": 4.0}),))], tmp_path)
    assert page_of(tmp_path).text.count("it is loose here") == 1
    write_report([circuit()], tmp_path)
    assert "it is loose here" not in page_of(tmp_path).text


def test_markdown_tells_why_an_engine_does_not_apply_in_the_last_column(tmp_path: Path):
    write_report([circuit()], tmp_path)
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    (line,) = [n for n in text.splitlines() if "**analytic**" in n and "not applicable" in n]
    cells = [part.strip() for part in line.strip("|").split("|")]
    assert cells[-1] == "no formula is given beside the expression"
    assert cells[2:-1] == ["", "", ""]
