"""Parts of the command `thrive-fhir`, one file each; service/cli.py puts them together."""
