"""Planning Center's part of the canonical model, read from the files in `canonical/`."""

from __future__ import annotations

from functools import cache
from importlib import resources

from openfaith.adapters.planning_center.manifest import load_planning_center
from openfaith.manifest import CanonicalMapping, load_canonical_mapping, parse_document

_FILES = (
    "directory.json",
    "groups.json",
    "giving.json",
    "services.json",
    "check_ins.json",
    "calendar.json",
)
"""One a domain, in the order of the model."""


@cache
def load_planning_center_mapping() -> CanonicalMapping:
    """The mapping of adapter `pco`, read once per process.

    Raises:
        ManifestError: the installed data does not fit the manifest, or is not what its format promises.
    """
    return load_canonical_mapping(mapping_documents(), load_planning_center())


def mapping_documents() -> dict[str, object]:
    """The parsed data by file name, read anew.

    Raises:
        ManifestError: a file is not JSON.
    """
    folder = resources.files(__package__) / "canonical"
    return {name: parse_document(name, (folder / name).read_bytes()) for name in _FILES}
