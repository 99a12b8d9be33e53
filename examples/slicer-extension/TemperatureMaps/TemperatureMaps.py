"""The module as Slicer sees it: a panel with a folder and a button. All work is done in TemperatureMapsLib."""

from __future__ import annotations

import ctk
import qt
import slicer
from slicer.ScriptedLoadableModule import ScriptedLoadableModule, ScriptedLoadableModuleWidget


class TemperatureMaps(ScriptedLoadableModule):
    """Name and texts of the module."""

    def __init__(self, parent: object) -> None:
        super().__init__(parent)
        self.parent.title = "Temperature maps"
        self.parent.categories = ["Informatics"]
        self.parent.contributors = ["Your Name"]
        self.parent.helpText = "Loads temperature maps of a made-up scanner from a folder, through DICOMLogic."


class TemperatureMapsWidget(ScriptedLoadableModuleWidget):
    """The panel."""

    def setup(self) -> None:
        """Called when the module is first shown."""
        super().setup()
        self.folder = ctk.ctkPathLineEdit()
        self.folder.filters = ctk.ctkPathLineEdit.Dirs
        self.button = qt.QPushButton("Load temperature maps")
        self.button.clicked.connect(self.load)
        self.layout.addWidget(self.folder)
        self.layout.addWidget(self.button)
        self.layout.addStretch(1)
        self.logic = None

    def load(self) -> None:
        """Load all maps of the folder and show what there is to know about them."""
        with slicer.util.tryWithErrorDisplay("The temperature maps could not be loaded."), slicer.util.WaitCursor():
            if self.logic is None:
                _install()
                from TemperatureMapsLib.logic import TemperatureMapsLogic

                self.logic = TemperatureMapsLogic()
            nodes, findings = self.logic.load(self.folder.currentPath, slicer.mrmlScene, self._progress)
            said = "\n".join(f"{one.severity}: {one.message} {one.remedy}" for one in findings)
            slicer.util.infoDisplay(f"{len(nodes)} temperature maps loaded\n{said}")

    def cleanup(self) -> None:
        """Called when the module is reloaded, or Slicer ends."""
        if self.logic is not None:
            self.logic.close()

    def _progress(self, done: int, total: int, what: str) -> None:
        slicer.util.showStatusMessage(f"{done} {what}")
        slicer.app.processEvents()


def _install() -> None:
    """Install DICOMLogic at first use, never while Slicer starts."""
    try:
        import dicomlogic_core  # noqa: F401  # only whether it is there
    except ImportError:
        slicer.util.pip_install("dicomlogic-core")
