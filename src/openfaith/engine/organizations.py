"""Organizations: which are known, and what their sources answer."""

from __future__ import annotations

from openfaith.adapters import find_adapter
from openfaith.engine.views import SourceReport
from openfaith.errors import UnknownNameError
from openfaith.manifest import Manifest, near_names
from openfaith.records import OrgId
from openfaith.retries import REQUEST_OF_A_PERSON
from openfaith.source import SourceClient, parse_token
from openfaith.store import Credential, Database, list_organizations


async def known_org(database: Database, org: str) -> OrgId:
    """Check that an organization is connected.

    Raises:
        UnknownNameError: it is not; names near ones.
    """
    known = {org_id for org_id, _, _ in await list_organizations(database)}
    if org not in known:
        hint = f"connect it with `openfaith connect pco --org {org}`"
        raise UnknownNameError("organization", org, near_names(org, known), hint)
    return OrgId(org)


def open_client(credential: Credential) -> SourceClient:
    """A client for a few questions that somebody waits for.

    Raises:
        ConfigurationError: the token or the base URL cannot be used.
    """
    return SourceClient(
        base_url=credential.base_url, token=parse_token(credential.token), retry=REQUEST_OF_A_PERSON
    )


async def ask_once(client: SourceClient, manifest: Manifest, credential: Credential) -> SourceReport:
    """One small request that a good token is allowed.

    Raises:
        CredentialsRejectedError, AccessDeniedError, SourceUnavailableError: what the source answered.
    """
    name = find_adapter(credential.adapter).probe
    entity = manifest.entities[name]
    assert entity.listing is not None, "an adapter's probe can be listed"
    version = manifest.products[entity.product].version
    page = await client.get_page(entity.listing.path, {"per_page": "1"}, version=version)
    return SourceReport(
        base_url=credential.base_url,
        entity=name,
        organization=page.organization,
        records=page.total_count,
        limit=client.statistics.limit,
    )
