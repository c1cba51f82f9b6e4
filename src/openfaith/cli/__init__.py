"""The terminal's face of the engine: parse, call one verb, render."""


def main() -> None:
    raise SystemExit(2)
