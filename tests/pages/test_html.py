"""Assets that are served one by one, or inlined into one page."""

from __future__ import annotations

import json
import re

import pytest

from knnal.pages.html import SHARED, asset, fill_page, script_json
from knnal.pages.palette import COLORS, TOKENS, class_colors

TEMPLATES = ("report.html", "map.html")


@pytest.mark.parametrize("name", [name for name in SHARED if name.endswith(".js")])
def test_a_module_imports_from_shared_ones_in_single_lines(name: str) -> None:
    for line in asset(name).splitlines():
        if line.startswith("import"):
            found = re.fullmatch(r'import \{.*\} from "/(.*)";', line)
            assert found is not None, "an import over several lines cannot be inlined"
            assert found[1] in SHARED


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_filled_page_needs_no_other_file(template: str) -> None:
    parts = dict.fromkeys(re.findall(r"\{\{(\w+)\}\}", asset(template)), "{{title}}")
    page = fill_page(template, parts)
    assert page.count("{{title}}") == sum(asset(template).count(f"{{{{{p}}}}}") for p in parts)
    assert not re.search(r"^(import|export) |<link|src=", page, re.MULTILINE)
    assert "function drawChart" in page or "class MapCanvas" in page


def test_pages_and_pictures_have_the_same_colors() -> None:
    script, style = asset("palette.js"), asset("palette.css")
    found = re.search(r"COLORS = (\[.*?\]);", script)
    assert found is not None
    assert json.loads(found[1]) == list(COLORS) == class_colors(len(COLORS))
    assert class_colors(len(COLORS) + 1)[-1] == COLORS[0]
    for token, (light, dark) in TOKENS.items():
        assert f"--{token}: light-dark({light}, {dark});" in style


def test_data_cannot_end_its_script() -> None:
    text = script_json({"a": "</script><!-- "})
    assert "<" not in text
    assert json.loads(text) == {"a": "</script><!-- "}
