"""`python -m clrface`."""

import sys

from clrface.cli import main

sys.exit(main())
