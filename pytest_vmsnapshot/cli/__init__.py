"""The command line. Each command has a module, which imports what it needs once it is called."""
