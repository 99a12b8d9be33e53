"""The index: SQLite files in the ctkDICOM schema, and our own file beside them."""
