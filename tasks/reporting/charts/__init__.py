"""The charts, one a file: plain numbers in, an Altair chart of a given width out."""
