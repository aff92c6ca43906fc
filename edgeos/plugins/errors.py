"""What can be wrong with a plugin before it runs."""


class PluginError(Exception):
    """Base of what is raised here; the text is one line for the owner."""


class BadPackage(PluginError):
    """Raised when a package cannot be used; the text names the file and what was expected."""


class BadText(PluginError, ValueError):
    """Raised when a version, a requirement or a permission is not written as it has to be."""
