"""Serving script for SageMaker's scikit-learn container: model_fn, input_fn, predict_fn, output_fn.

Reads image/png (any size; gray), text/csv (numbers, a line per instance), text/plain, and application/json
({"instances": [[...], ...]} or {"text": ...}). Answers {"predicted_label", "probabilities", "labels"}, or
{"predictions": [...]} for several instances.
"""

import io
import json
import os

import joblib
import numpy as np


def model_fn(model_dir):
    """Load the pipeline with what it needs to know of its inputs."""
    with open(os.path.join(model_dir, "classes.json")) as handle:
        about = json.load(handle)
    return {"pipeline": joblib.load(os.path.join(model_dir, "model.joblib")), **about}


def input_fn(body, content_type):
    """A list of instances: arrays of numbers, or texts. Raises ValueError for what cannot be read."""
    kind = content_type.partition(";")[0].strip().lower()
    raw = body if isinstance(body, bytes) else body.encode()
    if kind.startswith("image/"):
        return [image_of(raw)]
    if kind == "text/csv":
        return [
            np.array([float(cell) for cell in line.split(",")]) for line in raw.decode().splitlines() if line.strip()
        ]
    if kind == "text/plain":
        return [raw.decode()]
    if kind == "application/json":
        return _from_json(json.loads(raw))
    raise ValueError("cannot read a request of content type %r" % content_type)


def predict_fn(instances, model):
    """One (label, probabilities) pair per instance."""
    features = features_of(instances, model["media"], model.get("shape"))
    probabilities = model["pipeline"].predict_proba(features)
    classes = [str(each) for each in model["pipeline"].classes_]
    return [(classes[int(row.argmax())], [float(each) for each in row], classes) for row in probabilities]


def output_fn(predictions, accept):  # noqa: ARG001
    """JSON, whatever else was asked for: the capture is read as JSON."""
    rows = [{"predicted_label": label, "probabilities": row, "labels": names} for label, row, names in predictions]
    document = rows[0] if len(rows) == 1 else {"predictions": rows}
    return json.dumps(document), "application/json"


def image_of(raw):
    """Gray pixels in [0, 1], float64[height, width]."""
    from PIL import Image

    with Image.open(io.BytesIO(raw)) as image:
        return np.asarray(image.convert("L"), dtype=np.float64) / 255.0


def features_of(instances, media, shape):
    """What the pipeline takes: texts as they are, images as flat pixels of the training's shape."""
    if media == "text":
        return list(instances)
    if media == "image":
        return np.stack([_resized(each, tuple(shape)).ravel() for each in instances])
    return np.stack(instances)


def _resized(pixels, shape):
    if pixels.shape == shape:
        return pixels
    from PIL import Image

    image = Image.fromarray((pixels * 255).astype(np.uint8)).resize((shape[1], shape[0]))
    return np.asarray(image, dtype=np.float64) / 255.0


def _from_json(document):
    if isinstance(document, dict) and "text" in document:
        return [str(document["text"])]
    instances = document["instances"] if isinstance(document, dict) else document
    return [each if isinstance(each, str) else np.asarray(each, dtype=np.float64) for each in instances]
