"""`python -m bmw2mqtt` and the console script."""

import sys

from bmw2mqtt.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
