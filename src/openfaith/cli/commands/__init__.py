"""One file per command: its options, the verb of the engine it calls, and its exit code."""
