"""The read operations of AWS HealthImaging over image sets in memory; knows nothing of sockets and faults."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dicomlogic_ahi.testing.answers import ServiceError, blob_answer, json_answer
from dicomlogic_ahi.testing.frames import media_type
from dicomlogic_ahi.testing.pages import page_of
from dicomlogic_ahi.testing.records import arn, datastore_record, summary, version_record
from dicomlogic_ahi.testing.search import search
from dicomlogic_ahi.testing.sets import DATASTORE, ImageSet
from dicomlogic_ahi.testing.signature import check_signature
from dicomlogic_ahi.testing.spoiled import spoiled
from dicomlogic_ahi.testing.switches import Switches
from dicomlogic_core.testing.server_answers import Answer, Request

_ID = r"[0-9a-z]{32}"

Operation = Callable[["Service", Request, Switches, Mapping[str, str]], Answer]


class Service:
    """Answers requests about image sets; `image_sets` may change between them."""

    def __init__(self, image_sets: dict[str, ImageSet]) -> None:
        self.image_sets = image_sets

    def answer(self, request: Request, switches: Switches) -> Answer:
        """The answer to a request.

        Raises:
            ServiceError: an error of the service model.
        """
        check_signature(request, switches)
        for method, pattern, operation in _OPERATIONS:
            if request.method == method and (match := re.fullmatch(pattern, request.path)):
                for name, value in match.groupdict().items():
                    if not re.fullmatch(_ID, value):
                        raise ServiceError("ValidationException", f"{name} must match {_ID}")
                return operation(self, request, switches, match.groupdict())
        raise ServiceError("UnknownOperationException", "no operation of this service")

    # --- data stores -----------------------------------------------------------------------------------------------

    def list_datastores(self, request: Request, switches: Switches, ids: Mapping[str, str]) -> Answer:
        """ListDatastores."""
        wanted = dict(request.query).get("datastoreStatus", "ACTIVE")
        stores = [datastore_record(one, switches.region) for one in self._datastores()] if wanted == "ACTIVE" else []
        page, token = page_of(stores, request, switches.page)
        return json_answer({"datastoreSummaries": page, **token})

    def get_datastore(self, request: Request, switches: Switches, ids: Mapping[str, str]) -> Answer:
        """GetDatastore."""
        self._check_datastore(ids["datastoreId"])
        properties = datastore_record(ids["datastoreId"], switches.region) | {"losslessStorageFormat": switches.storage}
        return json_answer({"datastoreProperties": properties})

    # --- image sets ------------------------------------------------------------------------------------------------

    def search_image_sets(self, request: Request, switches: Switches, ids: Mapping[str, str]) -> Answer:
        """SearchImageSets."""
        self._check_datastore(ids["datastoreId"])
        criteria = _json(request.body) if request.body else {}
        sets = [one for one in list(self.image_sets.values()) if one.datastore_id == ids["datastoreId"]]
        found, order = search([one for one in sets if one.state != "DELETED"], criteria, switches.filters)
        page, token = page_of(found, request, switches.page)
        return json_answer({"imageSetsMetadataSummaries": [summary(one) for one in page], "sort": order, **token})

    def get_image_set(self, request: Request, switches: Switches, ids: Mapping[str, str]) -> Answer:
        """GetImageSet."""
        image_set = self._image_set(ids)
        version = _version(image_set, request)
        properties = {"datastoreId": image_set.datastore_id, **version_record(image_set, version)}
        properties["imageSetWorkflowStatus"] = properties.pop("ImageSetWorkflowStatus")
        properties["imageSetArn"] = f"{arn(image_set.datastore_id, switches.region)}/imageset/{image_set.image_set_id}"
        return json_answer({**properties, "lastAccessedAt": image_set.updated_at, "storageTier": "FREQUENT_ACCESS"})

    def list_image_set_versions(self, request: Request, switches: Switches, ids: Mapping[str, str]) -> Answer:
        """ListImageSetVersions, the newest first."""
        image_set = self._image_set(ids)
        versions = [version_record(image_set, version) for version in range(image_set.version, 0, -1)]
        page, token = page_of(versions, request, switches.page)
        return json_answer({"imageSetPropertiesList": page, **token})

    def get_image_set_metadata(self, request: Request, switches: Switches, ids: Mapping[str, str]) -> Answer:
        """GetImageSetMetadata."""
        image_set = self._readable(ids)
        _version(image_set, request)
        data = json.dumps(spoiled(image_set.document, switches), separators=(",", ":"), ensure_ascii=False).encode()
        if switches.metadata == "plain":
            return blob_answer(data, "application/json")
        encoding = "gzip" if switches.metadata == "gzip" else ""
        return blob_answer(gzip.compress(data, compresslevel=6, mtime=0), "application/json", encoding)

    def get_image_frame(self, request: Request, switches: Switches, ids: Mapping[str, str]) -> Answer:
        """GetImageFrame."""
        image_set = self._readable(ids)
        information = _json(request.body)
        frame_id = information.get("imageFrameId") if isinstance(information, dict) else None
        if not isinstance(frame_id, str) or not re.fullmatch(_ID, frame_id):
            raise ServiceError("ValidationException", f"imageFrameId must match {_ID}")
        frame = image_set.frames.get(frame_id)
        if frame is None:
            raise ServiceError("ResourceNotFoundException", "there is no such image frame")
        return blob_answer(frame.data, switches.frame_type or media_type(frame.syntax))

    # --- what is there ---------------------------------------------------------------------------------------------

    def _datastores(self) -> list[str]:
        # A service without image sets has an empty store.
        return sorted({one.datastore_id for one in list(self.image_sets.values())} or {DATASTORE})

    def _check_datastore(self, datastore_id: str) -> None:
        if datastore_id not in self._datastores():
            raise ServiceError("ResourceNotFoundException", f"there is no data store {datastore_id}")

    def _image_set(self, ids: Mapping[str, str]) -> ImageSet:
        self._check_datastore(ids["datastoreId"])
        image_set = self.image_sets.get(ids["imageSetId"])
        if image_set is None or image_set.datastore_id != ids["datastoreId"]:
            raise ServiceError("ResourceNotFoundException", f"there is no image set {ids['imageSetId']}")
        return image_set

    def _readable(self, ids: Mapping[str, str]) -> ImageSet:
        image_set = self._image_set(ids)
        if image_set.state == "DELETED":
            raise ServiceError("ResourceNotFoundException", f"image set {image_set.image_set_id} was deleted")
        if image_set.state == "LOCKED":
            raise ServiceError("ConflictException", f"image set is LOCKED, workflow status {image_set.workflow}")
        return image_set


_STORE = r"/datastore/(?P<datastoreId>[^/]+)"
_SET = _STORE + r"/imageSet/(?P<imageSetId>[^/]+)"
_OPERATIONS: Sequence[tuple[str, str, Operation]] = (
    ("GET", "/datastore", Service.list_datastores),
    ("GET", _STORE, Service.get_datastore),
    ("POST", _STORE + "/searchImageSets", Service.search_image_sets),
    ("POST", _SET + "/getImageSet", Service.get_image_set),
    ("POST", _SET + "/getImageSetMetadata", Service.get_image_set_metadata),
    ("POST", _SET + "/getImageFrame", Service.get_image_frame),
    ("POST", _SET + "/listImageSetVersions", Service.list_image_set_versions),
)


def _version(image_set: ImageSet, request: Request) -> int:
    text = dict(request.query).get("version", str(image_set.version))
    if not text.isascii() or not text.isdigit():
        raise ServiceError("ValidationException", r"version must match \d+")
    if not 1 <= int(text) <= image_set.version:
        raise ServiceError("ResourceNotFoundException", f"there is no version {text}")
    return int(text)


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        raise ServiceError("ValidationException", "the body is no JSON") from None
