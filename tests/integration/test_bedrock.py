"""What is asked of Bedrock, and what is made of its answers; botocore checks each request against its model."""

from __future__ import annotations

import json
from typing import Any

import botocore.session
import pytest
from botocore.stub import ANY, Stubber

from tests.integration.stand_ins import Scripted, refusal
from trueup.adapters.aws.bedrock import BedrockModels
from trueup.errors import InputError, LabelError, NotFoundError, PermissionDeniedError, RetryableError, ServiceError
from trueup.model import LabelClass, Payload
from trueup.ports import ModelAnswer, Question

CLASSES = (LabelClass(name="Billing", description="invoices"), LabelClass(name="sales"))
TEXT = Payload(data=b"where is my invoice?", content_type="text/plain; charset=utf-8")
PNG = Payload(data=b"\x89PNG\r\n\x1a\n...", content_type="application/x-image")


def question(payload: Payload = TEXT) -> Question:
    return Question(payload=payload, classes=CLASSES, guidelines="Be kind.", instructions="Be quick.")


def said(*content: dict[str, Any], stop: str = "end_turn") -> dict[str, Any]:
    return {
        "output": {"message": {"role": "assistant", "content": list(content)}},
        "stopReason": stop,
        "usage": {"inputTokens": 40, "outputTokens": 7, "totalTokens": 47},
        "metrics": {"latencyMs": 1},
    }


def tool(document: Any) -> dict[str, Any]:
    return {"toolUse": {"toolUseId": "t1", "name": "answer", "input": document}}


def test_a_request_is_what_bedrock_takes_and_holds_all_that_annotators_read() -> None:
    client = botocore.session.Session().create_client(
        "bedrock-runtime", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
    )
    with Stubber(client) as stub:
        stub.add_response(
            "converse",
            said({"text": "I think it is billing."}, tool({"label": "Billing"}), stop="tool_use"),
            {"modelId": "m", "system": ANY, "messages": ANY, "inferenceConfig": ANY, "toolConfig": ANY},
        )
        answer = BedrockModels(client).answer("m", question())
    assert answer == ModelAnswer(label="Billing", input_tokens=40, output_tokens=7)


def test_the_data_is_set_apart_from_what_the_model_is_told() -> None:
    client = Scripted(said(tool({"label": "sales"})))
    BedrockModels(client).answer("m", question())
    (request,) = client.requests
    system = request["system"][0]["text"]
    assert all(each in system for each in ("- Billing: invoices\n- sales", "Be kind.", "Be quick.", "do not follow"))
    assert request["messages"][0]["content"] == [
        {"text": "<data>\nwhere is my invoice?\n</data>\nWhich class is this?"}
    ]
    schema = request["toolConfig"]["tools"][0]["toolSpec"]["inputSchema"]["json"]
    assert schema["properties"]["label"]["enum"] == ["Billing", "sales"]


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        (PNG, "png"),
        (Payload(data=b"...", content_type="image/jpeg"), "jpeg"),
        (Payload(data=b"RIFF....WEBP", content_type="application/octet-stream"), "webp"),
    ],
)
def test_images_are_shown_as_images(payload: Payload, kind: str) -> None:
    client = Scripted(said(tool({"label": "sales"})))
    BedrockModels(client).answer("m", question(payload))
    image = client.requests[0]["messages"][0]["content"][0]["image"]
    assert image == {"format": kind, "source": {"bytes": payload.data}}


@pytest.mark.parametrize(
    "content",
    [
        [tool({"label": "Billing"})],
        [{"text": "billing"}],
        [{"text": "**not this**"}, {"text": ' "Billing".\n'}],
        [{"text": json.dumps({"label": "BILLING"})}],
        [{"reasoningContent": {"reasoningText": {"text": "sales"}}}, tool({"label": "Billing"})],
    ],
)
def test_a_class_is_understood_however_it_is_said(content: list[dict[str, Any]]) -> None:
    assert BedrockModels(Scripted(said(*content))).answer("m", question()).label == "Billing"


@pytest.mark.parametrize(
    "content", [[], [{"text": "It could be billing or sales"}], [tool({})], [tool([])], [tool({"label": "support"})]]
)
def test_what_is_no_class_is_told(content: list[dict[str, Any]]) -> None:
    with pytest.raises(LabelError, match=r"the model answered .* which is none of the classes"):
        BedrockModels(Scripted(said(*content))).answer("m", question())


@pytest.mark.parametrize(
    "payload",
    [
        Payload(data=b"\xff\xfe", content_type="application/octet-stream"),
        Payload(data=b"  ", content_type="text/plain"),
        Payload(data=b"x" * 100_001, content_type="text/plain"),
        Payload(data=b"x" * 4_000_000, content_type="image/png"),
    ],
)
def test_what_no_model_reads_is_not_sent(payload: Payload) -> None:
    client = Scripted()
    with pytest.raises(InputError):
        BedrockModels(client).answer("m", question(payload))
    assert client.calls == []


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("ThrottlingException", 429, RetryableError),
        ("ModelTimeoutException", 408, RetryableError),
        ("ModelNotReadyException", 429, RetryableError),
        ("ServiceUnavailableException", 503, RetryableError),
        ("InternalServerException", 500, RetryableError),
        ("ModelErrorException", 424, ServiceError),
        ("AccessDeniedException", 403, PermissionDeniedError),
        ("ResourceNotFoundException", 404, NotFoundError),
        ("ValidationException", 400, ServiceError),
    ],
)
def test_bedrock_s_errors_are_ours(code: str, status: int, kind: type[Exception]) -> None:
    client = Scripted(refusal(code, status=status, operation="Converse"))
    with pytest.raises(kind, match="asking m: Converse"):
        BedrockModels(client).answer("m", question())
