"""The axes of planes of contours: their normal by area, and two directions in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PARALLEL = 0.98  # cosine: contours that turn farther away than 11 degrees do not decide the normal
_FLAT_MM = 1e-6


def following(vertices: NDArray[np.float64], firsts: NDArray[np.intp], counts: NDArray[np.intp]) -> NDArray[np.float64]:
    """The next vertex of each (d, n), the first one of its contour after the last."""
    following = np.empty_like(vertices)
    following[:, :-1] = vertices[:, 1:]
    following[:, firsts + counts - 1] = vertices[:, firsts]
    return following


def plane_normal(points: NDArray[np.float64], firsts: NDArray[np.intp]) -> NDArray[np.float64]:
    """Unit normal (3,) of the planes, by area; of the two the one along its largest component.

    Args:
        points: (3, n) of all contours.
    """
    counts = np.diff(np.append(firsts, points.shape[1]))
    # Nearly all contours are axial: that is seen before the other axes are looked at.
    for axis in (2, 1, 0):
        if np.abs(points[axis] - np.repeat(points[axis, firsts], counts)).max() <= _FLAT_MM:
            along_axis: NDArray[np.float64] = np.eye(3)[axis]
            return along_axis
    # Relative to each contour's first point: far from the origin the products would lose digits.
    local = points - np.repeat(points[:, firsts], counts, axis=1)
    x, y, z = local
    a, b, c = following(local, firsts, counts)
    products = np.stack([y * c - z * b, z * a - x * c, x * b - y * a])
    areas = np.add.reduceat(products, firsts, axis=1).T / 2
    largest = areas[np.argmax(np.linalg.norm(areas, axis=1))]
    size = float(np.linalg.norm(largest))
    if size == 0:
        return np.array([0.0, 0.0, 1.0])
    along = areas @ (largest / size)
    near = np.abs(along) >= _PARALLEL * np.linalg.norm(areas, axis=1)
    total = (areas[near] * np.sign(along[near])[:, None]).sum(axis=0)
    normal: NDArray[np.float64] = total / np.linalg.norm(total)
    main = int(np.argmax(np.abs(normal)))
    normal = normal * np.sign(normal[main])
    # Rounded coordinates must not tilt planes that follow an axis.
    return np.eye(3)[main] if normal[main] > 1 - 1e-12 else normal


def plane_axes(normal: NDArray[np.float64], along: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows u, v, w: w the normal, u as near to `along` as the planes allow."""
    flat = along - (along @ normal) * normal
    if np.linalg.norm(flat) < 0.1 * np.linalg.norm(along):
        other = np.eye(3)[int(np.argmin(np.abs(normal)))]
        flat = other - (other @ normal) * normal
    u = flat / np.linalg.norm(flat)
    return np.stack([u, np.cross(normal, u), normal])
