"""What `import clrface` offers, for type checkers."""

from clrface.public import evaluate as evaluate
from clrface.public import list_methods as list_methods
from clrface.public import list_metrics as list_metrics
from clrface.public import list_protocols as list_protocols
from clrface.version import __version__ as __version__
