"""The log of the backup extension: read, understood, and run again.

Source of its form: the extension's public source, in several versions.
"""
