"""The API fuzzed from its own description: no server error, and every answer as described."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from .conftest import TOKEN

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is in the extra 'test'")

AUTHORIZED = {"authorization": f"Bearer {TOKEN}", "host": "localhost"}
EXAMPLES = 5
CHECKS = [
    getattr(schemathesis.checks, name)
    for name in (
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_schema_conformance",
    )
]


@pytest.mark.slow
def test_no_server_error(client: TestClient) -> None:
    app: Any = client.app
    schema = schemathesis.openapi.from_asgi("/api/openapi.json", app, headers=AUTHORIZED)
    seat = client.post("/api/seats", json={"annotator": "ann"}).json()["seat"]
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) >= 16

    for operation in operations:
        fuzz(operation, seat)


def fuzz(operation: Any, seat: str) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(), seated=st.booleans())
    def try_it(case: Any, seated: bool) -> None:
        if seated and "seat" in (case.path_parameters or {}):
            case.path_parameters["seat"] = seat
        case.call_and_validate(headers=AUTHORIZED, checks=CHECKS)

    try_it()
