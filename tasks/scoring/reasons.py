"""Why a turn has no score. A transient reason is asked again by the next run, a terminal one only when told."""

TRANSIENT = ("rate_limit", "server", "timeout", "connection", "interrupted")
TERMINAL = ("refusal", "truncated", "too_long", "unparseable", "no_reply_recorded")
FATAL = ("auth", "quota", "invalid_request")
"""The endpoint refuses every call: the run stops at once, and the turns stay pending."""
NO_LOGPROBS = "no_logprobs"
"""A reply without the log-probabilities that the method needs: the turn is asked again in another way."""
TOO_FEW_SAMPLES = "too_few_samples"
"""Replies that count, but not as many as the method needs: the turn is asked for the rest."""
ASKED_AGAIN = (*TRANSIENT, *FATAL, NO_LOGPROBS, TOO_FEW_SAMPLES)
"""Reasons that say nothing about the turn: the next run asks for it again, untold."""

NO_REPLY = "no_reply_recorded"
UNPARSEABLE = "unparseable"

MAX_REPLIES = 3
"""Replies of no use in a row before a turn is left without a score."""
ASKED_ON = ("refusal", "truncated", "unparseable")
"""Terminal reasons of which a turn is asked MAX_REPLIES times."""
