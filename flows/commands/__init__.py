"""The commands of `empathy`, a module a group; each imports what it needs when it is called."""
