"""Training script for SageMaker's scikit-learn container (script mode).

Reads augmented manifests: SM_CHANNEL_TRAIN and, if given, SM_CHANNEL_VALIDATION hold *.manifest files whose
source-ref payloads lie in SM_CHANNEL_PAYLOADS under the end of their key, or whose text is inline (source).
Writes model.joblib, classes.json and code/ into SM_MODEL_DIR, metrics.json into SM_OUTPUT_DATA_DIR.
"""

import argparse
import glob
import json
import os
import shutil
import sys

import joblib
from inference import features_of, input_fn
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


class BadInput(Exception):
    """Ends the training with one sentence."""


def main():
    arguments = parse()
    try:
        train(arguments)
    except BadInput as error:
        fail(str(error))


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--classes", default="[]")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--regularisation", type=float, default=1.0)
    parser.add_argument("--label-attribute", default="label")
    arguments, _ = parser.parse_known_args()
    return arguments


def train(arguments):
    payloads = os.environ.get("SM_CHANNEL_PAYLOADS")
    rows = read_channel(os.environ["SM_CHANNEL_TRAIN"], payloads, arguments.label_attribute)
    if len({row["label"] for row in rows}) < 2:
        raise BadInput("the training data holds fewer than two classes")
    media, shape = media_of(rows), None
    if media == "image":
        shape = rows[0]["instance"].shape
    pipeline = pipeline_for(media, arguments)
    features = features_of([row["instance"] for row in rows], media, shape)
    labels = [row["label"] for row in rows]
    last = pipeline.steps[-1][0]
    pipeline.fit(features, labels, **{last + "__sample_weight": [row["weight"] for row in rows]})
    metrics = {"train_accuracy": accuracy(pipeline, rows, media, shape), "train_samples": len(rows)}
    print("train_accuracy=%.6f;" % metrics["train_accuracy"])
    validation = os.environ.get("SM_CHANNEL_VALIDATION")
    if validation:
        held = read_channel(validation, payloads, arguments.label_attribute)
        metrics.update(validation_accuracy=accuracy(pipeline, held, media, shape), validation_samples=len(held))
        print("validation_accuracy=%.6f;" % metrics["validation_accuracy"])
    save(pipeline, media, shape, metrics)


def pipeline_for(media, arguments):
    regression = LogisticRegression(C=arguments.regularisation, max_iter=2000, random_state=arguments.seed)
    if media == "text":
        return make_pipeline(TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2)), regression)
    if media == "image":
        # Pixels are on one scale already; standardising would blow up border pixels that few images ever ink.
        return make_pipeline(regression)
    return make_pipeline(StandardScaler(), regression)


def read_channel(folder, payloads, attribute):
    """Labelled rows of all manifests of a channel. Raises BadInput naming file and line."""
    files = sorted(glob.glob(os.path.join(folder, "*.manifest")))
    if not files:
        raise BadInput("no *.manifest file in %s" % folder)
    return [row for path in files for row in read_manifest(path, payloads, attribute)]


def read_manifest(path, payloads, attribute):
    with open(path, encoding="utf-8") as handle:
        for number, line in enumerate(handle, start=1):
            if line.strip():
                try:
                    yield read_line(json.loads(line), payloads, attribute)
                except (ValueError, KeyError, OSError, TypeError) as error:
                    raise BadInput("%s line %d: %r" % (os.path.basename(path), number, error))


def read_line(line, payloads, attribute):
    meta = line[attribute + "-metadata"]
    row = {
        "sample": line.get("trueup-sample", line.get("source-ref")),
        "label": str(meta["class-name"]),
        "weight": float(line.get("trueup-weight", 1.0)),
    }
    if "source" in line:
        return dict(row, instance=line["source"])
    content_type = line.get("content-type", "image/png")
    with open(payload_path(line["source-ref"], payloads), "rb") as handle:
        return dict(row, instance=input_fn(handle.read(), content_type)[0])


def payload_path(uri, payloads):
    """The file that the ManifestFile channel made of an object: the end of its key, below the common prefix."""
    if payloads is None:
        raise KeyError("a source-ref needs the channel payloads")
    parts = uri.split("/")
    for count in range(1, len(parts)):
        path = os.path.join(payloads, *parts[-count:])
        if os.path.isfile(path):
            return path
    raise OSError("payload %s is not in the channel" % uri)


def media_of(rows):
    first = rows[0]["instance"]
    if isinstance(first, str):
        return "text"
    return "image" if first.ndim == 2 else "table"


def accuracy(pipeline, rows, media, shape):
    predicted = pipeline.predict(features_of([row["instance"] for row in rows], media, shape))
    return sum(str(a) == row["label"] for a, row in zip(predicted, rows)) / len(rows)


def save(pipeline, media, shape, metrics):
    model_dir, here = os.environ["SM_MODEL_DIR"], os.path.dirname(os.path.abspath(__file__))
    joblib.dump(pipeline, os.path.join(model_dir, "model.joblib"))
    with open(os.path.join(model_dir, "classes.json"), "w") as handle:
        json.dump({"classes": [str(each) for each in pipeline.classes_], "media": media, "shape": shape}, handle)
    code = os.path.join(model_dir, "code")
    os.makedirs(code, exist_ok=True)
    for name in ("inference.py", "requirements.txt"):
        if os.path.isfile(os.path.join(here, name)):
            shutil.copy(os.path.join(here, name), code)
    with open(os.path.join(os.environ["SM_OUTPUT_DATA_DIR"], "metrics.json"), "w") as handle:
        json.dump(metrics, handle)


def fail(message):
    folder = os.environ.get("SM_OUTPUT_DIR", "/opt/ml/output")
    try:
        with open(os.path.join(folder, "failure"), "w") as handle:
            handle.write(message)
    except OSError:
        pass
    sys.exit(message)


if __name__ == "__main__":
    main()
