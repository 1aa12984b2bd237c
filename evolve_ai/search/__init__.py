"""The walk of a candidate: ask, propose, apply, admit, evaluate, judge, commit."""
