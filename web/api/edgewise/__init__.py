"""Edgewise's own API: what no other dialect has a place for."""
