"""How fast images become vectors: ``python -m benchmarks.embedding [--data DIR] [--images N]``.

Four rates, in images per second, for 224-pixel and for 12-megapixel JPEGs:

* ``network``: MobileNet-v2 alone, fed with decoded pixels from memory, on every lane;
* ``knnal``: from files to unit vectors, as ``knnal embed`` does it;
* ``keras``: ``keras.utils.load_img`` and ``predict`` with batches of 32, the plain way;
* ``decode``: from files to pixels, without the network.

Decoding and the network share the processor's cores, so no pipeline can be faster than
``1 / (1 / network + 1 / decode)``: that is the ``limit``.

They take turns in each repetition, so that a busy machine slows all of them; a ratio is the
median over repetitions. Photos come from ``--data`` or ``KNNAL_DATA`` (any folder of JPEGs), else
from the demo's package.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any, TypeAlias

import numpy as np
from PIL import Image

from knnal.embedders.assets import DEMO_PHOTOS, fetch
from knnal.embedders.mobilenet_v2 import MobileNetV2
from knnal.embedders.pipeline import Embedded, embed_stream
from knnal.sources.base import Item
from knnal.types import LogNarrator

SMALL = (224, 224)
LARGE = (4000, 3000)

Contender: TypeAlias = Callable[[Sequence[Path]], None]


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parse(arguments)
    embedder = MobileNetV2()
    embedder.load(LogNarrator())
    with tempfile.TemporaryDirectory(prefix="knnal-benchmark-") as name:
        folder = Path(name)
        small = _write(_photos(options.data, options.images), folder / "small", SMALL)
        two_batches_a_lane = 2 * embedder.lanes * embedder.batch_size
        large = _write(_photos(options.data, two_batches_a_lane), folder / "large", LARGE)
        results = {
            "224 px": measure(small, embedder, options.repeats),
            "12 megapixels": measure(large, embedder, options.repeats),
        }
    print(json.dumps(results, indent=2) if options.json else _table(results))
    return 0


def measure(files: Sequence[Path], embedder: MobileNetV2, repeats: int) -> dict[str, float]:
    """Median rates of every contender, and the median ratios to the bare network and to Keras."""
    contenders = {
        "network": _network(files, embedder),
        "knnal": _knnal(embedder),
        "keras": _keras(),
        "decode": _decode(embedder),
    }
    for contender in contenders.values():
        contender(files[: 2 * embedder.batch_size])  # what only the first call costs
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(repeats):
        for name, contender in contenders.items():
            started = time.perf_counter()
            contender(files)
            rates[name].append(len(files) / (time.perf_counter() - started))
    result = {"images": float(len(files))} | {name: median(rate) for name, rate in rates.items()}
    for other in ("network", "keras"):
        pairs = zip(rates["knnal"], rates[other], strict=True)
        result[f"knnal / {other}"] = median(ours / theirs for ours, theirs in pairs)
    result["knnal / limit"] = median(
        ours * (1 / network + 1 / decode)
        for ours, network, decode in zip(
            rates["knnal"], rates["network"], rates["decode"], strict=True
        )
    )
    return result


def _network(files: Sequence[Path], embedder: MobileNetV2) -> Contender:
    pixels = {file: embedder.prepare(file.read_bytes()) for file in files}

    def run(files: Sequence[Path]) -> None:
        with ThreadPoolExecutor(embedder.lanes) as lanes:
            batches = _batches([pixels[file] for file in files], embedder.batch_size)
            list(lanes.map(embedder.embed, batches))

    return run


def _knnal(embedder: MobileNetV2) -> Contender:
    def run(files: Sequence[Path]) -> None:
        items = (Item(id=file.name, stamp="", path=file) for file in files)
        results = list(embed_stream(items, embedder))
        assert len(results) == len(files)
        assert all(isinstance(result, Embedded) for result in results)

    return run


def _keras() -> Contender:
    """The same layers with random weights, which cost the same time."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    network = keras.applications.MobileNetV2(
        input_shape=(*SMALL, 3), include_top=False, pooling="avg", weights=None
    )

    def run(files: Sequence[Path]) -> None:
        pixels = [keras.utils.load_img(file, target_size=SMALL) for file in files]
        inputs = np.stack([np.asarray(image, np.float32) for image in pixels])
        scaled = keras.applications.mobilenet_v2.preprocess_input(inputs)
        network.predict(scaled, batch_size=32, verbose=0)

    return run


def _decode(embedder: MobileNetV2) -> Contender:
    def run(files: Sequence[Path]) -> None:
        with ThreadPoolExecutor(embedder.lanes) as lanes:
            list(lanes.map(lambda file: embedder.prepare(file.read_bytes()).shape, files))

    return run


def _batches(values: Sequence[Any], size: int) -> Iterator[list[Any]]:
    remaining = iter(values)
    while batch := list(islice(remaining, size)):
        yield batch


def _photos(data: Path | None, count: int) -> list[bytes]:
    """``count`` image files, spread evenly over those that there are."""
    if data is None:
        from pyarrow import parquet

        table = parquet.read_table(fetch([DEMO_PHOTOS], LogNarrator()) / "images2.parquet")
        return list(dict.fromkeys(table["image_data"].to_pylist()))[:count]
    files = sorted(file for file in data.rglob("*") if file.suffix.lower() in {".jpg", ".jpeg"})
    if not files:
        sys.exit(f"Expected JPEGs somewhere in {data}, and found none.")
    chosen = np.linspace(0, len(files) - 1, min(count, len(files))).astype(int)
    return [files[position].read_bytes() for position in chosen]


def _write(photos: Sequence[bytes], folder: Path, size: tuple[int, int]) -> list[Path]:
    """The photos as JPEGs of ``size``; one that has the size already is kept byte for byte."""
    folder.mkdir()
    files = []
    for number, content in enumerate(photos):
        file = folder / f"{number:05}.jpg"
        with Image.open(BytesIO(content)) as image:
            if image.format == "JPEG" and image.size == size:
                file.write_bytes(content)
            else:
                image.convert("RGB").resize(size).save(file, quality=90)
        files.append(file)
    return files


def _table(results: dict[str, dict[str, float]]) -> str:
    rows = [f"{'':18}" + "".join(f"{name:>16}" for name in results)]
    for row in next(iter(results.values())):
        digits = 2 if "/" in row else 0 if row == "images" else 1
        values = "".join(f"{result[row]:16.{digits}f}" for result in results.values())
        rows.append(f"{row:18}" + values)
    return "\n".join(rows)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Images per second, from files to vectors.")
    data = os.environ.get("KNNAL_DATA")
    parser.add_argument("--data", type=Path, default=Path(data) if data else None)
    parser.add_argument("--images", type=int, default=600, help="how many of 224 pixels")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
