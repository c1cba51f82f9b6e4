"""How those who shall know are told: a POST to a webhook, an e-mail.

A channel sends one message about several alerts, once, and says whether it has arrived. It keeps nothing and tries nothing
again: what is owed, and until when, the store knows. aiosmtplib is imported in `mail` and nowhere else; the HTTP client in
`webhook`, which shares none of `source`'s code, because that asks one API under one budget.
"""

from openfaith.delivery.channels import Sender, parse_senders
from openfaith.delivery.mail import MailSender
from openfaith.delivery.webhook import WebhookSender

__all__ = ["MailSender", "Sender", "WebhookSender", "parse_senders"]
