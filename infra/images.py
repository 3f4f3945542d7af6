"""SageMaker's own scikit-learn image, which the training and serving scripts run on."""

from __future__ import annotations

from aws_cdk import CfnMapping, Stack

_TAG = "1.4-2-cpu-py3"
# Registry accounts of sagemaker-scikit-learn (AWS documentation, "Docker Registry Paths and Example Code").
_ACCOUNTS = {
    "ap-northeast-1": "354813040037",
    "ap-northeast-2": "366743142698",
    "ap-south-1": "720646828776",
    "ap-southeast-1": "121021644041",
    "ap-southeast-2": "783357654285",
    "ca-central-1": "341280168497",
    "eu-central-1": "492215442770",
    "eu-north-1": "662702820516",
    "eu-west-1": "141502667606",
    "eu-west-2": "764974769150",
    "eu-west-3": "659782779980",
    "sa-east-1": "737474898029",
    "us-east-1": "683313688378",
    "us-east-2": "257758044811",
    "us-west-1": "746614075791",
    "us-west-2": "246618743249",
}


def scikit_learn_image(stack: Stack) -> str:
    """The image's URI in the stack's Region, looked up when the stack is deployed."""
    mapping = CfnMapping(
        stack, "ScikitLearn", mapping={region: {"account": each} for region, each in _ACCOUNTS.items()}
    )
    account = mapping.find_in_map(stack.region, "account")
    return f"{account}.dkr.ecr.{stack.region}.{stack.url_suffix}/sagemaker-scikit-learn:{_TAG}"
