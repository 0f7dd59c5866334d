"""Signed updates in one file: models, firmware profiles, families, settings and wheels, for devices without a network.

An `.edgewise-bundle` is an uncompressed tar archive (models do not compress) with its members in a fixed order: the
manifest, its minisign signature, then the parts as the manifest lists them. Headers are compared with what they must
be, never interpreted.
"""
