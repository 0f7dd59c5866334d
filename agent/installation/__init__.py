"""Edgewise as a service of this computer: its versions, its units, and the way back."""
