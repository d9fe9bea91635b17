"""The studio: a form, a button and a player in a notebook."""

from .widget import MusicStudio

__all__ = ["MusicStudio"]
