"""A fake of AWS HealthImaging's read operations on the loopback interface, for tests.

::

    with serve(image_sets_from(folder)) as server:
        session.index(f"ahi://{server.datastore}", endpoint=server.endpoint, ...)

Operations, errors, paging and signatures follow the service model; a real botocore client cannot tell the difference.
Control and runtime operations are on the same endpoint, as with every custom endpoint: a botocore client needs
``Config(inject_host_prefix=False)``. Nothing is printed. How it behaves is decided by `Switches`, which may change
while it runs::

    server.set(faults=[Fault("error", path="getImageFrame", times=3, value="ThrottlingException")])

The pattern of a fault is searched in path, query and body of a request, so that it can name a frame.
"""

from __future__ import annotations

from dicomlogic_ahi.testing.metadata import image_sets_from
from dicomlogic_ahi.testing.server import Server, serve
from dicomlogic_ahi.testing.sets import DATASTORE, Frame, ImageSet
from dicomlogic_ahi.testing.switches import Fault, Switches

__all__ = ["DATASTORE", "Fault", "Frame", "ImageSet", "Server", "Switches", "image_sets_from", "serve"]
