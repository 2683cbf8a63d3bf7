"""A whole gateway below one folder, on loopback ports.

Standard library only. Used by `make run`, the system tests and the contract
tests. gateway.py is the entry; README "Tests" tells how to run things.
"""
