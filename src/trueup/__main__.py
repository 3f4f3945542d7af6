"""`python -m trueup` is `trueup`."""

from trueup.cli.app import main

main()
