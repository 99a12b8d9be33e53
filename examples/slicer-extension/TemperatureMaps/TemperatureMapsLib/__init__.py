"""What the module does, apart from its panel: it runs, and is tested, without a window."""
