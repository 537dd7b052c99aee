"""The YAML config and board files: text in, typed models or every fault out.

Scalars are read as text and typed by the schema (``0112``, ``NO`` and ``+4512345678`` survive). The way in is
:func:`offhook.config.load.load`; what comes out is :class:`offhook.config.schema.Config`.
"""
