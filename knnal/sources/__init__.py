"""Where items come from: image folders, tables and files of text, ready embeddings.

``detect.open_source`` picks the source of a path. A source reads lazily, in a repeatable order and
with flat memory; what cannot become an item is yielded as a ``Skip``, and what makes the whole
source unusable raises InputError when the source is made.
"""
