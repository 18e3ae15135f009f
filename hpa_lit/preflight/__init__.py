"""What `check` looks for before a GPU does."""
