"""Planning Center's manifest, read from the files in `entities/`."""

from __future__ import annotations

from functools import cache
from importlib import resources

from openfaith.manifest import Manifest, load_manifest, parse_document

_FILES = (
    "people.json",
    "groups.json",
    "giving.json",
    "check_ins.json",
    "services.json",
    "calendar.json",
    "registrations.json",
    "publishing.json",
    "webhooks.json",
    "api.json",
)
"""One a product, in the order of the manifest."""


@cache
def load_planning_center() -> Manifest:
    """The manifest of adapter `pco`, read once per process.

    Raises:
        ManifestError: the installed data is not what its format promises.
    """
    return load_manifest(documents(), adapter="pco", default_product="people")


def documents() -> dict[str, object]:
    """The parsed data by file name, read anew.

    Raises:
        ManifestError: a file is not JSON.
    """
    folder = resources.files(__package__) / "entities"
    return {name: parse_document(name, (folder / name).read_bytes()) for name in _FILES}
