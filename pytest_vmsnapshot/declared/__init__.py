"""What a TOML file says of a VM: read with the line of every mistake, and set up on the VM."""

from .set_up import Doubles, set_up
from .stage import Stage, read_stage
from .table import Table
from .toml_file import TomlFile

__all__ = ["Doubles", "Stage", "Table", "TomlFile", "read_stage", "set_up"]
