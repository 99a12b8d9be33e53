"""The logic of the module: registers the adaptor, and loads what it finds into a scene."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dicomlogic_core as dl
from TemperatureMapsLib.adaptor import NAME, TemperatureMapsPlugin
from TemperatureMapsLib.scene import add_volume


class TemperatureMapsLogic:
    """One per module; `close` when Slicer unloads it, so that reloading the module registers the new code."""

    def __init__(self, manager: dl.PluginManager | None = None) -> None:
        self.manager = manager if manager is not None else dl.default_manager()
        self._registered = self.manager.register(TemperatureMapsPlugin(), name=NAME)

    def close(self) -> None:
        """Unregister the adaptor."""
        self.manager.unregister(self._registered)

    def load(
        self, location: str | Path, scene: Any, on_progress: Callable[[int, int, str], None] | None = None
    ) -> tuple[list[Any], list[dl.Finding]]:
        """Every temperature map at a location (a folder, or a DICOMweb address when that plugin is installed).

        Nothing is written to disk: the database is in memory. `on_progress` is called in this thread, so that it may
        move a progress bar.

        Returns:
            The nodes added to the scene, and what there is to know about them.

        Raises:
            DicomLogicError: the location cannot be read, or a map cannot be loaded.
        """
        nodes: list[Any] = []
        findings: list[dl.Finding] = []
        with dl.open(manager=self.manager) as session:
            session.index(location, on_progress=on_progress)
            for loadable in session.examine():
                if loadable.adaptor == NAME:
                    volume = session.load(loadable)
                    nodes.append(add_volume(volume, scene))
                    findings += volume.findings
        return nodes, findings
