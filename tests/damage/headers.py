"""Arrays in NumPy's format whose header is damaged."""

from __future__ import annotations

HEADERS = {
    "a quote missing": "{'descr': '<f4', 'fortran_order': False, 'shape': (4, 3), 'x}",
    "a bracket missing": "{'descr': '<f4',",
    "indentation": "if x:\n   a\n b",
    "another type": "{'descr': 'what', 'fortran_order': False, 'shape': (4, 3)}",
}


def array_with(header: str) -> bytes:
    """An ``.npy`` file with that header, and data."""
    padded = header.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(padded).to_bytes(2, "little") + padded + bytes(48)
