"""What a person shall be told of: facts in, findings out, and nothing read or written.

A rule is a pure function of what is known (`facts`), the time included. All of them stand in one table (`rules`), and
whatever one of them finds is an alert for as long as it finds it (`alerts`). Rules look at how things are, never at how
they have changed since they last looked: so the same facts are the same alerts, however often and wherever they are
looked at. To add one is to write its function, its row, and, where it needs any, its facts.
"""

from openfaith.alerting.alerts import Alert, AlertId, AlertState, Channel, Delivery, Notice, Occasion
from openfaith.alerting.facts import BreakerFacts, EntityFacts, Facts, RunFacts, Targets
from openfaith.alerting.rules import RULES, Finding, decide
from openfaith.alerting.waits import MOST_ATTEMPTS, wait_after

__all__ = [
    "MOST_ATTEMPTS",
    "RULES",
    "Alert",
    "AlertId",
    "AlertState",
    "BreakerFacts",
    "Channel",
    "Delivery",
    "EntityFacts",
    "Facts",
    "Finding",
    "Notice",
    "Occasion",
    "RunFacts",
    "Targets",
    "decide",
    "wait_after",
]
