"""The report as one HTML file: figures from the records, nasty names, nothing from elsewhere; and in a browser."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import pandas as pd
import pytest
from small_run import Ear, small_settings, write_small_case

from desilo.cases.plan import read_plan
from desilo.cases.reading import read_instance
from desilo.harness import html
from desilo.harness.cli import Exit, main
from desilo.harness.experiment import HANDED_ON, JOINT
from desilo.harness.run import run

NASTY = {
    "tropicana-premium-64@mid": '<img src=x onerror="boom()">',
    "minute-maid-64@mid": "</script><b>$x_1$, “Orange” & 'juice' 果汁",
}
TITLE = "Juice </title><script>boom()</script> & more"
CHARTS, PUBLISHED = 9, 5
"""Charts in a page, and in one made from a summary alone."""

VOID = {"meta", "input", "img", "br", "link", "use"}


STYLE = (Path(html.__file__).parent / "page.css").read_text()
THEMES = [dict(re.findall(r"--(\w+): (#\w+)", block)) for block in re.findall(r":root \{([^}]*)\}", STYLE)]
"""Colours by variable: light, dark, print."""

BLIND = {
    "no red": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "no green": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "no blue": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
"""What linear RGB becomes without a kind of cone; Machado, Oliveira and Fernandes (2009), severity 1."""


def linear(colour: str) -> Any:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    share = np.array([int(digits[k : k + 2], 16) for k in (0, 2, 4)]) / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def luminance(rgb: Any) -> float:
    return float(np.clip(rgb, 0, 1) @ [0.2126, 0.7152, 0.0722])


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, of two colours."""
    dark, light = sorted(luminance(linear(colour)) for colour in (one, other))
    return (light + 0.05) / (dark + 0.05)


def lab(rgb: Any) -> Any:
    """CIELAB of linear RGB, D65."""
    to_xyz = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    xyz = np.array(to_xyz) @ np.clip(rgb, 0, 1) / [0.95047, 1, 1.08883]
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("theme", THEMES, ids=["light", "dark", "print"])
def test_colours_stand_out_and_are_told_apart_by_everybody(theme: dict[str, str]) -> None:
    for name in ("ink", "muted", "blue"):  # of text
        assert min(contrast(theme[name], theme[ground]) for ground in ("page", "soft")) >= 4.5, name
    for name in ("green", "vermillion", "orange"):  # of bars, marks and what has the focus
        assert min(contrast(theme[name], theme[ground]) for ground in ("page", "soft")) >= 3, name
    for pair in (("blue", "orange"), ("blue", "vermillion"), ("green", "vermillion"), ("blue", "green")):
        for matrix in (np.eye(3), *map(np.array, BLIND.values())):
            one, other = (lab(matrix @ linear(theme[name])) for name in pair)
            assert np.linalg.norm(one - other) > 10, pair


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on a case whose names are as nasty as a case may have them."""
    place = tmp_path_factory.mktemp("html")
    case = write_small_case(place / "small")
    for name in ("items.csv", "sales.csv"):
        table = pd.read_csv(case / name)
        table["item"] = table["item"].map(NASTY)
        assert table["item"].notna().all()
        table.to_csv(case / name, index=False)
    header = case / "case.toml"
    header.write_text(re.sub(r"^title = .*$", f"title = {json.dumps(TITLE)}", header.read_text(), flags=re.MULTILINE))
    assumed = case / "assumptions.toml"
    text = assumed.read_text()
    for name, value in {"open_to_buy": 0.05, "min_order": 0.0}.items():  # a budget short enough to have a price
        text, found = re.subn(rf"(\[{name}\]\s+value = )[\d.]+", rf"\g<1>{value}", text)
        assert found == 1
    assumed.write_text(text)
    run(small_settings(case), place / "run", Ear())
    report(place / "run")
    return place / "run"


def report(*arguments: Path | str) -> int:
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as ended:
        patch.setattr(sys, "argv", ["desilo", "report", *map(str, arguments)])
        main()
    return int(ended.value.code or 0)


class Read(HTMLParser):
    """Elements with their attributes, ancestors and text; fails where an element is not closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[int] = []
        self.tags: list[str] = []
        self.attributes: list[dict[str, str | None]] = []
        self.inside: list[tuple[int, ...]] = []
        self.texts: list[list[str]] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.append(dict(attrs))
        self.inside.append(tuple(self.open))
        self.texts.append([])
        if tag not in VOID:
            self.open.append(len(self.tags) - 1)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.tags[self.open.pop()] == tag

    def handle_data(self, data: str) -> None:
        for k in self.open:
            self.texts[k].append(data)

    def all(self, tag: str, within: int | None = None) -> list[int]:
        return [k for k, name in enumerate(self.tags) if name == tag and (within is None or within in self.inside[k])]

    def text(self, k: int) -> str:
        return " ".join("".join(self.texts[k]).split())

    def rows(self, caption: str) -> list[list[str]]:
        """Cells of the table whose caption has these words."""
        (table,) = [t for t in self.all("table") if caption in self.text(self.all("caption", t)[0])]
        return [
            [self.text(c) for c in range(len(self.tags)) if self.tags[c] in ("th", "td") and row in self.inside[c]]
            for row in self.all("tr", table)
        ]


