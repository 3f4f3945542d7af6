"""Makes the files of this folder by the tools that write them: uv run --with datasets,webdataset,pycocotools,pillow.

    python tests/data/imports/make.py

datasets 5.2, webdataset 1.0, pycocotools 2.0. What lies here beside them was written by hand: conll/ has lines of
CoNLL-2003, voc/ follows the devkit's own example, ground-truth/ is a job in the shape of the developer guide.
"""

import io
import json
import os
import shutil
from pathlib import Path

import numpy as np
import webdataset
from datasets import ClassLabel, Dataset, DatasetDict, Features, Image, Sequence, Value
from PIL import Image as Picture
from pycocotools import mask as cocomask

HERE = Path(__file__).parent
ANIMALS = ["cat", "dog", "fox"]
os.environ["HF_HUB_OFFLINE"] = "1"


def picture(red: int, width: int = 8, height: int = 6, form: str = "PNG") -> bytes:
    target = io.BytesIO()
    Picture.new("RGB", (width, height), (red, 90, 40)).save(target, form)
    return target.getvalue()


def fresh(name: str) -> Path:
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def huggingface() -> None:
    features = Features({"image": Image(), "label": ClassLabel(names=ANIMALS)})
    rows = {"image": [{"bytes": picture(each), "path": f"{each}.png"} for each in (1, 2, 3)], "label": [2, 0, 1]}
    data = Dataset.from_dict(rows, features=features)
    home = fresh("huggingface-parquet")
    (home / "data").mkdir()
    data.select([0, 1]).to_parquet(home / "data" / "train-00000-of-00001.parquet")
    data.select([2]).to_parquet(home / "data" / "test-00000-of-00001.parquet")
    DatasetDict({"train": data.select([0, 1]), "test": data.select([2])}).save_to_disk(fresh("huggingface-disk"))
    tags = ["O", "B-PER", "I-PER", "B-LOC"]
    features = Features({"tokens": Sequence(Value("string")), "ner_tags": Sequence(ClassLabel(names=tags))})
    rows = {"tokens": [["Ada", "Lovelace", "of", "London"], ["nothing"]], "ner_tags": [[1, 2, 0, 3], [0]]}
    Dataset.from_dict(rows, features=features).to_parquet(fresh("huggingface-tokens") / "train.parquet")


def imagefolder() -> None:
    home = fresh("huggingface-folder")
    (home / "train").mkdir()
    lines = []
    for number, (box, category) in enumerate((([1, 1, 3, 4], 1), ([0, 0, 8, 6], 0))):
        (home / "train" / f"{number}.png").write_bytes(picture(number + 10))
        objects = {"bbox": [box], "category": [category]}
        lines.append({"file_name": f"{number}.png", "width": 8, "height": 6, "objects": objects})
    (home / "train" / "metadata.jsonl").write_text("".join(json.dumps(each) + "\n" for each in lines))
    (home / "README.md").write_text(
        "---\nlicense: mit\ndataset_info:\n  features:\n  - name: image\n    dtype: image\n  - name: objects\n"
        "    sequence:\n    - name: bbox\n      sequence: float32\n      length: 4\n    - name: category\n"
        "      dtype:\n"
        "        class_label:\n          names:\n            '0': dog\n            '1': cat\n---\n# Animals\n"
    )


def shards() -> None:
    home = fresh("webdataset")
    for shard in range(2):
        with webdataset.TarWriter(str(home / f"animals-{shard:06d}.tar"), mtime=0, user="a", group="a") as sink:
            for number in range(2):
                key = f"{shard}{number}"
                sink.write({"__key__": key, "png": picture(shard * 2 + number + 20), "cls": (shard + number) % 3})
    with webdataset.TarWriter(str(home / "texts.tar"), mtime=0, user="a", group="a") as sink:
        sink.write({"__key__": "a/one", "txt": "a cat", "json": {"label": "cat", "group": "u1", "split": "val"}})


def coco() -> None:
    home = fresh("coco")
    (home / "images").mkdir()
    for number in range(3):
        (home / "images" / f"{number}.jpg").write_bytes(picture(number + 30, 20, 10, "JPEG"))
    crowd = np.zeros((10, 20), dtype=np.uint8, order="F")
    crowd[2:7, 3:15] = 1
    crowd[4, 5] = 0
    packed = cocomask.encode(crowd)
    packed["counts"] = packed["counts"].decode()
    document = {
        "info": {"description": "animals"},
        "images": [{"id": 7 + n, "file_name": f"{n}.jpg", "width": 20, "height": 10} for n in range(3)],
        "categories": [{"id": 17, "name": "cat", "supercategory": "animal"}, {"id": 18, "name": "dog"}],
        "annotations": [
            {
                "id": 1,
                "image_id": 7,
                "category_id": 17,
                "bbox": [2.0, 1.0, 6.0, 5.0],
                "area": 30,
                "iscrowd": 0,
                "segmentation": [[2.0, 1.0, 8.0, 1.0, 8.0, 6.0, 2.0, 6.0]],
            },
            {
                "id": 2,
                "image_id": 8,
                "category_id": 18,
                "bbox": cocomask.toBbox(cocomask.encode(crowd)).tolist(),
                "area": int(crowd.sum()),
                "iscrowd": 1,
                "segmentation": packed,
            },
        ],
    }
    (home / "instances_val2017.json").write_text(json.dumps(document))
    np.savetxt(home / "crowd.txt", crowd, fmt="%d", delimiter="")


def yolo() -> None:
    home = fresh("yolo")
    for split, name, lines in (
        ("train", "1.jpg", ["0 0.5 0.5 0.25 0.5", "2 0.1 0.2 0.6 0.2 0.6 0.8"]),
        ("val", "2.png", None),
    ):
        (home / "images" / split).mkdir(parents=True)
        (home / "labels" / split).mkdir(parents=True)
        form = "JPEG" if name.endswith("jpg") else "PNG"
        (home / "images" / split / name).write_bytes(picture(50, 20, 10, form))
        if lines:
            (home / "labels" / split / "1.txt").write_text("\n".join(lines) + "\n")
    (home / "data.yaml").write_text(
        "path: ../datasets/animals\ntrain: images/train\nval: images/val\ntest:\nnames:\n  0: cat\n  1: dog\n  2: fox\n"
    )


if __name__ == "__main__":
    huggingface()
    imagefolder()
    shards()
    coco()
    yolo()
