"""The contract of a config and its scripts: what each pair must keep, checked by running it.

A check is a function that takes a ``Stand``, tries the scripts on throwaway VMs, and returns an
``Outcome``. Nothing here knows pytest: a test run and the command line both go through
``checks_of``.
"""