@pytest.fixture(scope="module")
def html(folder: Path) -> str:
    return (folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(html: str) -> Read:
    return Read(html)


@pytest.fixture(scope="module")
def raw(folder: Path) -> dict[tuple[str, int], Any]:
    """The records at the assumed limits as plain JSON."""
    found = [json.loads(path.read_text()) for path in (folder / "records").glob("*-t1-*.json")]
    return {(r["cell"]["model"], r["cell"]["start"]): r for r in found}


def figure(text: str) -> float:
    return float(re.findall(r"[-+]?\d[\d,]*\.?\d*", text)[0].replace(",", ""))


def best_order(raw: dict[tuple[str, int], Any]) -> str:
    starts = {start for _, start in raw}
    return max(HANDED_ON, key=lambda model: sum(raw[model, s]["promise"]["profit"] for s in starts))


def test_nothing_is_loaded_from_elsewhere(html: str, page: Read) -> None:
    namespaces = {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert set(re.findall(r"\w+://[^\s\"'<)]+", html)) <= namespaces
    for attributes in page.attributes:
        for name in ("src", "href", "xlink:href", "action"):
            assert (attributes.get(name) or "#").startswith("#")
    assert "@import" not in html and len(html) < 2e6
    (policy,) = [a["content"] for a in page.attributes if a.get("http-equiv") == "Content-Security-Policy"]
    script = "".join(page.texts[page.all("script")[-1]])
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"


def test_names_are_text_wherever_they_stand(html: str, page: Read) -> None:
    assert page.all("b") == page.all("img") == []
    assert [page.attributes[k].get("type") for k in page.all("script")] == ["application/json", None]
    assert page.text(page.all("h1")[0]) == TITLE and TITLE in page.text(page.all("title")[0])
    assert {row[0] for row in page.rows("What changes for which items")[1:]} == set(NASTY.values())
    assert {row[0] for row in page.rows("Elasticities")[1:]} == set(NASTY.values())
    plans = json.loads("".join(page.texts[page.all("script")[0]]))
    assert set(plans["items"]) == set(NASTY.values())
    assert not [name for attributes in page.attributes for name in attributes if name.startswith("on")]


def test_profits_gains_and_sensitivity_are_those_of_the_records(page: Read, raw: dict[tuple[str, int], Any]) -> None:
    starts, best = sorted({start for _, start in raw}), best_order(raw)
    rows = {row[0].split()[0]: row for row in page.rows("mean of 2 starts")[1:]}
    profit = {model: fmean(raw[model, s]["nature"]["profit"] for s in starts) for model in (JOINT, best, "isolated")}
    assert figure(rows[JOINT][1]) == round(profit[JOINT])
    assert figure(rows["isolated"][1]) == round(profit["isolated"])
    gain = profit[JOINT] - profit[best]
    assert f"USD {gain:+,.0f}" in page.text(page.all("dl")[0])

    shown = {row[0]: [figure(cell) for cell in row[1:]] for row in page.rows("with a cost figure changed")[1:]}
    causes = {"unit cost": "purchase", "holding cost": "holding", "salvage value": "salvage", "order cost": "order"}
    for name, cause in causes.items():
        money = [fmean(raw[m, s]["nature"]["breakdown"][cause] for s in starts) for m in (JOINT, best)]
        more = (money[0] - money[1]) * (1 if cause == "salvage" else -1)
        assert shown[name] == pytest.approx([gain - more / 4, gain + more / 4], abs=0.51)


def test_calendars_limits_and_elasticities_are_those_of_the_plans(
    folder: Path, page: Read, raw: dict[tuple[str, int], Any]
) -> None:
    start = min(start for _, start in raw)
    picture, nature = (read_instance(folder / "instances" / f"{start}-t1" / name) for name in ("estimated", "nature"))
    plan = read_plan(picture, folder / "plans" / f"{start}-t1-joint.json")
    plans = json.loads("".join(page.texts[page.all("script")[0]]))
    shown = next(window for window in plans["windows"] if window["start"] == start)["plans"][JOINT]
    assert np.array(shown["price"]) == pytest.approx(plan.price(picture), abs=1e-4)
    assert np.array(shown["order"]) == pytest.approx(plan.order, abs=0.5)

    (budget,) = [r for r in nature.resources if "buy" in r.name]
    spent = (next(iter(budget.use.values())) * plan.order.T).sum(axis=1) / budget.capacity
    header, *rows = page.rows("Shared limits")
    column = header.index("mean use, joint")
    use = [row[column] for row in rows if row[0] == budget.name][: nature.periods]
    assert use == [f"{share:.0%}" for share in spent]

    elasticity = np.log(picture.expected_demand[0, 0, -1] / picture.expected_demand[0, 0, -2]) / np.log(
        picture.price[0, -1] / picture.price[0, -2]
    )
    other = read_instance(folder / "instances" / f"{max(s for _, s in raw)}-t1" / "estimated")
    again = np.log(other.expected_demand[0, 0, -1] / other.expected_demand[0, 0, -2]) / np.log(
        other.price[0, -1] / other.price[0, -2]
    )
    header, *rows = page.rows("Elasticities at")
    assert figure(rows[0][header.index("own, estimated")]) == pytest.approx((elasticity + again) / 2, abs=0.006)


def test_shadow_prices_and_intervals_are_those_on_record(
    folder: Path, page: Read, raw: dict[tuple[str, int], Any]
) -> None:
    shown = {(row[0], int(row[1])): float(row[2].replace(",", "")) for row in page.rows("Shadow prices")[1:]}
    recorded = {
        (short["limit"], start + t): price
        for (model, start), record in raw.items()
        if model == JOINT
        for short in record["scarcity"]
        for t, price in enumerate(short["prices"])
    }
    assert any(recorded.values()) and shown == pytest.approx(recorded, abs=1e-4)

    known = {each["item"]: each for each in json.loads((folder / "run.json").read_text())["elasticities"]}
    header, *rows = page.rows("Elasticities at")
    for row in rows:
        own = known[row[0]]
        assert own["low"] < own["own"] < own["high"]
        assert row[header.index("own, 95%")] == f"{own['low']:.2f} to {own['high']:.2f}"
        assert float(row[header.index("own, estimated")]) == pytest.approx(own["own"], abs=0.006)


def test_every_chart_has_words_and_its_figures_in_a_table(page: Read) -> None:
    ids = Counter(a["id"] for a in page.attributes if "id" in a)
    assert ids and max(ids.values()) == 1
    figures = page.all("figure")
    assert len(figures) == CHARTS
    for found in figures:
        assert (
            len(page.all("svg", found)) == 2
            and page.all("table", found)
            and page.text(page.all("figcaption", found)[0])
        )
        for drawing in page.all("svg", found):
            said = page.attributes[drawing]
            assert said["role"] == "group" and len(said["aria-label"] or "") > 20
    for table in page.all("table"):
        assert page.text(page.all("caption", table)[0])
        assert all("scope" in page.attributes[head] for head in page.all("th", table))
    sections = page.all("section")
    assert len(page.all("h1")) == 1 and [len(page.all("h2", section)) for section in sections] == [1] * len(sections)
    places = {a["id"] for a in page.attributes if "id" in a}
    assert all((page.attributes[k]["href"] or "")[1:] in places for k in page.all("a"))


FIGURE = re.compile(r"[-+]?\d+(?:,\d{3})*(?:\.\d+)?%?")


def test_every_mark_of_a_chart_says_its_value(page: Read) -> None:
    for found in page.all("figure"):
        (table,) = page.all("table", found)
        cells = [page.text(cell) for kind in ("th", "td") for cell in page.all(kind, table)]
        figures = {figure for cell in cells for figure in FIGURE.findall(cell)}
        wide, narrow = ([page.text(said) for said in page.all("title", chart)] for chart in page.all("svg", found))
        assert wide == narrow and len(set(wide)) > 1
        for said in wide:
            name, _, value = said.rpartition(": ")
            if name != "bound of perfect information":  # that is in the table of operating models
                assert set(FIGURE.findall(value)[:1]) <= figures and FIGURE.search(value), said
    marks = [attributes for attributes in page.attributes if attributes.get("class") == "mark"]
    assert len(marks) > 100 and all(mark["tabindex"] == "-1" and mark["role"] == "img" for mark in marks)
    (items,) = (k for k in page.all("figure") if page.attributes[k]["id"] == "items")
    assert {page.text(said).rpartition(": ")[0] for said in page.all("title", items)} == set(NASTY.values())


def test_a_published_run_is_reported_from_its_summary_which_stays(folder: Path, tmp_path: Path) -> None:
    for name in ("run.json", "summary.json"):
        shutil.copy(folder / name, tmp_path / name)
    before = (tmp_path / "summary.json").read_bytes()
    out = tmp_path / "elsewhere" / "page.html"
    assert report(tmp_path, "--out", out) == Exit.OK
    assert {path.name for path in tmp_path.iterdir()} == {"run.json", "summary.json", "elsewhere"}
    assert (tmp_path / "summary.json").read_bytes() == before
    page = Read(out.read_text())
    assert len(page.all("figure")) == PUBLISHED and "a published run keeps its figures" in page.text(
        page.all("main")[0]
    )


def test_a_page_that_cannot_be_written_is_bad_input(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert report(folder, "--out", folder / "run.json" / "page.html") == Exit.BAD_INPUT
    assert "run.json/page.html: cannot be written: " in capsys.readouterr().err


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

LISTEN = """<script>
window.wrong = [];
addEventListener("error", event => wrong.push(String(event.message)), true);
addEventListener("securitypolicyviolation", event => wrong.push(event.blockedURI));
for (const kind of ["error", "warn"]) console[kind] = (...said) => wrong.push(said.join(" "));
window.boom = () => wrong.push("a name was executed");
</script>"""

LOOK = """<script>
addEventListener("load", () => {
  const seen = element => { const box = element.getBoundingClientRect(); return box.width > 100 && box.height > 50; };
  const tables = [...document.querySelectorAll("table.data")];
  const sorted = tables.map(table => {
    const heads = [...table.tHead.rows[0].cells];
    return heads.map((head, column) => {
      const read = () => [...table.tBodies[0].rows].map(row => row.cells[column].textContent.trim());
      const button = head.querySelector("button");
      if (!button) return null;
      button.click();
      const up = [head.getAttribute("aria-sort"), read()];
      button.click();
      return { figures: head.classList.contains("figure"), up, down: [head.getAttribute("aria-sort"), read()] };
    });
  });
  const filter = document.querySelector("#assumed input[type=search]");
  filter.value = "holding";
  filter.dispatchEvent(new Event("input"));
  const left = [...document.querySelectorAll("#assumed tbody tr")].filter(row => !row.hidden);
  const assumed = left.map(row => row.cells[0].textContent);
  const choose = document.getElementById("choose").elements;
  const calendars = () => [...document.querySelectorAll("#calendars caption")].map(caption => caption.textContent);
  const before = calendars();
  choose.left.value = "status-quo";
  choose.left.dispatchEvent(new Event("input", { bubbles: true }));
  for (const hidden of document.querySelectorAll("details")) hidden.open = true;
  const wide = [...document.querySelectorAll("main *")].filter(element => {
    if (element.closest(".scroll") || element.closest("svg")) return false;
    const box = element.getBoundingClientRect();
    return box.width && (box.right > innerWidth + 1 || box.left < -1);
  }).map(element => element.outerHTML.slice(0, 120));
  const visible = [...document.querySelectorAll(".chart")].filter(seen);
  const stops = visible.map(chart => chart.querySelectorAll("[tabindex='0']").length);
  const told = visible.map(chart => {
    const titleOf = mark => mark.querySelector("title").textContent;
    const says = () => [chart.querySelector(".value").textContent, titleOf(document.activeElement)];
    const press = key => document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    chart.querySelector("[tabindex='0']").focus();
    const walk = [says()];
    for (const key of ["ArrowRight", "End", "ArrowDown", "Home"]) { press(key); walk.push(says()); }
    document.activeElement.blur();
    const mark = chart.querySelector(".mark"), value = chart.querySelector(".value");
    const empty = value.textContent;
    mark.firstElementChild.dispatchEvent(new Event("pointerover", { bubbles: true }));
    return { walk, empty, pointed: [value.textContent, titleOf(mark)] };
  });
  const result = {
    stops, told,
    wrong, sorted, assumed, before, after: calendars(), wide,
    inner: innerWidth, scroll: document.documentElement.scrollWidth,
    drawn: [...document.querySelectorAll("figure")].map(f => [...f.querySelectorAll("svg")].filter(seen).length),
    unlabelled: [...document.querySelectorAll("input, select, button")]
      .filter(field => !field.labels?.length && !field.textContent).length,
    small: [...document.querySelectorAll("svg text")].filter(t => t.getBoundingClientRect().height)
      .map(t => t.getBoundingClientRect()).filter(box => Math.min(box.height, box.width) < 5).length,
  };
  const place = document.createElement("pre");
  place.id = "result";
  place.textContent = JSON.stringify(result);
  document.body.append(place);
});
</script>"""


@pytest.fixture(scope="module", params=[360, 1440])
def seen(request: pytest.FixtureRequest, html: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a browser of that width makes of the page."""
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed")
    place = tmp_path_factory.mktemp("browser")
    (place / "page.html").write_text(
        re.sub(r"; script-src '[^']*'", "; script-src 'unsafe-inline'", html, count=1)
        .replace("<head>", f"<head>{LISTEN}", 1)
        .replace("</body>", f"{LOOK}</body>", 1),
        encoding="utf-8",
    )
    frame = f'<iframe src="page.html" style="width: {request.param}px; height: 900px; border: 0"></iframe>'
    (place / "frame.html").write_text(
        f"<!DOCTYPE html><body style='margin: 0'>{frame}<pre></pre><script>onload = () => setTimeout(() => "
        "document.querySelector('pre').textContent = "
        "document.querySelector('iframe').contentDocument.getElementById('result').textContent, 100)</script>"
    )
    flags = ("--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files", "--window-size=1600,1000")
    found = subprocess.run(
        [
            CHROMIUM,
            *flags,
            f"--user-data-dir={place}",
            "--virtual-time-budget=5000",
            "--dump-dom",
            place / "frame.html",
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    frame = Read(found.stdout)
    result: dict[str, Any] = json.loads("".join(frame.texts[frame.all("pre")[0]]))
    assert result["inner"] == request.param
    return result


MORE = """<script>
addEventListener("load", () => {
  const rows = () => [...document.querySelectorAll("#calendars table")].map(table => table.tBodies[0].rows.length);
  const more = document.getElementById("more"), found = [[...rows(), more.hidden]];
  more.click();
  found.push([...rows(), more.hidden, document.activeElement.className]);
  const choose = document.getElementById("choose").elements;
  choose.items.value = "copy 39";
  choose.items.dispatchEvent(new Event("input", { bubbles: true }));
  found.push([...rows(), more.hidden]);
  document.body.textContent = JSON.stringify(found);
});
</script>"""


def test_in_a_browser_calendars_of_many_items_begin_with_some_and_show_all_on_request(
    html: str, tmp_path: Path
) -> None:
    """Every item forty times."""
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed")
    opening, closing = '<script type="application/json" id="plans">', "</script>"
    before, rest = html.split(opening)
    text, after = rest.split(closing, 1)
    plans = json.loads(text)
    each = len(plans["items"])
    plans["items"] = [f"{item} copy {k}" for k in range(40) for item in plans["items"]]
    for window in plans["windows"]:
        for plan in window["plans"].values():
            plan |= {name: 40 * plan[name] for name in ("price", "order", "promo")}
    page = (
        before
        + opening
        + json.dumps(plans).replace("<", "\\u003c")
        + closing
        + after.replace("</body>", f"{MORE}</body>", 1)
    )
    page = re.sub(r"; script-src '[^']*'", "; script-src 'unsafe-inline'", page, count=1)
    page = page.replace(' name="differing" type="checkbox" checked', ' name="differing" type="checkbox"')
    (tmp_path / "page.html").write_text(page, encoding="utf-8")
    flags = ("--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000", f"--user-data-dir={tmp_path}")
    found = subprocess.run(
        [CHROMIUM, *flags, "--dump-dom", tmp_path / "page.html"],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    said = json.loads(re.sub("<[^>]*>", "", found.stdout.split("<body")[1].split(">", 1)[1]))
    assert said == [[25, 25, False], [40 * each, 40 * each, True, "scroll"], [each, each, True]]


def test_in_a_browser_every_chart_is_drawn_and_nothing_goes_wrong(seen: dict[str, Any]) -> None:
    assert seen["wrong"] == []
    assert seen["drawn"] == [1] * CHARTS


def test_in_a_browser_marks_say_their_values_to_pointer_and_keyboard(seen: dict[str, Any]) -> None:
    assert seen["stops"] == [1] * CHARTS and len(seen["told"]) == CHARTS
    for chart in seen["told"]:
        assert all(shown == said and said for shown, said in [*chart["walk"], chart["pointed"]])
        first, second, last, beyond, home = (said for _, said in chart["walk"])
        assert first == home != last == beyond and second != first and chart["empty"] == ""


def test_in_a_browser_nothing_is_wider_than_the_page(seen: dict[str, Any]) -> None:
    assert seen["wide"] == [] and seen["scroll"] <= seen["inner"]
    assert seen["unlabelled"] == 0 and seen["small"] == 0


def test_in_a_browser_tables_sort_both_ways_and_filter(seen: dict[str, Any]) -> None:
    columns = [column for table in seen["sorted"] for column in table if column]
    assert len(columns) > 40
    for column in columns:
        assert (column["up"][0], column["down"][0]) == ("ascending", "descending")
        for (_, texts), sign in ((column["up"], 1), (column["down"], -1)):
            if column["figures"]:
                known = [bool(re.search(r"\d", text)) for text in texts]
                assert known == sorted(known, reverse=True)
                values = [sign * figure(text) for text in texts if re.search(r"\d", text)]
                assert values == sorted(values)
    assert any(column["up"][1] != column["down"][1] for column in columns)
    assert seen["assumed"] == ["holding_cost"]


def test_in_a_browser_other_plans_can_be_chosen(seen: dict[str, Any]) -> None:
    assert seen["before"][0].startswith("sequential") and seen["before"][1] == "joint"
    assert seen["after"] == ["status-quo", "joint"]
