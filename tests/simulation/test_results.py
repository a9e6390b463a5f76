"""The numbers, files and page of a simulation, worked out anew from its outcomes."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyarrow import parquet

from knnal.simulation.results import report_html, write_results
from knnal.simulation.settings import Contender, Settings
from knnal.simulation.simulation import Simulated, simulate
from knnal.simulation.splits import SplitPlan
from knnal.simulation.summary import summarize, without_curves
from knnal.simulation.tables import cells, head

from ..browsing import browser, visit


@pytest.fixture(scope="module")
def summary(simulated: Simulated) -> dict[str, Any]:
    return summarize(simulated)


@pytest.fixture(scope="module")
def written(simulated: Simulated, summary: Any, tmp_path_factory: Any) -> Path:
    folder: Path = tmp_path_factory.mktemp("written")
    write_results(simulated, summary, folder)
    return folder


def accuracies(simulated: Simulated, contender: Contender) -> Any:
    """``(splits, T)``, by hand."""
    return np.array(
        [
            outcome.hits.sum(axis=1) / len(split.held_out)
            for outcome, split in zip(simulated.outcomes[contender], simulated.splits, strict=True)
        ]
    )


def test_means_areas_and_differences(simulated: Simulated, summary: Any) -> None:
    for found, contender in zip(summary["contenders"], simulated.outcomes, strict=True):
        assert (found["strategy"], found["classifier"]) == (
            contender.strategy,
            contender.classifier,
        )
        curves = accuracies(simulated, contender)
        others = accuracies(simulated, Contender("random", contender.classifier))
        np.testing.assert_allclose(
            found["curves"]["accuracy"]["mean"], curves.mean(axis=0), atol=1e-6
        )
        estimate = found["area"]["accuracy"]
        assert estimate["mean"] == pytest.approx(curves.mean(), abs=1e-6)
        assert estimate["low"] <= estimate["mean"] <= estimate["high"]
        if contender.strategy == "random":
            assert estimate["difference"] is None
            assert found["curves"]["differences"] == {}
        else:
            difference = (curves - others).mean()
            assert estimate["difference"]["mean"] == pytest.approx(difference, abs=1e-6)
            np.testing.assert_allclose(
                found["curves"]["differences"]["accuracy"]["mean"],
                (curves - others).mean(axis=0),
                atol=1e-6,
            )


def test_labels_to_targets_and_what_is_saved(simulated: Simulated, summary: Any) -> None:
    for found, contender in zip(summary["contenders"], simulated.outcomes, strict=True):
        mean = accuracies(simulated, contender).mean(axis=0)
        others = accuracies(simulated, Contender("random", contender.classifier)).mean(axis=0)
        half, whole = found["targets"]
        assert half["labels"] == 1 + next(t for t, a in enumerate(mean) if a >= 0.5)
        assert half["low"] <= half["labels"] <= half["high"]
        assert whole["labels"] is None
        assert whole["saved"] is None
        if contender.strategy == "random":
            assert half["saved"] is None
        else:
            assert not half["saved"]["at_least"]
            theirs = 1 + next(t for t, a in enumerate(others) if a >= 0.5)
            assert half["saved"]["labels"] == theirs - half["labels"]
            assert half["saved"]["low"] <= half["saved"]["labels"] <= half["saved"]["high"]


def test_classes_that_were_chosen(simulated: Simulated, summary: Any) -> None:
    for found, outcomes in zip(summary["contenders"], simulated.outcomes.values(), strict=True):
        asked = simulated.known.classes[np.stack([o.asked for o in outcomes])]
        for c, name in enumerate(simulated.known.class_names):
            assert found["chosen"][name] == pytest.approx((asked == c).mean(), abs=1e-6)
            first = (asked[:, :4] == c).mean()
            assert found["curves"]["chosen"][name][3] == pytest.approx(first, abs=1e-6)


@pytest.mark.usefixtures("one_thread")
def test_one_split_has_no_intervals(known: Any, out: Path) -> None:
    single = summarize(simulate(known, Settings(labels=3, splits=SplitPlan(seeds=1)), out))
    for contender in single["contenders"]:
        assert contender["area"]["accuracy"]["low"] is None
        assert contender["curves"]["accuracy"]["high"] is None
    assert all(not cell.interval for row in cells(single) for cell in row)
    assert "null" in report_html(single)


def test_the_files(simulated: Simulated, summary: Any, written: Path, class_names: Any) -> None:
    assert json.loads((written / "results.json").read_text(encoding="utf-8")) == summary
    assert (written / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert "curves" not in str(without_curves(summary))
    assert summary["data"]["classes"] == dict(
        zip(class_names, np.bincount(simulated.known.classes).tolist(), strict=True)
    )
    table = parquet.read_table(written / "labels.parquet").to_pylist()
    assert len(table) == 6 * 6 * 12
    rows = iter(table)
    for contender, outcomes in simulated.outcomes.items():
        curves = accuracies(simulated, contender)
        for place, (split, outcome) in enumerate(zip(simulated.splits, outcomes, strict=True)):
            for step, asked in enumerate(outcome.asked):
                row = next(rows)
                assert (row["strategy"], row["classifier"]) == (
                    contender.strategy,
                    contender.classifier,
                )
                assert (row["seed"], row["fold"], row["labels"]) == (
                    split.seed,
                    split.fold,
                    step + 1,
                )
                assert row["item"] == simulated.known.ids[asked]
                assert row["label"] == class_names[simulated.known.classes[asked]]
                assert row["accuracy"] == pytest.approx(curves[place, step])
                recalls = outcome.hits[step] / simulated.supports[place]
                assert [row[f"accuracy:{name}"] for name in class_names] == pytest.approx(recalls)
                assert sum(row[f"chosen:{name}"] for name in class_names) == pytest.approx(1)


class Page(HTMLParser):
    """Tags, their attributes, and the text in each kind of tag."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.text: dict[str, list[str]] = {}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in ("meta", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open:
            self.text.setdefault(self.open[-1], []).append(data)


