"""How every command starts: its config, its folder, its ranks, and the steps of a pipeline."""
