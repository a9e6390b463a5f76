"""A Markdown extension for the pages that the applications write themselves.

A line ``::: knnal-cli`` becomes a section for each command, from the Typer application;
``::: knnal-http`` becomes a section for each call, from FastAPI's OpenAPI description;
``::: knnal-keys`` becomes tables of all keys.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

from markdown import Extension, Markdown
from markdown.preprocessors import Preprocessor


def cli_reference() -> Iterator[str]:
    """Every command's usage, arguments and options, as Markdown lines."""
    from typer.main import get_command

    from knnal_cli.main import app

    yield from _command("knnal", get_command(app))


def _command(name: str, command: Any, parent: Any = None) -> Iterator[str]:
    context = command.make_context(name, [], parent=parent, resilient_parsing=True)
    subcommands = getattr(command, "commands", {})
    if parent is not None:
        yield from (f"## {context.command_path}", "")
    yield from (inspect.cleandoc(command.help or "").replace("\f", ""), "")
    yield from ("```text", " ".join(command.get_usage(context).removeprefix("Usage: ").split()))
    yield from ("```", "")
    for panel, parameters in _panels(command.params).items():
        yield from (f"**{panel}**", "", "| name | |", "|---|---|")
        yield from (_parameter(parameter, context) for parameter in parameters)
        yield ""
    for name, subcommand in subcommands.items():
        yield from _command(name, subcommand, context)


def _panels(parameters: list[Any]) -> dict[str, list[Any]]:
    panels: dict[str, list[Any]] = {}
    for parameter in parameters:
        if not getattr(parameter, "hidden", False):
            kind = "Arguments" if parameter.param_type_name == "argument" else "Options"
            panels.setdefault(getattr(parameter, "rich_help_panel", None) or kind, []).append(
                parameter
            )
    return panels


def _parameter(parameter: Any, context: Any) -> str:
    names, said = parameter.get_help_record(context)
    return f"| `{' '.join(names.split())}` | {_cell(said)} |"


def key_reference() -> Iterator[str]:
    """What every key does, and where, as Markdown lines."""
    from knnal_cli.keymap import as_markdown

    yield from as_markdown().splitlines()


def http_reference() -> Iterator[str]:
    """Every call of the JSON API, and every record, as Markdown lines."""
    from knnal_cli.web.app import make_api

    described = make_api().openapi()
    for path, calls in described["paths"].items():
        for method, call in calls.items():
            yield from (f"### `{method.upper()} {path}`", "", call.get("description", ""), "")
            yield from _call(call)
    yield from ("## Records", "")
    for name, schema in described["components"]["schemas"].items():
        yield from (f"### {name}", "", schema.get("description", ""), "")
        yield from _fields(schema)


def _call(call: dict[str, Any]) -> Iterator[str]:
    for parameter in call.get("parameters", ()):
        needed = "" if parameter.get("required") else ", optional"
        yield f"- `{parameter['name']}` ({parameter['in']}{needed}): {_type(parameter['schema'])}"
    if body := call.get("requestBody"):
        yield f"- body: {_type(body['content']['application/json']['schema'])}"
    for status, answer in call["responses"].items():
        if status.startswith("2"):
            kinds = [_type(c.get("schema", {})) or k for k, c in answer.get("content", {}).items()]
            yield f"- returns: {', '.join(kinds) or 'nothing'}"
    yield ""


def _fields(schema: dict[str, Any]) -> Iterator[str]:
    if "properties" not in schema:
        yield from (_type(schema), "")
        return
    yield from ("| field | type | |", "|---|---|---|")
    for name, field in schema["properties"].items():
        optional = "" if name in schema.get("required", ()) else "optional"
        about = ". ".join(part for part in (optional, field.get("description", "")) if part)
        yield f"| `{name}` | {_type(field)} | {_cell(about)} |"
    yield ""


def _type(schema: dict[str, Any]) -> str:
    if name := schema.get("$ref", "").rpartition("/")[2]:
        return f"[{name}](#{name.lower()})"
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if alternatives := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(_type(one) for one in alternatives)
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {})) or 'anything'}"
    if values := schema.get("additionalProperties"):
        return f"object of {_type(values) if isinstance(values, dict) else 'anything'}"
    return str(schema.get("const", schema.get("type", "")))


def _cell(text: str) -> str:
    """A text as one cell of a Markdown table."""
    return re.sub(r"\s+", " ", text).replace("|", "\\|").replace("<", "&lt;").strip()


REFERENCES: dict[str, Callable[[], Iterator[str]]] = {
    "::: knnal-cli": cli_reference,
    "::: knnal-keys": key_reference,
    "::: knnal-http": http_reference,
}


class _Generated(Preprocessor):
    def run(self, lines: list[str]) -> list[str]:
        return [
            new for line in lines for new in (REFERENCES[line]() if line in REFERENCES else [line])
        ]


class GeneratedExtension(Extension):
    """Replaces the lines before anything else reads them, so that headings get anchors."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802 - the name is Markdown's
        md.preprocessors.register(_Generated(md), "knnal-generated", 200)


def makeExtension(**options: Any) -> GeneratedExtension:  # noqa: N802 - the name is Markdown's
    return GeneratedExtension(**options)
