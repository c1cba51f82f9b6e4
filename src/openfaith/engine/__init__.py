"""The composition root: the verbs by which everything else drives openfaith.

An open engine has a database that is migrated and has every mirror table. It reads and requests; work is only
done while some process, this one or another, is `working`.

    requests        what a run is asked for with, checked and resolved
    organizations   which are known, and what their sources answer
    verbs           the engine
    suspects        what a person decides about records that may be gone
    alerts          what a person is told of, and says about it
    views           what the verbs return
    quick           one call, from a token to the rows
"""

from openfaith.engine.quick import run_pco_sync
from openfaith.engine.requests import RunOptions, check_org_id
from openfaith.engine.verbs import Engine
from openfaith.engine.views import RunView, SourceReport

__all__ = ["Engine", "RunOptions", "RunView", "SourceReport", "check_org_id", "run_pco_sync"]
