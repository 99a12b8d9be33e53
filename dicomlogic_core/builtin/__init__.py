"""Plugins that come with the core; they use the same face and the same hooks as any other."""
