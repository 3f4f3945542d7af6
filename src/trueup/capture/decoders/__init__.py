"""The table of payload decoders: one file per payload family, one line here.

A decoder turns the output side of a capture into predictions, one per instance. `decode` uses the one that the
project names, or else the first in the table's order that recognises the payload.
"""

from __future__ import annotations

from trueup.capture.decoders import (
    answer_path,
    chat_completions,
    csv_probabilities,
    huggingface_objects,
    json_labels,
    json_logits,
    json_probabilities,
    jumpstart_detection,
    knn,
    multilabel,
    object_detection,
    passes,
    regression,
    segmentation_mask,
    segmentation_probabilities,
    tables,
    text_generation,
    triton,
    zero_shot,
)
from trueup.capture.decoders.family import Decoder
from trueup.errors import DecodeError
from trueup.model import AnswerPath, Payload, Prediction

DECODERS: dict[str, Decoder] = {
    "passes": passes,
    "segmentation_mask": segmentation_mask,
    "segmentation_probabilities": segmentation_probabilities,
    "triton": triton,
    "chat_completions": chat_completions,
    "text_generation": text_generation,
    "object_detection": object_detection,
    "jumpstart_detection": jumpstart_detection,
    "huggingface_objects": huggingface_objects,
    "zero_shot": zero_shot,
    "multilabel": multilabel,
    "regression": regression,
    "knn": knn,
    "tables": tables,
    "json_labels": json_labels,
    "json_logits": json_logits,
    "json_probabilities": json_probabilities,
    "csv_probabilities": csv_probabilities,
}


def decode(
    payload: Payload, classes: tuple[str, ...], decoder: str | AnswerPath | None = None
) -> tuple[list[Prediction], str]:
    """The predictions in a payload, and the name of the decoder that read them.

    `classes` are the label schema's names: a bare list of probabilities is matched to them in order. Raises
    DecodeError when the named decoder fails, or when no decoder recognises the payload.
    """
    if isinstance(decoder, AnswerPath):
        return answer_path.decode(payload, classes, decoder), answer_path.NAME
    if decoder is not None:
        if decoder not in DECODERS:
            raise DecodeError(f"there is no decoder {decoder!r}; decoders: {', '.join(DECODERS)}", field="decoder")
        return DECODERS[decoder].decode(payload, classes), decoder
    for name, each in DECODERS.items():
        if each.recognises(payload):
            return each.decode(payload, classes), name
    head = payload.data[:60].decode("utf-8", "replace")
    raise DecodeError(f"no decoder recognises a payload of {payload.content_type!r} that begins {head!r}")
