"""Pretrained networks that turn content into vectors: one file each, behind one protocol."""
