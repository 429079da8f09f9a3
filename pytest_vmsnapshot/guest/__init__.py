"""Guests: where a VM's processes run. What runs inside a VM uses the standard library only."""
