"""What was paid for: the journal of replies, who may pay, and the tables made from it."""
