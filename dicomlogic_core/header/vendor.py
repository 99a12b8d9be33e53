"""Vendor header layouts: Siemens mosaics and UIH grids as tiles. Nothing else in the core knows a vendor."""

from __future__ import annotations

RAW_KEYS: frozenset[str] = frozenset()
