"""Why a turn has no score. A transient reason is asked again by the next run, a terminal one only when told."""

TRANSIENT = ("rate_limit", "server", "timeout", "connection")
TERMINAL = ("refusal", "truncated", "too_long", "unparseable", "no_reply_recorded")
FATAL = ("auth", "quota", "invalid_request")
"""The endpoint refuses every call: the run stops at once, and the turns stay pending."""
ASKED_AGAIN = (*TRANSIENT, *FATAL)
"""Reasons that say nothing about the turn: the next run asks for it again, untold."""

NO_REPLY = "no_reply_recorded"
UNPARSEABLE = "unparseable"
