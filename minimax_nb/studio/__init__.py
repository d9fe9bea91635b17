"""The studio: a form, a button and a player in a notebook. `widget.MusicStudio` is what is shown."""
