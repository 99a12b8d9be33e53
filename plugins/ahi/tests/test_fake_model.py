"""Every answer of the fake service against botocore's copy of the service model: members, types, enums, patterns."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from botocore.model import Shape

from dicomlogic_ahi.testing import ImageSet

KINDS = {"string": str, "integer": int, "boolean": bool, "timestamp": (int, float), "structure": dict, "list": list}


def against_the_model(value: Any, shape: Shape, path: str) -> Iterator[str]:
    """What a JSON value has that its shape does not allow, or lacks."""
    if not isinstance(value, KINDS[shape.type_name]) or (isinstance(value, bool) and shape.type_name != "boolean"):
        yield f"{path} is no {shape.type_name}"
    elif shape.type_name == "structure":
        yield from (f"{path}.{name} is unknown" for name in value if name not in shape.members)
        yield from (f"{path}.{name} is missing" for name in shape.required_members if name not in value)
        for name in value.keys() & shape.members.keys():
            yield from against_the_model(value[name], shape.members[name], f"{path}.{name}")
    elif shape.type_name == "list":
        for number, entry in enumerate(value):
            yield from against_the_model(entry, shape.member, f"{path}[{number}]")
    elif shape.type_name == "string":
        pattern = shape.metadata.get("pattern", "").replace(r"\p{ASCII}", r"[\x00-\x7f]").replace("{0,8192}", "*")
        if pattern and not re.fullmatch(pattern, value):
            yield f"{path} is not of the form {pattern}"
        if getattr(shape, "enum", None) and value not in shape.enum:
            yield f"{path} is none of {shape.enum}"


@pytest.fixture
def sets(ct) -> list[ImageSet]:
    """Sets of every state, more than a page of them."""
    made = ct[0].copies(60)
    made[1] = made[1].updated(state="LOCKED", workflow="UPDATING_FOR_STUDY_CONSISTENCY")
    made[2] = made[2].duplicate()
    made[3] = made[3].updated(state="DELETED", workflow="DELETED")
    return made


@pytest.fixture
def operations(service, sets) -> list[tuple[str, Any, dict[str, Any]]]:
    """Name, shape and JSON body of one answer per operation that answers with JSON."""
    server = service(sets)
    config = Config(inject_host_prefix=False, retries={"total_max_attempts": 1})
    client = botocore.session.Session().create_client("medical-imaging", config=config)
    bodies: list[tuple[str, Any, dict[str, Any]]] = []

    def keep(http_response: Any, parsed: Any, model: Any, **_: Any) -> None:
        bodies.append((model.name, model.output_shape, http_response._content))

    client.meta.events.register("after-call", keep)
    client.list_datastores()
    client.get_datastore(datastoreId=server.datastore)
    client.search_image_sets(datastoreId=server.datastore)
    for one in sets[:4]:
        where = {"datastoreId": server.datastore, "imageSetId": one.image_set_id}
        client.get_image_set(**where)
        client.list_image_set_versions(**where, maxResults=1)
    client.close()
    return bodies


def test_answers_are_those_of_the_model(operations) -> None:

    names = {name for name, _, _ in operations}
    assert names == {"ListDatastores", "GetDatastore", "SearchImageSets", "GetImageSet", "ListImageSetVersions"}
    problems = [
        problem for name, shape, body in operations for problem in against_the_model(json.loads(body), shape, name)
    ]
    assert problems == []


def test_the_check_finds_what_is_wrong() -> None:
    model = botocore.session.Session().get_service_model("medical-imaging")
    shape = model.shape_for("ImageSetProperties")
    right = {"imageSetId": "0" * 32, "versionId": "1", "imageSetState": "ACTIVE"}
    assert list(against_the_model(right, shape, "")) == []
    for wrong in (
        {"imageSetId": "0" * 31},
        {"versionId": 1},
        {"imageSetState": "GONE"},
        {"imageSetWorkflowStatus": "COPIED"},
        {"isPrimary": 1},
        {"createdAt": "2024-01-01"},
    ):
        assert list(against_the_model(right | wrong, shape, "")), wrong
    assert list(against_the_model({}, shape, ""))
