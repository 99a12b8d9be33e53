"""From bytes to arrays: decoding, and frames into one preallocated array."""
