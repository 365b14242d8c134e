"""What `empathy doctor` looks at: a module a part of the machine, none of which starts or changes anything."""

from flows.doctor.examine import examine
from flows.doctor.finding import Finding, State

__all__ = ["Finding", "State", "examine"]