def test_the_page_holds_everything_and_needs_nothing_else(
    summary: Any, written: Path, class_names: Any
) -> None:
    text = (written / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    assert page.open == []
    embedded, program = page.text["script"]
    assert json.loads(embedded) == summary
    assert "{{" not in text
    assert not {"link", "img", "iframe", "object", "b"} & set(page.tags)
    assert not {"src", "href", "srcset"} & {name for name, _ in page.attributes}
    assert "import" not in program
    assert "fetch" not in program
    assert "export" not in program
    assert page.text["th"] == head(summary)
    shown = "".join(page.text["dd"])
    for name in (*class_names, summary["data"]["digest"], "stratified", "cdf-product"):
        assert name in shown
    values = [cell.value for row in cells(summary) for cell in row if cell.value]
    assert [value.strip() for value in page.text["td"]] == values


def test_text_from_data_is_never_markup(summary: Any) -> None:
    text = report_html(summary)
    assert "<b>" not in text
    assert text.count("</script>") == 2
    assert "&lt;b&gt;hostile&lt;/b&gt;" in text


@browser
@pytest.mark.slow
def test_a_browser_draws_the_curves_and_reads_them(summary: Any, written: Path) -> None:
    told = visit(
        written / "report.html",
        """
        const seen = { lines: document.querySelectorAll("#chart .line").length };
        seen.bands = document.querySelectorAll("#chart .band").length;
        const first = $("contenders").querySelector("input");
        first.click(); seen.fewer = document.querySelectorAll("#chart .line").length; first.click();
        seen.values = [...$("values").children].map((one) => one.textContent);
        const box = $("chart").getBoundingClientRect();
        $("chart").dispatchEvent(new PointerEvent("pointermove", { clientX: box.left }));
        seen.start = $("values").firstChild.textContent;
        $("measure").value = "Accuracy, difference from random";
        $("measure").dispatchEvent(new Event("change"));
        seen.differences = document.querySelectorAll("#chart .line").length;
        document.title = JSON.stringify(seen);
        """,
    )
    assert not told.startswith("error"), told
    seen = json.loads(told)
    assert (seen["lines"], seen["bands"], seen["fewer"], seen["differences"]) == (6, 6, 5, 4)
    assert seen["values"][0] == "12 labels"
    found = summary["contenders"][0]["final"]["accuracy"]
    low, high = (f"{100 * found[end]:.1f}%" for end in ("low", "high"))
    mean = f"{100 * found['mean']:.1f}%"
    assert seen["values"][1] == f"cdf-product, combined: {mean} ({low} to {high})"
    assert seen["start"] == "1 label"
