"""The subject of checks of writers: objects to write, folders to write into, and the author's independent reader."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dicomlogic_core.errors import DicomLogicError
from dicomlogic_core.findings import Finding
from dicomlogic_core.testing import sample_objects
from dicomlogic_core.testing.checks.outcome import Broken, NotApplicable, require
from dicomlogic_core.testing.checks.subject import Subject

Make = Callable[[], Any]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReadBack:
    """What an independent reader finds in the files of one object; None for what a format cannot hold.

    Attributes:
        array: ``[k, j, i]`` or ``[k, j, i, c]``; for a sequence ``[n, k, j, i]``.
        ijk_to_lps: (4, 4), to LPS mm.
        axis: the values of the first axis of a sequence.
        texts: texts that can be found in the file, for the search of metadata: any mapping.
    """

    array: NDArray[Any]
    ijk_to_lps: NDArray[np.float64] | None = None
    axis: tuple[Any, ...] | None = None
    texts: Mapping[str, str] | None = None


Read = Callable[[Sequence[Path]], ReadBack]


class WriterSubject(Subject):
    """A writer with objects to write.

    Args:
        objects: what makes them; by default the kit's samples of the kinds that the provider accepts.
        options: the ``-o`` options in effect, text.
        read: an independent reader of the files of one object.
        lenient: when the writer refuses all of the kit's samples by name, there is nothing to check.
    """

    def __init__(
        self,
        provider_name: str,
        *,
        plugin: Any = None,
        objects: Sequence[Make] = (),
        options: Mapping[str, str] | None = None,
        read: Read | None = None,
        lenient: bool = False,
    ) -> None:
        super().__init__("writer", provider_name, plugin=plugin)
        self._objects = tuple(objects)
        self.options = dict(options or {})
        self.read = read or read_image
        self._lenient = lenient

    def accepts(self, kind: str) -> bool:
        """Whether the provider says that it takes objects of a kind."""
        return not self.provider.accepts or kind in self.provider.accepts

    def objects(self) -> list[Any]:
        """New objects of every kind that it takes.

        Raises:
            NotApplicable: the kit has no sample of these kinds.
        """
        made = [make() for make in self._makes]
        if not made:
            kinds = ", ".join(sorted(self.provider.accepts)) or "some kind"
            raise NotApplicable(f"needs objects of {kinds}: name functions that make them in `objects`")
        return made

    @cached_property
    def _makes(self) -> list[Make]:
        """The author's objects, or the kit's: of these a writer that takes anything may refuse some."""
        if self._objects:
            return list(self._objects)
        made = [make for kind, make in _SAMPLES if self.accepts(kind)]
        if self.provider.accepts and not self._lenient:
            return made
        taken = [make for make in made if self._takes(make)]
        return made if self.provider.accepts and taken else taken

    def _takes(self, make: Make) -> bool:
        try:
            self.write(make(), self.new_folder())
        except DicomLogicError:
            return False
        return True

    def only_volumes(self) -> None:
        """Go on for writers of volumes only.

        Raises:
            NotApplicable: volumes are not what it writes.
        """
        if sample_objects.volume not in self._makes:
            raise NotApplicable("looks at volumes of the kit's own, which this writer is not asked to write")

    def write(self, made: Any, folder: Path, *, stem: str = "object") -> list[Path]:
        """The files a new worker writes.

        Raises:
            Broken: it does not tell them.
        """
        with self.listening():
            told = self.worker().write(made, folder / stem, dict(self.options))
        if isinstance(told, (str, Path)) or not isinstance(told, Iterable):
            raise Broken(f"write gives {type(told).__name__}; it gives the paths of the files it made, as a list")
        return [Path(path) for path in told]

    def exercise(self) -> list[Finding]:
        """Write everything; a writer makes no findings."""
        for made in self.objects():
            self.write(made, self.new_folder())
        return []


_SAMPLES: tuple[tuple[str, Make], ...] = (
    ("volume", sample_objects.volume),
    ("volume", lambda: sample_objects.volume("float32", oblique=True, step=0.1)),
    ("volume", lambda: sample_objects.volume("uint8", components=3)),
    ("volume", sample_objects.lazy_volume),
    ("sequence", sample_objects.volume_sequence),
    ("segmentation", sample_objects.segmentation),
    ("record", sample_objects.Record),
)


def read_image(paths: Sequence[Path]) -> ReadBack:
    """The first file as SimpleITK reads it.

    Raises:
        NotApplicable: SimpleITK is not installed, or does not know the format.
    """
    if importlib.util.find_spec("SimpleITK") is None:
        raise NotApplicable("needs a reader: define read(paths), or install SimpleITK for formats that it reads")
    sitk: Any = importlib.import_module("SimpleITK")  # an optional library of the tests only
    reader = sitk.ImageFileReader()
    known = reader.GetImageIOFromFileName(str(paths[0]))
    if not known:
        raise NotApplicable(f"needs a reader of {paths[0].suffix}: define read(paths) in the class of the tests")
    reader.SetFileName(str(paths[0]))
    image = reader.Execute()
    require(image.GetDimension() in (3, 4), f"{paths[0].name} is an image of {image.GetDimension()} dimensions")
    array = sitk.GetArrayFromImage(image)
    matrix = np.eye(4)
    dimension = image.GetDimension()
    directions = np.array(image.GetDirection()).reshape(dimension, dimension)[:3, :3]
    matrix[:3, :3] = directions * np.array(image.GetSpacing()[:3])
    matrix[:3, 3] = image.GetOrigin()[:3]
    texts = {key: str(image.GetMetaData(key)) for key in image.GetMetaDataKeys()}
    return ReadBack(array=array, ijk_to_lps=matrix, texts=texts)
