"""Why a turn has no score. A transient reason is asked again by the next run, a terminal one only when told."""

TRANSIENT = ("rate_limit", "server", "timeout", "connection")
TERMINAL = ("refusal", "truncated", "unparseable", "no_reply_recorded")
FATAL = ("auth", "quota", "invalid_request")
"""The endpoint refuses every call: the run stops at once, and the turns stay pending."""

NO_REPLY = "no_reply_recorded"
UNPARSEABLE = "unparseable"
