"""What `import clrface` offers, for type checkers."""

from clrface.public import create_metric as create_metric
from clrface.public import degrade as degrade
from clrface.public import evaluate as evaluate
from clrface.public import list_methods as list_methods
from clrface.public import list_metrics as list_metrics
from clrface.public import list_protocols as list_protocols
from clrface.public import load_method as load_method
from clrface.public import restore as restore
from clrface.public import sample_faces as sample_faces
from clrface.restoration.pipeline import CLRFace as CLRFace
from clrface.version import __version__ as __version__
