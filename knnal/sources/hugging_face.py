"""What Hugging Face's datasets library writes into a Parquet file's schema."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from knnal.errors import ItemError

_KEY = b"huggingface"
_NO_LABEL = -1  # of test sets whose labels are kept back


def features_of(metadata: Mapping[bytes, bytes] | None) -> dict[str, object]:
    """The features of the columns, by name; none where there are none or they are broken."""
    try:
        described = json.loads((metadata or {})[_KEY])
        features = described["info"]["features"]
    except (KeyError, TypeError, ValueError):
        return {}
    return features if isinstance(features, dict) else {}


def class_names(feature: object) -> Sequence[str] | None:
    """The names of a ClassLabel, or of a list of them; None for another feature."""
    if isinstance(feature, list) and len(feature) == 1:
        return class_names(feature[0])
    if not isinstance(feature, dict):
        return None
    if feature.get("_type") == "ClassLabel":
        names = feature.get("names")
        is_list = isinstance(names, list) and all(isinstance(name, str) for name in names)
        return names if is_list else None
    return class_names(feature.get("feature"))


def is_image(feature: object) -> bool:
    """Whether the column holds images."""
    return isinstance(feature, dict) and feature.get("_type") == "Image"


def named(value: object, names: Sequence[str]) -> object:
    """A number of a ClassLabel as its name; None for -1, which stands for a missing label.

    Raises ItemError for a number without a name.
    """
    if isinstance(value, list):
        return [named(element, names) for element in value]
    if value is None or value == _NO_LABEL:
        return None
    if isinstance(value, int | float) and value in range(len(names)):
        return names[int(value)]
    raise ItemError("number without a class name in the file's schema")
