"""Rehearsing: a service of our own on this computer, found or started by `launcher`, played by the `band`."""
